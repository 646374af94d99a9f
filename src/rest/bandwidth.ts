/**
 * A limit on bytes per second in one direction (settings `downloadLimit`, `uploadLimit`), shared by all transfers of the
 * process. The limit may change while bytes flow; without one nothing waits.
 */
import { delay, type Clock } from '../base/clock.js'

const SLACK_MS = 250 // pieces may come this much early, so that a limit near the line's speed is reached

export class Bandwidth {
  readonly #clock: Clock
  readonly #bytesPerSecond: () => number | undefined
  /** When what has passed is paid for, at the limit. */
  #paidUntilMs = -Infinity

  constructor(options: { clock: Clock; bytesPerSecond: () => number | undefined }) {
    this.#clock = options.clock
    this.#bytesPerSecond = options.bytesPerSecond
  }

  /** Resolves when `sizeBytes` more may pass. Throws `cancelled` when the signal aborts. */
  async pass(sizeBytes: number, signal: AbortSignal): Promise<void> {
    const bytesPerSecond = this.#bytesPerSecond()
    if (bytesPerSecond === undefined || bytesPerSecond <= 0) return
    const nowMs = this.#clock.monotonicMs()
    this.#paidUntilMs = Math.max(this.#paidUntilMs, nowMs) + (sizeBytes / bytesPerSecond) * 1000
    const waitMs = this.#paidUntilMs - nowMs - SLACK_MS
    if (waitMs > 0) await delay(this.#clock, waitMs, signal)
  }
}
