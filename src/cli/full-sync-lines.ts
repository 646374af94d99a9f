/** What a full synchronization does, in words. Pure. */
import type { FullSyncPlan } from '../control/commands.js'
import { indented } from './adoption-summary.js'
import { bytesInWords, countInWords } from './words.js'

export function fullSyncLines({ up, reappears, down, merged, compare, conflicts, dropped, uncompared }: FullSyncPlan): readonly string[] {
  const sizes = ({ files, folders, bytes }: FullSyncPlan['merged']): string => `${countInWords(files, 'file')} (${bytesInWords(bytes)}) and ${countInWords(folders, 'folder')}`
  return [
    `  Merged     ${sizes(merged)}, without moving a byte`,
    `  Up         ${sizes(up)} that are only here`,
    ...indented(up.paths),
    ...(reappears.length === 0 ? [] : [`  Reappears  ${countInWords(reappears.length, 'item')} of these for everybody, in connected folders`, ...indented(reappears)]),
    `  Down       ${countInWords(down, 'item')} to be listed`,
    ...(compare.length === 0 ? [] : [`  Compare    ${countInWords(compare.length, 'file')} of equal size`, ...indented(compare)]),
    ...(conflicts.length === 0 ? [] : [`  Conflicts  ${countInWords(conflicts.length, 'item')}: both are kept`, ...indented(conflicts)]),
    ...(dropped === 0 ? [] : [`  Dropped    ${countInWords(dropped, 'item')} that the portal has no more, without its bytes here`]),
    ...(uncompared.length === 0 ? [] : [`  Left       ${countInWords(uncompared.length, 'folder')} that could not be compared: run it again`, ...indented(uncompared)]),
  ]
}
