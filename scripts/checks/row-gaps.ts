/**
 * Finds the rows of the decision table (bitrix24-desktop-sync.md 11.1) that no test on a mount has a promise for: a text that
 * begins with `C7: `. Pure: the texts of the files below test/mount are given.
 */

const LAST_ROW = 27

export function findRowGaps(mountTests: readonly string[]): readonly string[] {
  const rows = Array.from({ length: LAST_ROW }, (_each, index) => `C${index + 1}`)
  return rows.filter((row) => !mountTests.some((text) => new RegExp(`['"\`]${row}: `, 'u').test(text))).map((row) => `no test in test/mount has a promise that begins with "${row}: "`)
}
