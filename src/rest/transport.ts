/**
 * One HTTP exchange by node-fetch: no redirect followed, no compression, a fixed honest agent, a limit on silence in
 * either direction. Failures leave here as TransportFailure without any text of node-fetch, which quotes URLs, and say
 * whether the request may have reached the portal. Knows nothing of REST.
 */
import { Readable } from 'node:stream'
import fetch, { type Response } from 'node-fetch'
import type { Clock } from '../base/clock.js'
import { cancellation, DriveError, systemCode } from '../base/errors.js'
import type { Bandwidth } from './bandwidth.js'
import { Intake } from './intake.js'
import type { Pool, PortalAgents } from './portal-agents.js'

export const USER_AGENT = 'elastic-drive/0.1.0 (Linux)'

/** A body made anew for each attempt; exactly `sizeBytes` bytes. */
export interface StreamedBody {
  readonly contentType: string
  readonly sizeBytes: number
  open(): AsyncIterable<Uint8Array>
}

export interface ExchangeRequest {
  readonly verb: 'GET' | 'POST'
  readonly url: URL
  readonly pool: Pool
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: StreamedBody
  readonly signal?: AbortSignal | undefined
  /** Longest silence until the answer's head: since the last byte of the body was taken. */
  readonly answerTimeoutMs: number
  /** Longest silence inside the answer's body. */
  readonly idleTimeoutMs: number
  /** Content, which the user's limits on bandwidth hold for; calls go past them. */
  readonly isContent: boolean
}

export interface Exchange {
  readonly status: number
  header(name: string): string | undefined
  /** The body, once. Leaving the loop early closes the connection. */
  readonly body: AsyncIterable<Uint8Array>
  /** For a body that nobody will read. */
  discard(): void
}

/** `unreachable`: no connection, nothing sent. `broken`: the connection ended. `silent`: time was up. */
export class TransportFailure extends Error {
  override readonly name = 'TransportFailure'
  readonly kind: 'unreachable' | 'broken' | 'silent'
  /** All of the request may have arrived, so it may have been carried out. */
  readonly mayHaveArrived: boolean
  readonly reason: string

  constructor(kind: 'unreachable' | 'broken' | 'silent', reason: string, mayHaveArrived: boolean) {
    super(`${kind}: ${reason}`)
    this.kind = kind
    this.reason = reason
    this.mayHaveArrived = mayHaveArrived
  }
}

const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENETUNREACH', 'ENETDOWN', 'EPROXY'])

export interface BandwidthLimits {
  readonly down: Bandwidth
  readonly up: Bandwidth
}

export class Transport {
  readonly #agents: PortalAgents
  readonly #clock: Clock
  readonly #limits: BandwidthLimits

  constructor(options: { agents: PortalAgents; clock: Clock; limits: BandwidthLimits }) {
    this.#agents = options.agents
    this.#clock = options.clock
    this.#limits = options.limits
  }

  /** Resolves with the answer's head. Throws TransportFailure, the signal's reason, or what the body source threw. */
  async exchange(request: ExchangeRequest): Promise<Exchange> {
    const life = new ExchangeLife(request, this.#clock, request.isContent ? this.#limits : undefined)
    life.expectWithin(request.answerTimeoutMs)
    try {
      const response = await fetch(request.url, {
        method: request.verb,
        redirect: 'manual',
        compress: false,
        agent: this.#agents.for(request.url, request.pool),
        headers: {
          Accept: '*/*',
          'Accept-Encoding': 'identity',
          'Accept-Language': 'en',
          Referer: `${request.url.origin}/`,
          'User-Agent': USER_AGENT,
          ...(request.body === undefined ? {} : { 'Content-Type': request.body.contentType, 'Content-Length': String(request.body.sizeBytes) }),
          ...request.headers,
        },
        body: request.body === undefined ? null : Readable.from(life.watched(request.body), { objectMode: false }),
        signal: life.cut.signal,
      })
      life.expectNothing()
      return openExchange(response, life, request.idleTimeoutMs)
    } catch (error) {
      life.end()
      throw life.failure(error)
    }
  }
}

/** The timers, the signal and the memory of one exchange. */
class ExchangeLife {
  readonly cut = new AbortController()
  readonly #clock: Clock
  readonly #request: ExchangeRequest
  readonly #limits: BandwidthLimits | undefined
  readonly #onCallerAbort = (): void => {
    this.cut.abort()
  }
  #cancelTimer: (() => void) | undefined
  #timedOut = false
  #isOver = false
  /** Set before the last byte of the body is handed over; a request without its last byte is not carried out. */
  #bodyHandedOver: boolean
  #sourceError: unknown

