/**
 * The streams of one content: what they will bring, and which of them is near enough to be waited for. A reader that
 * comes a little ahead waits; a chain of reads next to each other counts from its last link.
 */
import { ByteRanges, type ByteRange } from '../base/byte-ranges.js'
import type { RangeStream } from './range-stream.js'

const NEAR_BYTES = 4 * 1024 * 1024 // worth waiting for on a stream that is on its way
const LONGEST_CHAIN_BYTES = 64 * 1024 * 1024 // of reads next to each other, each near the one before

export class StreamSet {
  readonly #streams = new Set<RangeStream>()

  get size(): number {
    return this.#streams.size
  }

  /** A copy: streams come and go while it is walked. */
  get all(): readonly RangeStream[] {
    return [...this.#streams]
  }

  /** Those that still bring something. */
  get running(): readonly RangeStream[] {
    return this.all.filter((stream) => !stream.isCut)
  }

  add(stream: RangeStream): void {
    this.#streams.add(stream)
  }

  delete(stream: RangeStream): void {
    this.#streams.delete(stream)
  }

  /** What will come without anybody asking again, of the streams that `counts`. */
  claimed(counts: (stream: RangeStream) => boolean = () => true): ByteRanges {
    return this.running.filter(counts).reduce((all, { position, range }) => all.add({ start: position, end: range.end }), ByteRanges.empty)
  }

  /** A reader wants these bytes: streams that bring them are told how far it is. */
  noteDemand(wanted: ByteRange): void {
    for (const stream of this.#streams) {
      const touches = stream.range.start < wanted.end && wanted.start <= stream.range.end
      if (touches && isNear(stream, wanted.start)) stream.demandEnd = Math.max(stream.demandEnd, wanted.end)
    }
  }

  /** Cuts those whose bytes are coming already, and waits until nothing more comes. */
  async cutOpen(): Promise<void> {
    const open = this.all.filter((stream) => stream.isOpen)
    for (const stream of open) stream.cut()
    await Promise.all(open.map((stream) => stream.ended))
  }
}

export function isNear({ position, receivedTo, range, demandEnd }: RangeStream, offset: number): boolean {
  if (offset < position || offset >= range.end) return true // no question of distance
  const reach = Math.min(Math.max(receivedTo, Math.min(demandEnd, offset)), position + LONGEST_CHAIN_BYTES)
  return offset <= reach + NEAR_BYTES
}
