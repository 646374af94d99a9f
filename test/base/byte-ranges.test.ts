import fc from 'fast-check'
import t from 'tap'
import { ByteRanges, type ByteRange } from '../../src/base/byte-ranges.js'

const LENGTH = 40 // small enough that ranges touch, overlap and swallow each other all the time

const range = fc.tuple(fc.nat(LENGTH), fc.nat(LENGTH)).map(([start, end]): ByteRange => ({ start, end }))
const change = fc.record({ add: fc.boolean(), range })

/** The same set as the bytes themselves. */
function bytesOf({ start, end }: ByteRange): readonly number[] {
  return Array.from({ length: Math.max(end - start, 0) }, (_, index) => start + index)
}

function apply(changes: readonly { add: boolean; range: ByteRange }[]): { ranges: ByteRanges; model: Set<number> } {
  const model = new Set<number>()
  let ranges = ByteRanges.empty
  for (const { add, range } of changes) {
    ranges = add ? ranges.add(range) : ranges.remove(range)
    for (const byte of bytesOf(range)) {
      if (add) model.add(byte)
      else model.delete(byte)
    }
  }
  return { ranges, model }
}

await t.test('after any additions and removals the ranges hold the same bytes as a set of bytes', (t) => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const { ranges, model } = apply(changes)
      t.strictSame(ranges.ranges.flatMap(bytesOf), [...model].sort((a, b) => a - b))
      t.equal(ranges.totalBytes, model.size)
      t.equal(ranges.isEmpty, model.size === 0)
    }),
    { seed: 7 },
  )
  t.end()
})

await t.test('ranges stay sorted, apart from each other and not empty', (t) => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      let previousEnd = -1
      for (const { start, end } of apply(changes).ranges.ranges) {
        t.ok(start > previousEnd && end > start)
        previousEnd = end
      }
    }),
    { seed: 7 },
  )
  t.end()
})

await t.test('contains, missing and runFrom answer as the set of bytes does', (t) => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), range, (changes, asked) => {
      const { ranges, model } = apply(changes)
      const absent = bytesOf(asked).filter((byte) => !model.has(byte))
      t.strictSame(ranges.missing(asked).flatMap(bytesOf), absent)
      t.equal(ranges.contains(asked), absent.length === 0)
      let run = 0
      while (model.has(asked.start + run)) run += 1
      t.equal(ranges.runFrom(asked.start), run)
    }),
    { seed: 7 },
  )
  t.end()
})

await t.test('what is written is read back the same', (t) => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const { ranges } = apply(changes)
      t.strictSame(ByteRanges.parse(JSON.parse(JSON.stringify(ranges))).ranges, ranges.ranges)
    }),
    { seed: 7 },
  )
  t.end()
})

await t.test('numbers that are not a set of ranges are refused', (t) => {
  const unsound: readonly unknown[] = ['0,1', null, [0], [5, 5], [5, 3], [0, 2, 2, 4], [4, 6, 0, 2], [-1, 2], [0, 1.5], [0, '4'], [0, 2 ** 53]]
  for (const numbers of unsound) t.throws(() => ByteRanges.parse(numbers), RangeError, JSON.stringify(numbers))
  t.end()
})

await t.test('a change makes a new set and leaves the old one as it was', (t) => {
  const before = ByteRanges.whole(10)
  before.remove({ start: 2, end: 4 })
  before.add({ start: 20, end: 30 })
  t.strictSame(before.toJSON(), [0, 10])
  t.ok(ByteRanges.whole(0).isEmpty)
  t.end()
})
