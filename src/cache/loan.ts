/**
 * One content's file while it is lent for direct writing: room for growth is reserved before, so that the ceiling stays
 * hard although nobody here sees the writes, and given back after. Whoever looks at the bytes ends the loan first; when
 * room is needed elsewhere, the writes stop at once and what was not used of it goes back.
 */
import type { ContentId } from '../base/ids.js'
import type { FileLender } from './file-lender.js'
import type { Ledger } from './ledger.js'

// The first loan of a file is small; one that was used up is followed by a larger one.
const FIRST_ROOM_BYTES = 8 * 1024 * 1024
const LARGEST_ROOM_BYTES = 512 * 1024 * 1024
const SMALLEST_ROOM_BYTES = 1024 * 1024 // below that every write asks, and the last one is told that the cache is full
const PLENTY_BYTES = 64 * 1024 * 1024 // programs make files by the hundred: none of them may cost others their place

export class Loan {
  readonly #id: ContentId
  readonly #ledger: Ledger
  readonly #lender: FileLender
  #nextRoomBytes = FIRST_ROOM_BYTES
  /** The file is lent, or was and what was written is not known here yet. */
  #out: { readonly sizeBytes: number; roomBytes: number; stopped: boolean; wrote: boolean } | undefined

  constructor(id: ContentId, ledger: Ledger, lender: FileLender) {
    this.#id = id
    this.#ledger = ledger
    this.#lender = lender
  }

  get isOut(): boolean {
    return this.#out !== undefined
  }

  /** `begin` runs when the loan is certain, right before anything can be written. A new file is lent a little, and only where there is plenty. */
  async lend({ sizeBytes, isNew }: { readonly sizeBytes: number; readonly isNew: boolean }, begin: () => void): Promise<void> {
    if (this.isOut || (isNew && !this.#ledger.hasFree(PLENTY_BYTES))) return
    const roomBytes = Math.min(isNew ? SMALLEST_ROOM_BYTES : this.#nextRoomBytes, Math.floor(this.#ledger.allowanceBytes / 4))
    if (roomBytes < SMALLEST_ROOM_BYTES || !(await this.#ledger.reserve(roomBytes))) return
    begin()
    if (!this.#lender.lend(this.#id, sizeBytes + roomBytes)) {
      this.#ledger.giveBack(roomBytes)
      return
    }
    this.#out = { sizeBytes, roomBytes, stopped: false, wrote: false }
    if (!isNew) this.#nextRoomBytes = Math.min(roomBytes * 4, LARGEST_ROOM_BYTES)
  }

  /** Room is needed elsewhere. Waits for nobody but writes under way. */
  reclaim(): void {
    const out = this.#out
    if (out === undefined || out.stopped) return
    out.wrote = this.#lender.recall(this.#id)
    out.stopped = true
    const grownBytes = Math.max(0, (this.#lender.figures(this.#id)?.sizeBytes ?? out.sizeBytes) - out.sizeBytes)
    const unusedBytes = Math.max(0, out.roomBytes - grownBytes)
    this.#ledger.giveBack(unusedBytes)
    out.roomBytes -= unusedBytes
  }

  /** Nothing is written any more; answers whether anything was. The room is still reserved until `settle`. */
  recall(): boolean {
    if (this.#out === undefined) return false
    return this.#out.stopped ? this.#out.wrote : this.#lender.recall(this.#id)
  }

  /** What was written is accounted for: the room goes back. */
  settle(): void {
    if (this.#out !== undefined) this.#ledger.giveBack(this.#out.roomBytes)
    this.#out = undefined
  }

  /** Length and time of change as they are now, while the file is out. */
  figures(): ReturnType<FileLender['figures']> {
    return this.isOut ? this.#lender.figures(this.#id) : undefined
  }
}
