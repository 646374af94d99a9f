/**
 * Finds what the portal's table of checklist items (src/portal/README.md) lacks: a row for each item of
 * bitrix24-rest.md 14, test files that exist, and in each of them the item's own name. Pure: the texts are given.
 */

/** Items E-1 … E-72. */
const LAST_ITEM = 72

/** The items whose row may say `waits` in place of tests: push and pull. */
export const MAY_WAIT: readonly number[] = [67, 68, 69]

interface Row {
  readonly item: number
  readonly line: number
  readonly tests: readonly string[]
  readonly waits: boolean
}

/**
 * `testText` answers the text of a test file by its path below the checkout, undefined where there is none. A name in the
 * table is a file of test/portal, or with a slash one of test.
 */
export function findChecklistGaps(readme: string, testText: (path: string) => string | undefined): readonly string[] {
  const rows = readRows(readme)
  const gaps: string[] = []
  for (let item = 1; item <= LAST_ITEM; item += 1) {
    const count = rows.filter((row) => row.item === item).length
    if (count !== 1) gaps.push(count === 0 ? `E-${item} has no row` : `E-${item} has ${count} rows`)
  }
  return [...gaps, ...rows.flatMap((row) => rowGaps(row, testText).map((gap) => `line ${row.line}: E-${row.item} ${gap}`))]
}

function readRows(readme: string): readonly Row[] {
  return readme.split('\n').flatMap((text, index) => {
    const [, item, cell] = /^\|\s*E-(\d+)\s*\|[^|]*\|([^|]*)\|\s*$/.exec(text) ?? []
    if (item === undefined || cell === undefined) return []
    return [{ item: Number(item), line: index + 1, tests: [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name), waits: cell.trim() === 'waits' }]
  })
}

function rowGaps({ item, tests, waits }: Row, testText: (path: string) => string | undefined): readonly string[] {
  if (item < 1 || item > LAST_ITEM) return ['is no item of the checklist']
  if (waits) return MAY_WAIT.includes(item) ? [] : ['may not wait']
  if (tests.length === 0) return ['names no test']
  return tests.flatMap((name) => {
    const path = `test/${name.includes('/') ? name : `portal/${name}`}.test.ts`
    const text = testText(path)
    if (text === undefined) return [`names ${path}, which does not exist`]
    return new RegExp(`\\bE-${item}\\b`).test(text) ? [] : [`is not cited in ${path}`]
  })
}