  constructor(request: ExchangeRequest, clock: Clock, limits: BandwidthLimits | undefined) {
    this.#request = request
    this.#limits = limits
    this.#clock = clock
    this.#bodyHandedOver = request.body === undefined
    request.signal?.addEventListener('abort', this.#onCallerAbort, { once: true })
    if (request.signal?.aborted === true) this.cut.abort()
  }

  /** Nothing once it is over: a source may give its next piece after the request has failed. */
  expectWithin(timeoutMs: number): void {
    this.#cancelTimer?.()
    if (this.#isOver) return
    this.#cancelTimer = this.#clock.setTimer(timeoutMs, () => {
      this.#timedOut = true
      this.cut.abort()
    })
  }

  expectNothing(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  end(): void {
    this.#isOver = true
    this.expectNothing()
    this.#request.signal?.removeEventListener('abort', this.#onCallerAbort)
  }

  /** The request's body: each piece taken is a sign of life, and the count must come out. */
  async *watched(body: StreamedBody): AsyncGenerator<Uint8Array> {
    let givenBytes = 0
    try {
      if (body.sizeBytes === 0) this.#bodyHandedOver = true
      for await (const piece of body.open()) {
        if (piece.byteLength === 0) continue
        givenBytes += piece.byteLength
        if (this.#limits !== undefined) {
          this.expectNothing() // our own waiting is no silence
          await this.#limits.up.pass(piece.byteLength, this.cut.signal)
        }
        if (givenBytes > body.sizeBytes) throw new DriveError('invalid', 'the source gives more bytes than it said')
        if (givenBytes === body.sizeBytes) this.#bodyHandedOver = true
        this.expectWithin(this.#request.answerTimeoutMs)
        yield piece
      }
      if (givenBytes < body.sizeBytes) throw new DriveError('invalid', 'the source gives fewer bytes than it said')
    } catch (error) {
      this.#sourceError ??= error
      throw error
    }
  }

  /** Waits until a piece that has come may be handed on. */
  async received(piece: Uint8Array): Promise<void> {
    await this.#limits?.down.pass(piece.byteLength, this.cut.signal)
  }

  /** What a failure of node-fetch means, without its text. */
  failure(error: unknown): Error {
    const { signal } = this.#request
    if (signal?.aborted === true) return cancellation(signal)
    if (this.#sourceError instanceof Error) return this.#sourceError
    if (this.#timedOut) return new TransportFailure('silent', 'no answer in time', this.#bodyHandedOver)
    const code = systemCode(error) ?? 'closed'
    const connecting = typeof error === 'object' && error !== null && 'erroredSysCall' in error && (error.erroredSysCall === 'connect' || error.erroredSysCall === 'getaddrinfo')
    if (connecting || NEVER_CONNECTED.has(code)) return new TransportFailure('unreachable', code, false)
    return new TransportFailure('broken', code, this.#bodyHandedOver)
  }
}

function openExchange(response: Response, life: ExchangeLife, idleTimeoutMs: number): Exchange {
  const stream = response.body as Readable | null
  const discard = (): void => {
    life.end()
    stream?.destroy()
  }
  async function* read(): AsyncGenerator<Uint8Array> {
    const intake = new Intake(stream ?? Readable.from([]))
    try {
      for (;;) {
        if (!intake.isReady) {
          life.expectWithin(idleTimeoutMs)
          await intake.ready()
          life.expectNothing()
        }
        const piece = intake.take()
        if (piece === undefined) return
        await life.received(piece)
        yield piece
      }
    } catch (error) {
      throw life.failure(error)
    } finally {
      life.end()
      intake.close()
    }
  }
  return { status: response.status, header: (name) => response.headers.get(name) ?? undefined, body: read(), discard }
}
