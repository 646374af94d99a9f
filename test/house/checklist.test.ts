import t from 'tap'
import { findChecklistGaps } from '../../scripts/checks/checklist-gaps.js'

/** A table that lacks nothing: every item named by one test file that cites all of them. */
const ITEMS = Array.from({ length: 72 }, (_each, index) => `E-${index + 1}`)
const TABLE = ['| Item | About | Tests |', '|---|---|---|', ...ITEMS.map((item) => `| ${item} | what it is about | \`all\` |`)]
const CITED = ITEMS.map((item) => `t.test('${item}: a sentence')`).join('\n')

function gaps(changes: Readonly<Record<string, string>>, tests: Readonly<Record<string, string>> = {}): readonly string[] {
  const table = TABLE.map((row) => Object.entries(changes).reduce((text, [item, replacement]) => (text.startsWith(`| ${item} |`) ? replacement : text), row))
  const files: Readonly<Record<string, string>> = { 'test/portal/all.test.ts': CITED, ...tests }
  return findChecklistGaps(table.join('\n'), (path) => files[path])
}

await t.test('a table with every item, an existing test and its citation lacks nothing', (t) => {
  t.strictSame(gaps({}), [])
  t.end()
})

await t.test('an item without a row, and one with two, are told', (t) => {
  t.strictSame(gaps({ 'E-56': '' }), ['E-56 has no row'])
  t.match(gaps({ 'E-57': '| E-56 | again | `all` |' }), ['E-56 has 2 rows', 'E-57 has no row'])
  t.end()
})

await t.test('a row must name a test that is there', (t) => {
  t.strictSame(gaps({ 'E-9': '| E-9 | redirects | |' }), ['line 11: E-9 names no test'])
  t.strictSame(gaps({ 'E-9': '| E-9 | redirects | `all`, `gone` |' }), ['line 11: E-9 names test/portal/gone.test.ts, which does not exist'])
  t.strictSame(gaps({ 'E-9': '| E-9 | redirects | `rest/moved` |' }, { 'test/rest/moved.test.ts': 'E-9' }), [])
  t.end()
})

await t.test('the test must cite the item itself: E-9 is not cited by E-90 or HE-9', (t) => {
  t.strictSame(gaps({ 'E-9': '| E-9 | redirects | `near` |' }, { 'test/portal/near.test.ts': 'E-90 HE-9 E-19' }), ['line 11: E-9 is not cited in test/portal/near.test.ts'])
  t.end()
})

await t.test('only push and pull may wait', (t) => {
  t.strictSame(gaps({ 'E-68': '| E-68 | long poll | waits |' }), [])
  t.strictSame(gaps({ 'E-9': '| E-9 | redirects | waits |' }), ['line 11: E-9 may not wait'])
  t.end()
})
