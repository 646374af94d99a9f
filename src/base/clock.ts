/**
 * Time as a dependency. Everything that waits, stamps or expires takes a Clock, so that tests can move time by hand.
 * Wall time (`nowMs`) may jump; durations are measured with `monotonicMs`.
 */
import { DriveError } from './errors.js'

export interface Clock {
  /** Milliseconds since the epoch; may jump when the machine's clock is set. */
  nowMs(): number
  /** Milliseconds that only grow; for durations and deadlines. */
  monotonicMs(): number
  /** Calls `callback` once after `delayMs`; the answer cancels it. A pending timer keeps the process alive: owners cancel it. */
  setTimer(delayMs: number, callback: () => void): () => void
}

const LONGEST_TIMER_MS = 2 ** 31 - 1 // what setTimeout can hold; a longer delay would fire at once

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS))
    return () => {
      clearTimeout(timer)
    }
  },
}

/** Resolves after `delayMs`, or rejects with `cancelled` as soon as the signal aborts. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new DriveError('cancelled', 'the wait was cancelled'))
      return
    }
    const onAbort = (): void => {
      cancel()
      reject(new DriveError('cancelled', 'the wait was cancelled'))
    }
    const cancel = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** A clock that stands still until `advance` is called; timers fire in order of their time. */
export class FakeClock implements Clock {
  #nowMs: number
  #elapsedMs = 0
  /** Pending timers, unordered; `advance` picks the earliest. */
  readonly #timers = new Set<{ atMs: number; callback: () => void }>()

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#elapsedMs + Math.max(delayMs, 0), callback }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  /** Moves time forward, firing every timer that falls due, and lets promise callbacks run before it and in between. */
  async advance(byMs: number): Promise<void> {
    await settled() // what is already due may set the timer that this call is meant to fire
    const untilMs = this.#elapsedMs + byMs
    for (;;) {
      const next = [...this.#timers].filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#timers.delete(next)
      this.#moveTo(next.atMs)
      next.callback()
      await settled()
    }
    this.#moveTo(untilMs)
    await settled()
  }

  #moveTo(elapsedMs: number): void {
    this.#nowMs += elapsedMs - this.#elapsedMs
    this.#elapsedMs = elapsedMs
  }
}

/** Lets every promise callback that is already due run. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
