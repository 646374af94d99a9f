/**
 * Downloaded contents go to the disk for good a while after they were last used, a few at a time and behind everything
 * else, so that a reboot does not cost the cache (DESIGN.md 6a.3 drops clean bytes that were never synced). A content
 * that cannot be synced now is fetched again after a reboot; nothing else is lost.
 */
import type { Clock } from '../base/clock.js'
import { errorText } from '../base/errors.js'
import type { ContentId } from '../base/ids.js'
import type { Log } from '../base/log.js'

const QUIET_MS = 5_000 // a walk over many small files must not pay for their syncs
const AT_ONCE = 4 // parallel syncs share a journal commit

export class SyncSweep {
  readonly #clock: Clock
  readonly #log: Log
  readonly #sync: (id: ContentId) => Promise<void>
  readonly #waiting = new Set<ContentId>()
  #cancelTimer: (() => void) | undefined
  #running: Promise<void> | undefined
  #stopped = false

  constructor(options: { clock: Clock; log: Log; sync: (id: ContentId) => Promise<void> }) {
    this.#clock = options.clock
    this.#log = options.log
    this.#sync = options.sync
  }

  add(id: ContentId): void {
    if (this.#stopped) return
    this.#waiting.add(id)
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.setTimer(QUIET_MS, () => {
      this.#cancelTimer = undefined
      this.#running ??= this.#run()
    })
  }

  remove(id: ContentId): void {
    this.#waiting.delete(id)
  }

  /** Syncs what waits, for at most `budgetMs`, and ends. */
  async stop(budgetMs: number): Promise<void> {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#stopped = true
    const endMs = this.#clock.monotonicMs() + budgetMs
    while (this.#waiting.size > 0 && this.#clock.monotonicMs() < endMs) await this.#batch()
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#waiting.size > 0 && !this.#stopped && this.#cancelTimer === undefined) await this.#batch()
    this.#running = undefined
  }

  async #batch(): Promise<void> {
    const batch = [...this.#waiting].slice(0, AT_ONCE)
    for (const id of batch) this.#waiting.delete(id)
    await Promise.all(
      batch.map(async (id) => {
        try {
          await this.#sync(id)
        } catch (error) {
          this.#log.warn({ content: id, error: errorText(error) }, 'a cached file could not be synced')
        }
      }),
    )
  }
}
