/** The contract through the native engine, as whoever runs the tests. */
import t from 'tap'
import { ENGINE_CAPABILITIES } from '../../src/engine/engine-capabilities.js'
import { contractCases } from './contract.js'
import { runContract } from './contract-case.js'
import { nativeMounted } from './mounted.js'

runContract(t, contractCases, ENGINE_CAPABILITIES.native, nativeMounted)
