/**
 * The last downloaded bytes for which the cache had no room (DESIGN.md 6a.8), so that reads of the neighbourhood are
 * served without another request. Bounded: the oldest go first.
 */
import { ByteRanges, type ByteRange } from '../base/byte-ranges.js'

const LARGEST_BYTES = 16 * 1024 * 1024

export class PassThrough {
  /** In order of arrival. */
  #pieces: { readonly start: number; readonly bytes: Uint8Array }[] = []
  #totalBytes = 0

  get isEmpty(): boolean {
    return this.#pieces.length === 0
  }

  /** Copies the bytes. */
  add(start: number, bytes: Uint8Array): void {
    this.#pieces.push({ start, bytes: new Uint8Array(bytes) })
    this.#totalBytes += bytes.length
    while (this.#totalBytes > LARGEST_BYTES) this.#totalBytes -= this.#pieces.shift()?.bytes.length ?? 0
  }

  /** Copies what is here of `range` into `target` (whose first byte is `range.start`); answers what that was. */
  copyInto(target: Uint8Array, range: ByteRange): ByteRanges {
    return this.#pieces.reduce((copied, piece) => copied.add(copyOverlap(piece, target, range)), ByteRanges.empty)
  }

  clear(): void {
    this.#pieces = []
    this.#totalBytes = 0
  }
}

/** Copies the common part and answers its range (empty: start and end are equal). */
export function copyOverlap(piece: { readonly start: number; readonly bytes: Uint8Array }, target: Uint8Array, range: ByteRange): ByteRange {
  const start = Math.max(piece.start, range.start)
  const end = Math.min(piece.start + piece.bytes.length, range.end)
  if (end <= start) return { start, end: start }
  target.set(piece.bytes.subarray(start - piece.start, end - piece.start), start - range.start)
  return { start, end }
}
