/** When contents were used last, written to their rows in batches: a kill loses a minute of it. */
import type { Clock } from '../base/clock.js'
import type { ContentId } from '../base/ids.js'
import type { Store } from '../store/store.js'
import { writeLastUsed } from './content-rows.js'

const WRITE_AFTER_MS = 60_000

export class UseTimes {
  readonly #store: Store
  readonly #clock: Clock
  /** Runs a write in the background. */
  readonly #later: (work: () => Promise<void>) => void
  readonly #used = new Map<ContentId, number>()
  /** Of the latest use; grows even within a millisecond, so that the order is kept. */
  #lastUseMs = 0
  #cancel: (() => void) | undefined
  #stopped = false

  constructor(store: Store, clock: Clock, later: (work: () => Promise<void>) => void) {
    this.#store = store
    this.#clock = clock
    this.#later = later
  }

  note(id: ContentId): void {
    this.#lastUseMs = Math.max(this.#clock.nowMs(), this.#lastUseMs + 1)
    this.#used.set(id, this.#lastUseMs)
    if (this.#stopped) return
    this.#cancel ??= this.#clock.setTimer(WRITE_AFTER_MS, () => {
      this.#cancel = undefined
      this.#later(() => this.write())
    })
  }

  forget(id: ContentId): void {
    this.#used.delete(id)
  }

  async write(): Promise<void> {
    const uses = [...this.#used]
    this.#used.clear()
    if (uses.length > 0) await this.#store.transact((tx) => writeLastUsed(tx, uses))
  }

  /** Nothing is written any more but by `write`. */
  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }
}
