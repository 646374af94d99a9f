/**
 * Takes the one redirect with which an authorization ends (bitrix24-rest.md 1.2): listens on 127.0.0.1 only, believes
 * nobody who does not know the state, and is gone after the right request or when time is up.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../base/clock.js'
import { DriveError, errorText, systemCode } from '../base/errors.js'
import { isSameSecret } from '../base/same-secret.js'

/** The port that the words to the user name; an application's card may hold another. Below the ports that systems give out. */
export const DEFAULT_REDIRECT_PORT = 18_224

/** What came with the redirect. */
export interface Authorization {
  readonly code: string
  readonly memberId: string | undefined
}

export class RedirectListener {
  readonly #server: Server
  readonly #authorized: Promise<Authorization>
  #accept: (authorization: Authorization) => void = () => undefined

  /** `already-running` where the port is taken. */
  static async open(state: string, port: number): Promise<RedirectListener> {
    const listener = new RedirectListener(state)
    await new Promise<void>((resolve, reject) => {
      listener.#server.once('error', (error) => {
        const words = systemCode(error) === 'EADDRINUSE' ? `port ${port} of this computer is in use: choose another with --port, and write it into the application's card` : errorText(error)
        reject(new DriveError('already-running', words, { cause: error }))
      })
      listener.#server.listen(port, '127.0.0.1', resolve)
    })
    return listener
  }

  private constructor(state: string) {
    this.#authorized = new Promise((resolve) => {
      this.#accept = resolve
    })
    this.#server = createServer((request, response) => {
      this.#answer(request, response, state)
    })
  }

  /** The redirect address for the application's card. */
  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  /** Resolves with what the portal sent; `deadline` when nothing came in time. */
  async wait(clock: Clock, timeoutMs: number): Promise<Authorization> {
    let cancelTimer: () => void = () => undefined
    const timeUp = new Promise<never>((_resolve, reject) => {
      cancelTimer = clock.setTimer(timeoutMs, () => {
        reject(new DriveError('deadline', `nobody let the application in within ${Math.round(timeoutMs / 60_000)} minutes: connect again, or with --paste where the browser is on another computer`))
      })
    })
    try {
      return await Promise.race([this.#authorized, timeUp])
    } finally {
      cancelTimer()
    }
  }

  /** Resolves when nothing listens any more. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve()
      })
      this.#server.closeIdleConnections()
      this.#server.closeAllConnections()
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse, state: string): void {
    const query = queryOf(request.url ?? '')
    const code = query.get('code') ?? ''
    if (request.method !== 'GET' || code === '' || !isSameSecret(query.get('state') ?? '', state)) {
      // Also what a browser asks for by itself (its icon); the right one may still come.
      say(response, 400, 'This is not the answer that elastic-drive waits for.')
      return
    }
    say(response, 200, 'Elastic Drive has been let in. You can close this page.', () => {
      this.#accept({ code, memberId: query.get('member_id') ?? undefined })
    })
  }
}

/** The same question for what a person pastes: the code alone, or the whole address with the state in it. `usage`. */
export function readPasted(text: string, state: string): Authorization {
  const given = text.trim()
  if (/^[\w.-]{8,200}$/u.test(given)) return { code: given, memberId: undefined }
  const query = URL.canParse(given) ? new URL(given).searchParams : undefined
  const code = query?.get('code') ?? ''
  if (query === undefined || code === '') throw new DriveError('usage', 'this is not a code: paste what the portal shows, or the whole address that the browser was sent to')
  if (!isSameSecret(query.get('state') ?? '', state)) throw new DriveError('usage', 'this address belongs to another attempt: open the address printed above and paste what comes then')
  return { code, memberId: query.get('member_id') ?? undefined }
}

/** Of whatever any page of the browser may ask for: not everything that comes as a target is an address (`//`). */
function queryOf(target: string): URLSearchParams {
  const [, query = ''] = /\?(.*)$/su.exec(target) ?? []
  return new URLSearchParams(query)
}

function say(response: ServerResponse, status: number, text: string, done: () => void = () => undefined): void {
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', Connection: 'close', 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' })
  response.end(`<!doctype html>\n<title>Elastic Drive</title>\n<p>${text}</p>\n`, done)
}
