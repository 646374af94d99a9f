/**
 * The rate limit (E-11, bitrix24-rest.md 4.1): each HTTP request adds one, the bucket drains steadily, above the burst a
 * request is refused. One bucket per portal, because everything here comes from one address. A refused request adds
 * nothing. Pure arithmetic over a monotonic clock.
 */
import type { Clock } from '../base/clock.js'

export interface RateLimit {
  readonly burst: number
  readonly perSecond: number
}

export class LeakyBucket {
  readonly #clock: Clock
  /** Undefined: no limit (self-hosted). */
  #limit: RateLimit | undefined
  #level = 0
  #leveledAtMs: number

  constructor(clock: Clock, limit: RateLimit | undefined) {
    this.#clock = clock
    this.#limit = limit
    this.#leveledAtMs = clock.monotonicMs()
  }

  /** Sets another limit and empties the bucket. */
  setLimit(limit: RateLimit | undefined): void {
    this.#limit = limit
    this.#level = 0
    this.#leveledAtMs = this.#clock.monotonicMs()
  }

  get limit(): RateLimit | undefined {
    return this.#limit
  }

  /** Whether the request is let in. */
  admit(): boolean {
    if (this.#limit === undefined) return true
    const nowMs = this.#clock.monotonicMs()
    this.#level = Math.max(0, this.#level - ((nowMs - this.#leveledAtMs) / 1000) * this.#limit.perSecond)
    this.#leveledAtMs = nowMs
    if (this.#level + 1 > this.#limit.burst) return false
    this.#level += 1
    return true
  }
}
