/**
 * Puts answers on the wire, with the faults that concern the wire: a body cut short, stalled or slow, a connection that
 * drops (E-10, E-47, E-55). Never throws for a client that has gone.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { delay, type Clock } from '../base/clock.js'
import { hasCode } from '../base/errors.js'
import type { FaultEffect } from './faults.js'
import type { Line } from './line.js'

export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>
  readonly body: AsyncIterable<Uint8Array>
}

export class AnswerWriter {
  readonly #clock: Clock
  readonly #response: ServerResponse
  readonly #fault: FaultEffect | undefined
  readonly #line: Line | undefined
  readonly #sent: (bytes: number) => void
  readonly #gone = new AbortController()

  /** `sent` is told of body bytes as they go out, at the rate of the line if there is one. */
  constructor(options: { clock: Clock; response: ServerResponse; fault: FaultEffect | undefined; line?: Line; sent: (bytes: number) => void }) {
    this.#clock = options.clock
    this.#response = options.response
    this.#fault = options.fault
    this.#line = options.line
    this.#sent = options.sent
    this.#response.once('close', () => {
      this.#gone.abort()
    })
  }

  async write(answer: WireAnswer): Promise<void> {
    if (this.#response.destroyed) return
    if (this.#fault?.kind === 'lost-answer') {
      this.drop()
      return
    }
    this.#response.writeHead(answer.status, answer.headers)
    this.#response.flushHeaders()
    try {
      await this.#writeBody(answer.body)
    } catch (error) {
      if (!this.#isGone()) this.drop()
      if (!this.#gone.signal.aborted && !hasCode(error, 'cancelled')) throw error
    }
  }

  /** The connection goes as if the network broke: a reset, not an orderly end. */
  drop(): void {
    const { socket } = this.#response
    if (socket === null) this.#response.destroy()
    else socket.resetAndDestroy()
  }

  async #writeBody(body: AsyncIterable<Uint8Array>): Promise<void> {
    let done = 0
    for await (const chunk of body) {
      for (const part of this.#parts(chunk, done)) {
        await this.#before(done, part.length)
        if (this.#isGone()) return
        if (this.#fault?.kind === 'truncate' && done + part.length >= this.#fault.bytes) {
          await this.#cut(part.subarray(0, this.#fault.bytes - done))
          return
        }
        await this.#send(part)
        done += part.length
      }
    }
    if (this.#fault?.kind === 'truncate') this.drop()
    else await this.#end()
  }

  /** Slow bodies go in tenths of a second, stalled ones are split where they stall. */
  *#parts(chunk: Uint8Array, done: number): Generator<Uint8Array> {
    if (this.#fault?.kind === 'slow') {
      const step = Math.max(1, Math.floor(this.#fault.bytesPerSecond / 10))
      for (let at = 0; at < chunk.length; at += step) yield chunk.subarray(at, at + step)
      return
    }
    const split = this.#fault?.kind === 'stall' ? this.#fault.bytes - done : 0
    if (split > 0 && split < chunk.length) yield chunk.subarray(0, split)
    yield split > 0 && split < chunk.length ? chunk.subarray(split) : chunk
  }

  async #before(done: number, length: number): Promise<void> {
    await this.#line?.carry(length, this.#gone.signal)
    if (this.#fault?.kind === 'slow') await delay(this.#clock, (length / this.#fault.bytesPerSecond) * 1000, this.#gone.signal)
    if (this.#fault?.kind === 'stall' && done === this.#fault.bytes) await delay(this.#clock, this.#fault.ms, this.#gone.signal)
  }

  async #send(bytes: Uint8Array): Promise<void> {
    this.#sent(bytes.length)
    if (this.#response.write(bytes) || this.#isGone()) return
    await this.#drained()
  }

  /** Resolves when the client has taken what was written, or has gone. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#response.off('drain', done)
        this.#gone.signal.removeEventListener('abort', done)
        resolve()
      }
      this.#response.once('drain', done)
      this.#gone.signal.addEventListener('abort', done, { once: true })
    })
  }

  /** The bytes before the cut arrive, then the connection ends in the middle. */
  async #cut(bytes: Uint8Array): Promise<void> {
    this.#sent(bytes.length)
    await new Promise<void>((resolve) => {
      this.#response.write(bytes, () => {
        resolve()
      })
      if (this.#isGone()) resolve()
    })
    this.#response.socket?.end()
    this.#response.destroy()
  }

  async #end(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#response.once('close', resolve)
      this.#response.end(resolve)
    })
  }

  #isGone(): boolean {
    return this.#gone.signal.aborted || this.#response.destroyed
  }
}

export function jsonAnswer(status: number, value: unknown): WireAnswer & { readonly bytes: number } {
  return textAnswer(status, 'application/json; charset=utf-8', JSON.stringify(value))
}

/** What a front end says when PHP is not reached (E-10). */
export function htmlAnswer(status: number): WireAnswer & { readonly bytes: number } {
  const title = `${status} ${HTML_TITLES[status] ?? 'Error'}`
  return textAnswer(status, 'text/html', `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`)
}

/** To another host, as nginx says it (E-9, E-58). */
export function redirectAnswer(location: string): WireAnswer & { readonly bytes: number } {
  const answer = htmlAnswer(302)
  return { ...answer, headers: { ...answer.headers, Location: location } }
}

const HTML_TITLES: Readonly<Record<number, string>> = {
  302: 'Found',
  403: 'Forbidden',
  404: 'Not Found',
  411: 'Length Required',
  413: 'Request Entity Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  504: 'Gateway Time-out',
}

export function textAnswer(status: number, contentType: string, text: string): WireAnswer & { readonly bytes: number } {
  const bytes = Buffer.from(text)
  return { status, headers: { 'Content-Type': contentType, 'Content-Length': bytes.length }, body: single(bytes), bytes: bytes.length }
}

// eslint-disable-next-line @typescript-eslint/require-await -- an async iterable of one chunk
async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}

export function acceptsGzip(headers: IncomingHttpHeaders): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\b)/i.test(headers['accept-encoding'] ?? '')
}

/** As a compressing front end sends it: without length and ranges (8.2). */
export function compressed(answer: WireAnswer): WireAnswer {
  const dropped = new Set(['content-length', 'accept-ranges', 'content-range'])
  const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !dropped.has(name.toLowerCase())))
  return { status: answer.status, headers: { ...headers, 'Content-Encoding': 'gzip' }, body: pipeline(Readable.from(answer.body, { objectMode: false }), createGzip(), () => undefined) } // who reads it meets the error
}
