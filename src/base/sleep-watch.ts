/**
 * Whether the machine slept: wall time goes on then, monotonic time does not. A clock that was set right looks the same, and
 * whoever asks does no harm by believing it.
 */
import type { Clock } from './clock.js'

const SLEPT_MS = 5_000 // more than any correction of the clock while running

export class SleepWatch {
  readonly #clock: Clock
  #wallAheadMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#wallAheadMs = clock.nowMs() - clock.monotonicMs()
  }

  /** Since the last question. */
  hasSlept(): boolean {
    const wallAheadMs = this.#clock.nowMs() - this.#clock.monotonicMs()
    const hasSlept = Math.abs(wallAheadMs - this.#wallAheadMs) > SLEPT_MS
    this.#wallAheadMs = wallAheadMs
    return hasSlept
  }
}
