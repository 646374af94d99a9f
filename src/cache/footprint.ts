/**
 * What one content's file takes on the disk: which bytes were ever written (holes take nothing), the figure the ledger
 * is told, and the room that has to be reserved before more is written. Whole blocks, so that the ceiling is hard.
 */
import type { ByteRange, ByteRanges } from '../base/byte-ranges.js'
import type { ContentId } from '../base/ids.js'
import { roundedToBlocks, type Ledger } from './ledger.js'

export class Footprint {
  readonly #id: ContentId
  readonly #ledger: Ledger
  /** Bytes that were written, those that were discarded since included: they are still in the file. */
  #written: ByteRanges
  /** May differ from `#written` for a sparse file that an earlier process wrote; `measured` puts it right. */
  #allocatedBytes: number

  constructor(id: ContentId, ledger: Ledger, written: ByteRanges, allocatedBytes: number) {
    this.#id = id
    this.#ledger = ledger
    this.#written = written
    this.#allocatedBytes = allocatedBytes
  }

  get written(): ByteRanges {
    return this.#written
  }

  get allocatedBytes(): number {
    return this.#allocatedBytes
  }

  /** Reserves room for these ranges, runs `write`, and accounts for it; false (nothing run) when there is no room. */
  async grow(ranges: readonly ByteRange[], write: () => Promise<void>): Promise<boolean> {
    const growthBytes = ranges.reduce((sum, range) => sum + this.#unwrittenBytes(range), 0)
    const roomBytes = roundedToBlocks(this.#allocatedBytes + growthBytes) - roundedToBlocks(this.#allocatedBytes)
    if (!(await this.#ledger.reserve(roomBytes))) return false
    try {
      await write()
    } catch (error) {
      this.#ledger.giveBack(roomBytes)
      throw error
    }
    this.#written = ranges.reduce((all, range) => all.add(range), this.#written)
    this.#allocatedBytes += growthBytes
    this.#ledger.settle(this.#id, roomBytes, this.#allocatedBytes)
    return true
  }

  /** Nothing at or behind `sizeBytes` is in the file any more. */
  cut(sizeBytes: number): void {
    const kept = this.#written.remove({ start: sizeBytes, end: Number.MAX_SAFE_INTEGER })
    this.#set(kept, Math.max(0, this.#allocatedBytes - (this.#written.totalBytes - kept.totalBytes)))
  }

  /** The file itself was asked. */
  measured(written: ByteRanges, allocatedBytes: number): void {
    this.#set(written, allocatedBytes)
  }

  /** Whether there would be room for these bytes now. */
  async hasRoomFor(bytes: number): Promise<boolean> {
    if (!(await this.#ledger.reserve(bytes))) return false
    this.#ledger.giveBack(bytes)
    return true
  }

  #unwrittenBytes(range: ByteRange): number {
    return this.#written.missing(range).reduce((sum, { start, end }) => sum + end - start, 0)
  }

  #set(written: ByteRanges, allocatedBytes: number): void {
    this.#written = written
    this.#allocatedBytes = allocatedBytes
    this.#ledger.setAllocated(this.#id, allocatedBytes)
  }
}
