/**
 * Finds what the tables of error codes in src/fs/SEMANTICS.md and the tests on a mount lack: a row with the right errno and a
 * title `quota → EDQUOT: …` for each code that a program can be told, a row with its reason for each of the others. Pure.
 */
import { constants } from 'node:os'

export interface ErrnoTables {
  /** What a program can be told, with its errno. */
  readonly told: Readonly<Record<string, number>>
  readonly neverTold: Readonly<Record<string, string>>
}

export function findErrnoGaps({ told, neverTold }: ErrnoTables, document: string, mountTests: Iterable<string>): readonly string[] {
  const rows = new Map([...document.matchAll(/^\| `([a-z-]+)` \| (.*?) \|/gm)].map(([, code = '', cell = '']) => [code, cell]))
  const numbers: Readonly<Record<string, number>> = constants.errno
  const titles = [...mountTests].join('\n')
  const codes = new Set([...Object.keys(told), ...Object.keys(neverTold)])
  return [
    ...Object.entries(told).flatMap(([code, errno]) => {
      const name = rows.get(code)
      if (name === undefined) return [`the code ${code} has no row`]
      if (numbers[name] !== errno) return [`the code ${code} is not ${name}`]
      return titles.includes(`.test('${code} → ${name}: `) ? [] : [`no test in test/mount has a title that begins with "${code} → ${name}: "`]
    }),
    ...Object.entries(neverTold).flatMap(([code, reason]) => (rows.get(code) === reason ? [] : [`the code ${code} has no row with its reason: ${reason}`])),
    ...[...rows.keys()].filter((code) => !codes.has(code)).map((code) => `the row ${code} is no code`),
  ]
}
