/**
 * The world's time, run faster or slower: the pace may be changed while timers are pending, and time can be skipped. Tells
 * when something begins to wait, for then there may be news.
 */
import type { Clock } from '../../src/base/clock.js'

interface Timer {
  readonly dueMs: number
  readonly callback: () => void
  handle: NodeJS.Timeout
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

export class PacedClock implements Clock {
  readonly #startMs = Date.now()
  readonly #timers = new Set<Timer>()
  #waiting: (() => void)[] = []
  #pace: number
  /** Our time since the start, and the world's at that moment, when the pace was last changed. */
  #elapsedMs = 0
  #sinceMs = performance.now()

  constructor(pace: number) {
    this.#pace = pace
  }

  nowMs(): number {
    return this.#startMs + Math.floor(this.monotonicMs())
  }

  monotonicMs(): number {
    return this.#elapsedMs + (performance.now() - this.#sinceMs) * this.#pace
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    this.#tell()
    const dueMs = this.monotonicMs() + Math.max(delayMs, 0)
    const timer: Timer = { dueMs, callback, handle: this.#arm(dueMs, () => { this.#fire(timer) }) }
    this.#timers.add(timer)
    return () => {
      clearTimeout(timer.handle)
      this.#timers.delete(timer)
    }
  }

  setPace(pace: number): void {
    this.#change(0, pace)
  }

  skip(byMs: number): void {
    this.#change(byMs, this.#pace)
  }

  /** When the next pending timer is due; undefined: nobody waits for anything. */
  get nextDueMs(): number | undefined {
    return this.#timers.size === 0 ? undefined : Math.min(...[...this.#timers].map(({ dueMs }) => dueMs))
  }

  /** Resolves when something begins to wait. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #change(byMs: number, pace: number): void {
    this.#elapsedMs = this.monotonicMs() + byMs
    this.#sinceMs = performance.now()
    this.#pace = pace
    for (const timer of this.#timers) {
      clearTimeout(timer.handle)
      timer.handle = this.#arm(timer.dueMs, () => { this.#fire(timer) })
    }
  }

  #arm(dueMs: number, fire: () => void): NodeJS.Timeout {
    return setTimeout(fire, Math.min((dueMs - this.monotonicMs()) / this.#pace, LONGEST_TIMER_MS))
  }

  /** One turn later: what has arrived while this process had no turn is looked at before anybody's patience ends. */
  #fire(timer: Timer): void {
    setImmediate(() => {
      if (this.#timers.delete(timer)) timer.callback()
    })
  }

  #tell(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
