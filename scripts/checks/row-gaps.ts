/**
 * Finds the rows of the decision tables (bitrix24-desktop-sync.md 11.1 and 11.2) that no test on a mount has a promise for: a text
 * that begins with `C7: ` or `F2: `. Pure: the texts of the files below test/mount are given.
 */

const TABLES = { C: 27, F: 10 } as const

export function findRowGaps(mountTests: readonly string[]): readonly string[] {
  const rows = Object.entries(TABLES).flatMap(([table, last]) => Array.from({ length: last }, (_each, index) => `${table}${index + 1}`))
  return rows.filter((row) => !mountTests.some((text) => new RegExp(`['"\`]${row}: `, 'u').test(text))).map((row) => `no test in test/mount has a promise that begins with "${row}: "`)
}
