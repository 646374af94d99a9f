/**
 * The line between the portal and its clients, as fast as it is told to be: all answers share it, and a byte goes out when
 * those before it are through. Without a rate nothing waits.
 */
import { delay, type Clock } from '../base/clock.js'

const LATE_MS = 5 // timers fire late: so much is made up for, so that the rate is kept

export class Line {
  /** 0: no limit. */
  bytesPerSecond = 0
  readonly #clock: Clock
  /** When everything so far is through. */
  #freeAtMs = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when the bytes are through. Throws `cancelled` when the signal aborts. */
  async carry(sizeBytes: number, signal: AbortSignal): Promise<void> {
    if (this.bytesPerSecond <= 0) return
    const nowMs = this.#clock.monotonicMs()
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs - LATE_MS) + (sizeBytes / this.bytesPerSecond) * 1000
    const waitMs = this.#freeAtMs - nowMs
    if (waitMs > 0) await delay(this.#clock, waitMs, signal)
  }
}
