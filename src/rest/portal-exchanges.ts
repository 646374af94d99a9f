/**
 * Exchanges with one portal wherever it is now: redirects followed within their rules, answers read as envelopes, every
 * sign of life told to the connection watch. One request each time; trying again is the client's business.
 */
import { DriveError } from '../base/errors.js'
import type { Log } from '../base/log.js'
import type { ConnectionWatch } from './connection-state.js'
import { readEnvelope, type Envelope } from './envelope.js'
import type { Pool } from './portal-agents.js'
import { downloadTarget, followPost } from './redirects.js'
import { TransportFailure, type Exchange, type ExchangeRequest, type StreamedBody, type Transport } from './transport.js'
import type { Webhook } from './webhook.js'

const ANSWER_TIMEOUT_MS = 75_000 // the portal's own limit is 60 s (4.3)
const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024 // 50 pages of 50 rows are 3 MB

export class PortalExchanges {
  readonly #transport: Transport
  readonly #connection: ConnectionWatch
  readonly #log: Log
  readonly #idleTimeoutMs: () => number
  readonly #onMoved: (webhook: Webhook) => void
  /** Its origin follows the portal when that moves. */
  #webhook: Webhook

  constructor(options: { webhook: Webhook; transport: Transport; connection: ConnectionWatch; log: Log; idleTimeoutMs: () => number; onMoved: (webhook: Webhook) => void }) {
    this.#webhook = options.webhook
    this.#transport = options.transport
    this.#connection = options.connection
    this.#log = options.log
    this.#idleTimeoutMs = options.idleTimeoutMs
    this.#onMoved = options.onMoved
  }

  get webhook(): Webhook {
    return this.#webhook
  }

  /** A POST is repeated as POST where the portal has moved (1.7). Throws TransportFailure. */
  async post(first: URL, body: StreamedBody, pool: Pool, signal: AbortSignal | undefined): Promise<Envelope> {
    let url = first
    for (let hops = 0; ; hops += 1) {
      const exchange = await this.#exchange({ verb: 'POST', url, pool, body, signal, answerTimeoutMs: ANSWER_TIMEOUT_MS, idleTimeoutMs: ANSWER_TIMEOUT_MS, isContent: pool === 'write' })
      const next = followOrDrop(exchange, () => followPost(exchange, url, hops))
      if (next === undefined) return readAnswer(exchange)
      if (next.origin !== url.origin && url.origin === this.#webhook.origin) this.#moveTo(next.origin)
      url = next
    }
  }

  /** The head of a download, wherever it leads. Throws TransportFailure. */
  async get(first: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal | undefined): Promise<Exchange> {
    let url = first
    for (let hops = 0; ; hops += 1) {
      const exchange = await this.#exchange({ verb: 'GET', url, pool: 'read', headers, signal, answerTimeoutMs: this.#idleTimeoutMs(), idleTimeoutMs: this.#idleTimeoutMs(), isContent: true })
      const next = followOrDrop(exchange, () => downloadTarget(exchange, url, hops))
      if (next === undefined) return exchange
      url = next
    }
  }

  #moveTo(origin: string): void {
    this.#webhook = this.#webhook.movedTo(origin)
    this.#log.info({ portal: this.#webhook.host }, 'the portal has a new address')
    this.#onMoved(this.#webhook)
  }

  async #exchange(request: ExchangeRequest): Promise<Exchange> {
    try {
      const exchange = await this.#transport.exchange(request)
      this.#connection.answered()
      return exchange
    } catch (error) {
      if (error instanceof TransportFailure) {
        if (error.kind === 'unreachable') this.#connection.unreachable()
        else this.#connection.broken()
      }
      throw error
    }
  }
}

/** The whole answer. Throws TransportFailure when it breaks off. */
export async function readAnswer(exchange: Exchange): Promise<Envelope> {
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  for await (const piece of exchange.body) {
    sizeBytes += piece.byteLength
    if (sizeBytes > LARGEST_ANSWER_BYTES) throw new DriveError('bad-answer', 'the portal\'s answer is too large')
    pieces.push(piece)
  }
  return readEnvelope(exchange.status, Buffer.concat(pieces).toString('utf8'))
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
