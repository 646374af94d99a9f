/**
 * Exchanges with one portal wherever it is now: redirects followed within their rules, answers read as envelopes, every
 * sign of life told to the connection watch. One request each time; trying again is the client's business.
 */
import type { Log } from '../base/log.js'
import type { Access } from './access.js'
import type { ConnectionWatch } from './connection-state.js'
import { readEnvelope, type Envelope } from './envelope.js'
import type { Pool } from './portal-agents.js'
import { downloadTarget, followPost } from './redirects.js'
import { TransportFailure, type Exchange, type ExchangeRequest, type StreamedBody, type Transport } from './transport.js'
import { wholeText } from './whole-body.js'

const ANSWER_TIMEOUT_MS = 75_000 // the portal's own limit is 60 s (4.3)
const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024 // 50 pages of 50 rows are 3 MB

export class PortalExchanges {
  readonly #transport: Transport
  readonly #connection: ConnectionWatch
  readonly #log: Log
  readonly #idleTimeoutMs: () => number
  readonly #onMoved: (origin: string) => void
  /** Its origin follows the portal when that moves. */
  #access: Access

  constructor(options: { access: Access; transport: Transport; connection: ConnectionWatch; log: Log; idleTimeoutMs: () => number; onMoved: (origin: string) => void }) {
    this.#access = options.access
    this.#transport = options.transport
    this.#connection = options.connection
    this.#log = options.log
    this.#idleTimeoutMs = options.idleTimeoutMs
    this.#onMoved = options.onMoved
  }

  get access(): Access {
    return this.#access
  }

  /** A POST is repeated as POST where the portal has moved (1.7). Throws TransportFailure. */
  async post(first: URL, body: StreamedBody, pool: Pool, signal: AbortSignal | undefined): Promise<Envelope> {
    let url = first
    for (let hops = 0; ; hops += 1) {
      const exchange = await this.#exchange({ verb: 'POST', url, pool, headers: this.#access.headersFor(url), body, signal, answerTimeoutMs: ANSWER_TIMEOUT_MS, idleTimeoutMs: ANSWER_TIMEOUT_MS, isContent: pool === 'write' })
      const next = followOrDrop(exchange, () => followPost(exchange, url, hops))
      if (next === undefined) return readAnswer(exchange)
      if (next.origin !== url.origin && url.origin === this.#access.origin) this.#moveTo(next.origin)
      url = next
    }
  }

  /** The head of a download, wherever it leads. Throws TransportFailure. */
  async get(first: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal | undefined): Promise<Exchange> {
    let url = first
    for (let hops = 0; ; hops += 1) {
      const exchange = await this.#exchange({ verb: 'GET', url, pool: 'read', headers: { ...headers, ...this.#access.headersFor(url) }, signal, answerTimeoutMs: this.#idleTimeoutMs(), idleTimeoutMs: this.#idleTimeoutMs(), isContent: true })
      const next = followOrDrop(exchange, () => downloadTarget(exchange, url, hops))
      if (next === undefined) return exchange
      url = next
    }
  }

  #moveTo(origin: string): void {
    this.#access = this.#access.movedTo(origin)
    this.#log.info({ portal: this.#access.host }, 'the portal has a new address')
    this.#onMoved(origin)
  }

  async #exchange(request: ExchangeRequest): Promise<Exchange> {
    try {
      const exchange = await this.#transport.exchange(request)
      this.#connection.answered()
      this.#log.debug({ verb: request.verb, url: request.url.href, status: exchange.status }, 'the portal answered')
      return exchange
    } catch (error) {
      if (error instanceof TransportFailure) {
        this.#log.debug({ verb: request.verb, url: request.url.href, kind: error.kind, reason: error.reason }, 'the portal did not answer')
        if (error.kind === 'unreachable') this.#connection.unreachable(error.reason)
        else this.#connection.broken()
      }
      throw error
    }
  }
}

/** The whole answer. Throws TransportFailure when it breaks off. */
export async function readAnswer(exchange: Exchange): Promise<Envelope> {
  return readEnvelope(exchange.status, await wholeText(exchange, LARGEST_ANSWER_BYTES, 'the portal'))
}

/** A redirect's own body is of no use; nor is one that may not be followed. */
function followOrDrop(exchange: Exchange, follow: () => URL | undefined): URL | undefined {
  try {
    const next = follow()
    if (next !== undefined) exchange.discard()
    return next
  } catch (error) {
    exchange.discard()
    throw error
  }
}
