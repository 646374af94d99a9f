import t from 'tap'
import { findRowGaps } from '../../scripts/checks/row-gaps.js'

const ALL = Array.from({ length: 37 }, (_each, index) => `promise: '${index < 27 ? `C${index + 1}` : `F${index - 26}`}: a sentence',`)

await t.test('rows that all have a promise, in whatever file, lack nothing', (t) => {
  t.same(findRowGaps([ALL.slice(0, 9).join('\n'), ALL.slice(9).join('\n')]), [])
  t.same(findRowGaps([ALL.join('\n').replaceAll("'", '`')]), [])
  t.end()
})

await t.test('a row that is only spoken of, or has only a longer number beside it, is told', (t) => {
  const without = ALL.map((line) => line.replace("'C2: a sentence'", "'about C2: nothing'"))
  t.same(findRowGaps(without), ['no test in test/mount has a promise that begins with "C2: "'])
  t.equal(findRowGaps([]).length, 37)
  t.end()
})
