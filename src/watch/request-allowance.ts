/**
 * How many requests looking for changes may cost: DESIGN.md section 7 allows 600 in an hour of use and 300 in an idle
 * one, for everything. Counts the watch's own requests of the last hour; whoever plans asks how much is left.
 */
import type { Clock } from '../base/clock.js'
import type { Drive } from '../drive/drive.js'
import { BATCH_COMMANDS } from './fetch-listings.js'

const WINDOW_MS = 3_600_000
const SLOT_MS = 60_000

export class RequestAllowance {
  readonly #clock: Clock
  /** Requests by minute. */
  readonly #slots = new Map<number, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  count(requests: number): void {
    const slot = this.#slot()
    this.#slots.set(slot, (this.#slots.get(slot) ?? 0) + requests)
  }

  /** In the last hour, or so much less of it. */
  used(windowMs = WINDOW_MS): number {
    const hourAgo = this.#slot() - WINDOW_MS / SLOT_MS
    const since = Math.floor((this.#clock.monotonicMs() - windowMs) / SLOT_MS)
    let used = 0
    for (const [slot, requests] of this.#slots) {
      if (slot <= hourAgo) this.#slots.delete(slot)
      else if (slot > since) used += requests
    }
    return used
  }

  /** The calls of the drive that the watch makes, counted. */
  counted(drive: Pick<Drive, 'account' | 'listPages' | 'itemStates'>): Pick<Drive, 'account' | 'listPages' | 'itemStates'> {
    return {
      account: (call) => {
        this.count(1)
        return drive.account(call)
      },
      listPages: (requests, call) => {
        this.count(1)
        return drive.listPages(requests, call)
      },
      itemStates: (ids, call) => {
        this.count(Math.ceil(ids.length / BATCH_COMMANDS))
        return drive.itemStates(ids, call)
      },
    }
  }

  #slot(): number {
    return Math.floor(this.#clock.monotonicMs() / SLOT_MS)
  }
}
