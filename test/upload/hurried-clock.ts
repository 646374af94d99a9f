/** A clock on which waiting costs nothing: a timer fires at once, and its delay has passed then. Time itself stands still. */
import type { Clock } from '../../src/base/clock.js'

export class HurriedClock implements Clock {
  #aheadMs = 0
  readonly #startMs = Date.now()
  /** Called whenever somebody begins to wait. */
  onRest: () => void = () => undefined

  nowMs(): number {
    return this.#startMs + this.#aheadMs
  }

  monotonicMs(): number {
    return this.#aheadMs
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    this.onRest()
    if (!Number.isFinite(delayMs)) return () => undefined
    const dueMs = this.#aheadMs + Math.max(0, delayMs)
    const immediate = setTimeout(() => {
      this.#aheadMs = Math.max(this.#aheadMs, dueMs)
      callback()
    }, Math.min(2, delayMs))
    return () => {
      clearTimeout(immediate)
    }
  }

  skip(byMs: number): void {
    this.#aheadMs += byMs
  }
}
