import { constants } from 'node:os'
import t from 'tap'
import { findErrnoGaps } from '../../scripts/checks/errno-gaps.js'
import { findSemanticsGaps } from '../../scripts/checks/semantics-gaps.js'

const DOCUMENT = `# What it promises

An introduction, which needs no test.

## Files

[S-1] close: it waits for
nobody. Test: \`mount/all\` "close waits for nobody".

| After | promised |
|---|---|
| close | everything |

[S-12] open: a Test: word in it. Tests: \`mount/all\` "open goes on", \`fs/open\` "open".
`

const TESTS = { 'test/mount/all.test.ts': "t.test('[S-1] close waits for nobody')\n// [S-12]\nt.test('open goes on')", 'test/fs/open.test.ts': "// [S-12]\nt.test('open')" }

function gaps(change: (document: string) => string, tests: Readonly<Record<string, string>> = {}): readonly string[] {
  return findSemanticsGaps(change(DOCUMENT), new Map(Object.entries({ ...TESTS, ...tests })))
}

const same = (document: string): string => document

await t.test('a page whose paragraphs have numbers and tests that cite them lacks nothing', (t) => {
  t.same(gaps(same), [])
  t.end()
})

await t.test('a paragraph without a number, with another one\'s, or without a test is told, and so is an empty page', (t) => {
  t.match(gaps((text) => text.replace('[S-12] open', 'open')), ['a paragraph has no number: open: a Test', /cites S-12, which no paragraph has/, /cites S-12/])
  t.match(gaps((text) => text.replace('[S-12] open', '[S-1] open')), ['S-1 stands twice', /S-1 is not cited in test\/fs\/open/, /cites S-12/, /cites S-12/])
  t.same(gaps((text) => text.replace(/Tests: .*/, '')), ['S-12 names no test'])
  t.same(gaps((text) => text.replace(/Tests: .*/, 'Tests: `mount/all`.')), ['S-12 names no test'])
  t.match(gaps(() => '# Nothing'), ['there is no paragraph with a number'])
  t.end()
})

await t.test('the test must be there, cite the paragraph itself, and have the words', (t) => {
  t.match(gaps((text) => text.replace('fs/open', 'fs/gone')), ['S-12 names test/fs/gone.test.ts, which does not exist'])
  t.same(gaps(same, { 'test/fs/open.test.ts': "// [S-1]\nt.test('open')" }), ['S-12 is not cited in test/fs/open.test.ts'])
  t.same(gaps(same, { 'test/fs/open.test.ts': "// [S-12]\nt.test('other')" }), ['S-12: no test of test/fs/open.test.ts has the words "open"'])
  t.end()
})

await t.test('each code that a program is told has its errno and a test on a mount, each other one its reason', (t) => {
  const tables = { told: { quota: constants.errno.EDQUOT }, neverTold: { usage: 'commands say so' } }
  const document = '| `quota` | EDQUOT | full |\n\n| `usage` | commands say so |'
  const titles = ["await t.test('quota → EDQUOT: it is full')"]
  t.same(findErrnoGaps(tables, document, titles), [])
  t.same(findErrnoGaps(tables, document, ["t.test('quota → EIO: it is full')"]), ['no test in test/mount has a title that begins with "quota → EDQUOT: "'])
  t.same(findErrnoGaps(tables, document.replace('EDQUOT', 'EIO'), titles), ['the code quota is not EIO'])
  t.same(findErrnoGaps(tables, '| `other` | EIO | x |', titles), ['the code quota has no row', 'the code usage has no row with its reason: commands say so', 'the row other is no code'])
  t.end()
})
