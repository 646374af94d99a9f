/**
 * Sets of bytes of a file as sorted, disjoint, non-touching half-open ranges. Immutable: every operation answers a new
 * set. Used for what of a content is here, and for what is still to be fetched.
 */

/** Bytes `start` up to but without `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export class ByteRanges {
  static readonly empty = new ByteRanges([])

  /** Sorted by start, disjoint, no two touching, none empty. */
  readonly ranges: readonly ByteRange[]

  private constructor(ranges: readonly ByteRange[]) {
    this.ranges = ranges
  }

  static of(...ranges: readonly ByteRange[]): ByteRanges {
    return ranges.reduce((set, range) => set.add(range), ByteRanges.empty)
  }

  /** Everything of a file of `sizeBytes`. */
  static whole(sizeBytes: number): ByteRanges {
    return sizeBytes === 0 ? ByteRanges.empty : new ByteRanges([{ start: 0, end: sizeBytes }])
  }

  /** Reads what `toJSON` wrote; throws a RangeError when the numbers are not a set of ranges. */
  static parse(numbers: unknown): ByteRanges {
    if (!Array.isArray(numbers) || numbers.length % 2 !== 0) throw new RangeError('not a list of byte ranges')
    const ranges: ByteRange[] = []
    let previousEnd = -1
    for (let index = 0; index < numbers.length; index += 2) {
      const start: unknown = numbers[index]
      const end: unknown = numbers[index + 1]
      const sound = Number.isSafeInteger(start) && Number.isSafeInteger(end) && (start as number) > previousEnd && (end as number) > (start as number)
      if (!sound) throw new RangeError('byte ranges are not sorted and disjoint')
      ranges.push({ start: start as number, end: end as number })
      previousEnd = end as number
    }
    return new ByteRanges(ranges)
  }

  /** `[start, end, start, end, …]`. */
  toJSON(): readonly number[] {
    return this.ranges.flatMap(({ start, end }) => [start, end])
  }

  get totalBytes(): number {
    return this.ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0
  }

  add({ start, end }: ByteRange): ByteRanges {
    if (end <= start) return this
    const before = this.ranges.filter((range) => range.end < start)
    const after = this.ranges.filter((range) => range.start > end)
    const touching = this.ranges.slice(before.length, this.ranges.length - after.length)
    const merged = {
      start: Math.min(start, touching[0]?.start ?? start),
      end: Math.max(end, touching.at(-1)?.end ?? end),
    }
    return new ByteRanges([...before, merged, ...after])
  }

  remove({ start, end }: ByteRange): ByteRanges {
    if (end <= start) return this
    const left: ByteRange[] = []
    for (const range of this.ranges) {
      if (range.end <= start || range.start >= end) {
        left.push(range)
        continue
      }
      if (range.start < start) left.push({ start: range.start, end: start })
      if (range.end > end) left.push({ start: end, end: range.end })
    }
    return new ByteRanges(left)
  }

  contains({ start, end }: ByteRange): boolean {
    return end <= start || this.ranges.some((range) => range.start <= start && end <= range.end)
  }

  /** The parts of `range` that are not in this set, in order. */
  missing({ start, end }: ByteRange): readonly ByteRange[] {
    return this.ranges.reduce((gaps, range) => gaps.remove(range), ByteRanges.of({ start, end })).ranges
  }

  /** How many bytes from `offset` on are here without a gap. */
  runFrom(offset: number): number {
    const range = this.ranges.find(({ start, end }) => start <= offset && offset < end)
    return range === undefined ? 0 : range.end - offset
  }
}
