/**
 * How long the portal may still be at work on requests whose connection broke. It can have begun at any moment until then:
 * a request waits for the budget, for bandwidth and in buffers before it goes out. By our own monotonic clock; requests from
 * before this process broke off when that process ended, so by the time this one began.
 */
import type { Clock } from '../base/clock.js'
import type { Ino } from '../base/ids.js'

const STILL_WORKING_MS = 10_000

export class BrokenOff {
  readonly #clock: Clock
  readonly #beganMs: number
  readonly #brokeMs = new Map<Ino, number>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#beganMs = clock.monotonicMs()
  }

  /** The request that was made for the row has just failed, and may have been carried out. */
  note(ino: Ino): void {
    this.#brokeMs.set(ino, this.#clock.monotonicMs())
  }

  /** Nothing of it is open any more. */
  forget(ino: Ino): void {
    this.#brokeMs.delete(ino)
  }

  /** 0: what is not on the portal by now was not carried out. */
  restMs(ino: Ino): number {
    const finalMs = (this.#brokeMs.get(ino) ?? this.#beganMs) + STILL_WORKING_MS
    return Math.max(0, finalMs - this.#clock.monotonicMs())
  }
}
