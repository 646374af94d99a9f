/** The contract through npm's fuse-native. */
import t from 'tap'
import { ENGINE_CAPABILITIES } from '../../src/engine/engine-capabilities.js'
import { contractCases } from './contract.js'
import { runContract } from './contract-case.js'
import { fuseNativeMounted } from './fuse-native-mounted.js'

runContract(t, contractCases, ENGINE_CAPABILITIES['fuse-native'], fuseNativeMounted)
