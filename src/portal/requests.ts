/**
 * The account of what clients asked (DESIGN.md section 3): HTTP requests, calls by method (inside batches too), refusals by
 * the bucket, content bytes each way, the busiest second, and the last requests with their parameters but without bodies.
 */
import type { Clock } from '../base/clock.js'
import type { InnerCall } from './batch.js'
import type { Parameters } from './parameters.js'

export interface RequestEntry {
  readonly at: string
  readonly method: string
  parameters: Parameters
  calls?: readonly InnerCall[]
  status: number | null
}

const LOG_LENGTH = 1000
const SECOND_MS = 1000

export class Requests {
  readonly #clock: Clock
  #total = 0
  #limited = 0
  #bytesUp = 0
  #bytesDown = 0
  #bytesAnswers = 0
  #peakPerSecond = 0
  #methods = new Map<string, number>()
  #log: RequestEntry[] = []
  /** Times of the requests of the last second. */
  #recentMs: number[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(method: string): RequestEntry {
    const nowMs = this.#clock.monotonicMs()
    this.#total += 1
    this.#recentMs = this.#recentMs.filter((ms) => ms > nowMs - SECOND_MS)
    this.#recentMs.push(nowMs)
    this.#peakPerSecond = Math.max(this.#peakPerSecond, this.#recentMs.length)
    return this.#entry(method)
  }

  /** A request to the authorization server, which is another host: in the log and by its name only. */
  beginElsewhere(method: string): RequestEntry {
    this.countMethod(method)
    return this.#entry(method)
  }

  countMethod(method: string): void {
    this.#methods.set(method, (this.#methods.get(method) ?? 0) + 1)
  }

  countLimited(): void {
    this.#limited += 1
  }

  countUp(bytes: number): void {
    this.#bytesUp += bytes
  }

  countDown(bytes: number): void {
    this.#bytesDown += bytes
  }

  countAnswer(bytes: number): void {
    this.#bytesAnswers += bytes
  }

  #entry(method: string): RequestEntry {
    const entry: RequestEntry = { at: new Date(this.#clock.nowMs()).toISOString(), method, parameters: {}, status: null }
    this.#log.push(entry)
    if (this.#log.length > LOG_LENGTH) this.#log.shift()
    return entry
  }

  report(): object {
    return {
      total: this.#total,
      methods: Object.fromEntries(this.#methods),
      limited: this.#limited,
      bytesUp: this.#bytesUp,
      bytesDown: this.#bytesDown,
      bytesAnswers: this.#bytesAnswers,
      peakPerSecond: this.#peakPerSecond,
      log: this.#log,
    }
  }

  clear(): void {
    this.#total = 0
    this.#limited = 0
    this.#bytesUp = 0
    this.#bytesDown = 0
    this.#bytesAnswers = 0
    this.#peakPerSecond = 0
    this.#methods = new Map()
    this.#log = []
    this.#recentMs = []
  }
}
