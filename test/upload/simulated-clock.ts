/**
 * A clock for hours in seconds: it stands still while a request is on its way or anything else is being done; when only
 * timers are left, the next one fires at its time.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../src/base/clock.js'

const LONGEST_WAIT_FOR_ROOM_MS = 5_000 // of a request for its turn; longer ones of a connection are deadlines
const REQUEST_COMES = 'http.server.request.start' // the client's own channel tells only when a body is sent to its end
const ON_THE_WIRE_MS = 1 // a request that was sent this moment has not come yet

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

export class SimulatedClock implements Clock {
  readonly #startMs = Date.now()
  #elapsedMs = 0
  readonly #timers = new Set<Timer>()
  readonly #requests = new Set<IncomingMessage>()
  #isWaiting = false

  constructor() {
    subscribe(REQUEST_COMES, this.#onRequest)
  }

  close(): void {
    unsubscribe(REQUEST_COMES, this.#onRequest)
  }

  nowMs(): number {
    return this.#startMs + Math.floor(this.#elapsedMs)
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    if (delayMs === Infinity) return () => undefined
    const timer: Timer = { atMs: this.#elapsedMs + Math.max(0, delayMs), callback }
    this.#timers.add(timer)
    this.#wait()
    return () => {
      this.#timers.delete(timer)
    }
  }

  skip(byMs: number): void {
    this.#elapsedMs += byMs
  }

  /** The same time for connections, which have real work to wait for: their deadlines never pass. */
  get ofConnections(): Clock {
    return {
      nowMs: () => this.nowMs(),
      monotonicMs: () => this.monotonicMs(),
      setTimer: (delayMs, callback) => (delayMs > LONGEST_WAIT_FOR_ROOM_MS ? () => undefined : this.setTimer(delayMs, callback)),
    }
  }

  readonly #onRequest = (message: unknown): void => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
    this.#requests.add(request)
    response.once('close', () => {
      this.#requests.delete(request)
      this.#wait()
    })
  }

  /** Whatever is ready runs first. */
  #wait(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    setTimeout(() => {
      this.#isWaiting = false
      if (this.#requests.size > 0) return
      const [next] = [...this.#timers].sort((one, other) => one.atMs - other.atMs)
      if (next === undefined) return
      this.#timers.delete(next)
      this.#elapsedMs = Math.max(this.#elapsedMs, next.atMs)
      this.#wait()
      next.callback()
    }, ON_THE_WIRE_MS)
  }
}
