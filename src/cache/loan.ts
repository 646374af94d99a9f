/**
 * One content's file while it is lent for direct writing: room for growth is reserved before, so that the ceiling stays
 * hard although nobody here sees the writes, and given back after. Whoever looks at the bytes ends the loan first.
 */
import type { ContentId } from '../base/ids.js'
import type { FileLender } from './file-lender.js'
import type { Ledger } from './ledger.js'

// The first loan of a file is small; one that was used up is followed by a larger one.
const FIRST_ROOM_BYTES = 8 * 1024 * 1024
const LARGEST_ROOM_BYTES = 512 * 1024 * 1024
const SMALLEST_ROOM_BYTES = 1024 * 1024 // below that every write asks, and the last one is told that the cache is full

export class Loan {
  readonly #id: ContentId
  readonly #ledger: Ledger
  readonly #lender: FileLender
  #nextRoomBytes = FIRST_ROOM_BYTES
  /** 0: the file is not lent. */
  #roomBytes = 0

  constructor(id: ContentId, ledger: Ledger, lender: FileLender) {
    this.#id = id
    this.#ledger = ledger
    this.#lender = lender
  }

  get isOut(): boolean {
    return this.#roomBytes > 0
  }

  /** `begin` runs when the loan is certain, right before anything can be written. */
  async lend(sizeBytes: number, begin: () => void): Promise<void> {
    if (this.isOut) return
    let roomBytes = this.#nextRoomBytes
    while (!(await this.#ledger.reserve(roomBytes))) {
      roomBytes = Math.floor(roomBytes / 4)
      if (roomBytes < SMALLEST_ROOM_BYTES) return
    }
    begin()
    if (!this.#lender.lend(this.#id, sizeBytes + roomBytes)) {
      this.#ledger.giveBack(roomBytes)
      return
    }
    this.#roomBytes = roomBytes
    this.#nextRoomBytes = Math.min(roomBytes * 4, LARGEST_ROOM_BYTES)
  }

  /** Ends the loan; answers whether anything was written. The room is still reserved until `settle`. */
  recall(): boolean {
    return this.isOut && this.#lender.recall(this.#id)
  }

  /** What was written is accounted for: the room goes back. */
  settle(): void {
    this.#ledger.giveBack(this.#roomBytes)
    this.#roomBytes = 0
  }

  /** Length and time of change as they are now, if the file is lent. */
  figures(): ReturnType<FileLender['figures']> {
    return this.isOut ? this.#lender.figures(this.#id) : undefined
  }
}
