/** All cases of the contract, in the order they run. */
import type { ContractCase } from './contract-case.js'
import { attributeCases } from './contract-attributes.js'
import { directoryCases } from './contract-directories.js'
import { fileCases } from './contract-files.js'
import { nameCases } from './contract-names.js'
import { noticeCases } from './contract-notices.js'
import { waitingCases } from './contract-waiting.js'

export const contractCases: readonly ContractCase[] = [
  ...nameCases,
  ...fileCases,
  ...directoryCases,
  ...attributeCases,
  ...waitingCases,
  ...noticeCases,
]
