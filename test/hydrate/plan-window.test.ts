import fc from 'fast-check'
import t from 'tap'
import { ByteRanges, type ByteRange } from '../../src/base/byte-ranges.js'
import { FIRST_WINDOW_BYTES, planReadAhead, planWindow, WHOLE_FILE_BYTES } from '../../src/hydrate/plan-window.js'
import { MIB } from './fixture.js'

const range = (sizeBytes: number): fc.Arbitrary<ByteRange> =>
  fc.tuple(fc.nat(sizeBytes), fc.nat(sizeBytes)).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))

const situation = fc.integer({ min: 1, max: 64 * MIB }).chain((sizeBytes) =>
  fc.record({
    sizeBytes: fc.constant(sizeBytes),
    present: fc.array(range(sizeBytes), { maxLength: 5 }).map((ranges) => ByteRanges.of(...ranges)),
    claimed: fc.array(range(sizeBytes), { maxLength: 3 }).map((ranges) => ByteRanges.of(...ranges)),
    need: range(sizeBytes).filter(({ start, end }) => end > start),
    earlier: fc.array(range(sizeBytes), { maxLength: 4 }),
    whole: fc.boolean(),
  }),
)

await t.test('a window never holds a byte that is here or on its way, and always serves the need', (t) => {
  fc.assert(
    fc.property(situation, (request) => {
      const window = planWindow(request)
      const wanted = request.present.missing(request.need).flatMap((gap) => request.claimed.missing(gap))
      if (window === undefined) return wanted.length === 0
      const isNew = request.present.missing(window).length === 1 && request.claimed.missing(window).length === 1
        && ByteRanges.of(...request.present.missing(window)).contains(window) && ByteRanges.of(...request.claimed.missing(window)).contains(window)
      const first = wanted[0]
      return isNew && window.end <= request.sizeBytes && first !== undefined && window.start <= first.start && first.start < window.end
    }),
    { numRuns: 2_000, seed: 7 },
  )
  t.end()
})

await t.test('serving the needs window by window ends, with every byte asked for once', (t) => {
  fc.assert(
    fc.property(situation, (request) => {
      let { present, earlier } = request
      const asked: ByteRange[] = []
      for (;;) {
        const window = planWindow({ ...request, present, earlier, claimed: ByteRanges.empty })
        if (window === undefined) break
        asked.push(window)
        present = present.add(window)
        earlier = [...earlier, window]
      }
      const total = asked.reduce((sum, { start, end }) => sum + end - start, 0)
      return present.contains(request.need) && present.totalBytes === request.present.totalBytes + total
    }),
    { numRuns: 1_000, seed: 7 },
  )
  t.end()
})

await t.test('small files come whole, large ones in windows that grow while the reader goes on', (t) => {
  const empty = { present: ByteRanges.empty, claimed: ByteRanges.empty, earlier: [], whole: false }
  t.same(planWindow({ ...empty, sizeBytes: WHOLE_FILE_BYTES, need: { start: 5, end: 6 } }), { start: 0, end: WHOLE_FILE_BYTES })
  const large = { ...empty, sizeBytes: 1024 * MIB }
  const first = { start: 0, end: FIRST_WINDOW_BYTES }
  t.same(planWindow({ ...large, need: { start: 0, end: 4096 } }), first)
  t.same(planWindow({ ...large, present: ByteRanges.of(first), earlier: [first], need: { start: first.end, end: first.end + 1 } }), { start: first.end, end: 5 * FIRST_WINDOW_BYTES })
  t.same(planWindow({ ...large, earlier: [first], need: { start: 500 * MIB, end: 500 * MIB + 1 } }), { start: 500 * MIB, end: 502 * MIB }, 'elsewhere it starts small again')
  t.same(planWindow({ ...large, whole: true, need: { start: 0, end: 1024 * MIB } }), { start: 0, end: 1024 * MIB })
  t.end()
})

await t.test('reading ahead begins past the middle of a window that somebody reads', (t) => {
  const first = { start: 0, end: FIRST_WINDOW_BYTES }
  const large = { sizeBytes: 1024 * MIB, present: ByteRanges.of(first), claimed: ByteRanges.empty, earlier: [first] }
  t.equal(planReadAhead({ ...large, readTo: 4096 }), undefined)
  t.same(planReadAhead({ ...large, readTo: FIRST_WINDOW_BYTES / 2 }), { start: FIRST_WINDOW_BYTES, end: 5 * FIRST_WINDOW_BYTES })
  t.equal(planReadAhead({ ...large, readTo: 100 * MIB }), undefined, 'where nobody waited nothing is read ahead')
  t.end()
})
