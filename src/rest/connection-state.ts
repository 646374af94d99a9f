/**
 * Whether the portal answers: an observable flag with the times of the last success and failure. A connection refused
 * means offline at once; a broken or silent one only when it comes several times in a row.
 */
import type { Clock } from '../base/clock.js'

export interface ConnectionState {
  readonly online: boolean
  /** When it became so, wall time. */
  readonly sinceMs: number
  readonly lastSuccessMs: number | undefined
  readonly lastFailureMs: number | undefined
  /** Of the last time that no connection came about: a system's or TLS's code. */
  readonly reason: string | undefined
  /** It answers, but the last answer was a failure of its own or no answer of Bitrix24 at all; since when, wall time. */
  readonly trouble: { readonly text: string; readonly sinceMs: number } | undefined
}

export type ConnectionListener = (state: ConnectionState) => void

const BROKEN_IN_A_ROW = 3 // a single reset is the network's everyday life

export class ConnectionWatch {
  readonly #clock: Clock
  readonly #listeners = new Set<ConnectionListener>()
  #state: ConnectionState
  #brokenInARow = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#state = { online: true, sinceMs: clock.nowMs(), lastSuccessMs: undefined, lastFailureMs: undefined, reason: undefined, trouble: undefined }
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** Calls `listener` at each change between online and offline; the answer ends that. */
  onChange(listener: ConnectionListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** The portal answered, whatever it said. */
  answered(): void {
    this.#brokenInARow = 0
    this.#become(true, { lastSuccessMs: this.#clock.nowMs(), reason: undefined })
  }

  /** A call was answered as it should be, or refused for a reason of its own. */
  served(): void {
    if (this.#state.trouble !== undefined) this.#state = { ...this.#state, trouble: undefined }
  }

  troubled(text: string): void {
    this.#state = { ...this.#state, trouble: { text, sinceMs: this.#state.trouble?.sinceMs ?? this.#clock.nowMs() } }
  }

  unreachable(reason: string): void {
    this.#become(false, { lastFailureMs: this.#clock.nowMs(), reason })
  }

  broken(): void {
    this.#brokenInARow += 1
    this.#become(this.#state.online && this.#brokenInARow < BROKEN_IN_A_ROW, { lastFailureMs: this.#clock.nowMs() })
  }

  #become(online: boolean, news: Partial<ConnectionState>): void {
    const changed = online !== this.#state.online
    this.#state = { ...this.#state, ...news, online, sinceMs: changed ? this.#clock.nowMs() : this.#state.sinceMs }
    if (!changed) return
    for (const listener of [...this.#listeners]) listener(this.#state)
  }
}
