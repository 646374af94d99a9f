/** A loopback HTTP server that answers as a test says, request by request, and remembers what came. Below HTTP's manners. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'
import { systemClock, type Clock } from '../../src/base/clock.js'
import { createLog } from '../../src/base/log.js'
import { seededRandom } from '../../src/base/random.js'
import { memoryBudgetStore } from '../../src/rest/budget-store.js'
import { readProxySettings } from '../../src/rest/proxy-settings.js'
import { RestClient } from '../../src/rest/rest-client.js'
import { Webhook } from '../../src/rest/webhook.js'

export const SECRET = 'topsecretcode42'

export interface SeenRequest {
  readonly verb: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** Number of the TCP connection it came on. */
  readonly connection: number
}

export interface Reply {
  readonly response: ServerResponse
  readonly socket: Socket
  readonly request: SeenRequest
}

type Script = (reply: Reply, count: number) => void

export interface ScriptedPortal {
  readonly url: string
  readonly webhook: string
  readonly seen: SeenRequest[]
  close(): Promise<void>
}

export const json = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(value))
}

/** `script` is called when a whole request is there; `count` begins at 1. */
export async function startScript(t: Test, script: Script): Promise<ScriptedPortal> {
  const seen: SeenRequest[] = []
  const sockets: Socket[] = []
  const server: Server = createServer((message, response) => {
    void readAll(message).then((body) => {
      const request = { verb: message.method ?? '', path: message.url ?? '', headers: message.headers, body, connection: sockets.indexOf(message.socket) }
      seen.push(request)
      script({ response, socket: message.socket, request }, seen.length)
    })
  })
  server.on('connection', (socket: Socket) => sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        resolve()
      })
      server.closeAllConnections()
    })
  t.teardown(close)
  return { url, webhook: `${url}/rest/1/${SECRET}/`, seen, close }
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  try {
    for await (const piece of message as AsyncIterable<Buffer>) pieces.push(piece)
  } catch {
    return Buffer.concat(pieces) // the client went away, which some tests want
  }
  return Buffer.concat(pieces)
}

/** Timers a hundred times as fast; wall time and durations as they are. */
export const hastyClock: Clock = {
  ...systemClock,
  setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / 100, callback),
}

export interface ClientUnderTest {
  readonly rest: RestClient
  /** Everything it logged. */
  readonly logged: string[]
}

export function startClient(t: Test, webhook: string, options: { clock?: Clock; idleTimeoutMs?: number; downloadLimit?: number; onMoved?: (webhook: string) => void; environment?: Record<string, string> } = {}): ClientUnderTest {
  const logged: string[] = []
  const access = Webhook.parse(webhook)
  const rest = new RestClient({
    access,
    budgetStore: memoryBudgetStore(),
    clock: options.clock ?? hastyClock,
    random: seededRandom(3),
    log: createLog('debug', { write: (line: string) => logged.push(line) }),
    proxy: readProxySettings(options.environment ?? {}),
    idleTimeoutMs: () => options.idleTimeoutMs ?? 30_000,
    downloadLimit: () => options.downloadLimit,
    onMoved: (origin) => options.onMoved?.(access.movedTo(origin).reveal()),
  })
  t.teardown(() => rest.close())
  return { rest, logged }
}
