import t from 'tap'
import { asIno } from '../../src/base/ids.js'
import { RowCache } from '../../src/mirror/row-cache.js'

const names = (count: number): Map<string, ReturnType<typeof asIno>> => new Map(Array.from({ length: count }, (_, index) => [`name-${index}`, asIno(index + 10)]))

await t.test('names in memory are bounded by their number, not by the number of folders: the folders used last are kept', (t) => {
  const rows = new RowCache()
  for (let folder = 1; folder <= 100; folder += 1) rows.keepChildren(asIno(folder), names(1000), rows.changes)
  const kept = Array.from({ length: 100 }, (_, index) => asIno(index + 1)).filter((folder) => rows.children(folder) !== undefined)
  t.same(kept, Array.from({ length: 50 }, (_, index) => index + 51))
  t.end()
})

await t.test('a folder with more names than the bound is kept alone', (t) => {
  const rows = new RowCache()
  rows.keepChildren(asIno(1), names(10), rows.changes)
  rows.keepChildren(asIno(2), names(60_000), rows.changes)
  t.equal(rows.children(asIno(1)), undefined)
  t.equal(rows.children(asIno(2))?.size, 60_000)
  t.end()
})
