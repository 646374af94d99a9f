/** The contract through the native engine, as whoever runs the tests. */
import t from 'tap'
import { contractCases } from './contract.js'
import { runContract } from './contract-case.js'
import { nativeMounted } from './mounted.js'

runContract(t, contractCases, ['inodes', 'interrupt', 'invalidate', 'fallocate', 'caller'], nativeMounted)
