/**
 * Keep-alive connections to the portal, straight or through a company's proxy (DESIGN.md R22). Two pools: reads keep a
 * warm connection for long, writes only for a moment, because a write on a connection that the portal is just closing
 * would end in "may have happened". A failure before the connection stands is marked `syscall: 'connect'`: nothing was sent.
 */
import http from 'node:http'
import https from 'node:https'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.js'
import { SleepWatch } from '../base/sleep-watch.js'
import { proxyFor, type ProxySettings } from './proxy-settings.js'

const CONNECT_TIMEOUT_MS = 15_000 // bitrix24-rest.md section 16
const READ_IDLE_MS = 30_000 // shorter than a cloud front end's keep-alive
const WRITE_IDLE_MS = 2_000 // far shorter than any front end's keep-alive, so the race is not met
const FREE_SOCKETS = 8 // what parallel readers of small files use

export type Pool = 'read' | 'write'
type PortalAgent = http.Agent | https.Agent
type OnCreate = (error: Error | null, stream: Duplex) => void

export class PortalAgents {
  readonly #clock: Clock
  readonly #proxy: ProxySettings
  readonly #agents = new Map<string, PortalAgent>()
  readonly #sleep: SleepWatch

  constructor(options: { clock: Clock; proxy: ProxySettings }) {
    this.#clock = options.clock
    this.#proxy = options.proxy
    this.#sleep = new SleepWatch(options.clock)
  }

  for(url: URL, pool: Pool): PortalAgent {
    this.#dropAfterSleep()
    const proxy = proxyFor(url, this.#proxy)
    const key = `${pool} ${url.protocol} ${proxy?.href ?? ''}`
    const kept = this.#agents.get(key)
    if (kept !== undefined) return kept
    const options = { keepAlive: true, maxFreeSockets: FREE_SOCKETS, timeout: pool === 'read' ? READ_IDLE_MS : WRITE_IDLE_MS, scheduling: 'lifo' as const }
    const agent = url.protocol === 'https:' ? new SecureAgent(options, this.#clock, proxy) : new PlainAgent(options, this.#clock)
    this.#agents.set(key, agent)
    return agent
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  /** Connections from before a sleep are dead without knowing it: whoever took one would wait for nothing. */
  #dropAfterSleep(): void {
    if (!this.#sleep.hasSlept()) return
    for (const agent of this.#agents.values()) {
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
    }
  }
}

class PlainAgent extends http.Agent {
  readonly #clock: Clock

  constructor(options: http.AgentOptions, clock: Clock) {
    super(options)
    this.#clock = clock
  }

  override createConnection(options: http.ClientRequestArgs, onCreate?: OnCreate): Duplex | null | undefined {
    const stream = super.createConnection(options, onCreate)
    if (stream instanceof Socket) guardConnect(stream, 'connect', this.#clock)
    return stream
  }
}

class SecureAgent extends https.Agent {
  readonly #clock: Clock
  readonly #proxy: URL | undefined

  constructor(options: https.AgentOptions, clock: Clock, proxy: URL | undefined) {
    super(options)
    this.#clock = clock
    this.#proxy = proxy
  }

  override createConnection(options: https.RequestOptions, onCreate?: OnCreate): Duplex | null | undefined {
    if (this.#proxy === undefined || onCreate === undefined) {
      const stream = super.createConnection(options, onCreate)
      if (stream instanceof Socket) guardConnect(stream, 'secureConnect', this.#clock)
      return stream
    }
    openTunnel(this.#proxy, options, this.#clock, (error, tunnel) => {
      if (error !== null) {
        onCreate(error, tunnel as unknown as Duplex)
        return
      }
      const secure = super.createConnection({ ...options, socket: tunnel } as https.RequestOptions)
      if (!(secure instanceof Socket)) return
      guardConnect(secure, 'secureConnect', this.#clock)
      onCreate(null, secure)
    })
    return undefined
  }
}

/** Asks the proxy for a way through to the portal (CONNECT); TLS is then spoken with the portal itself. */
function openTunnel(proxy: URL, target: https.RequestOptions, clock: Clock, done: (error: Error | null, tunnel: Socket | undefined) => void): void {
  const authority = `${target.host ?? ''}:${target.port ?? 443}`
  const credentials = proxy.username === '' ? {} : { 'Proxy-Authorization': `Basic ${Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`).toString('base64')}` }
  const request = http.request({
    host: proxy.hostname.replace(/^\[|\]$/gu, ''),
    port: proxy.port === '' ? 80 : Number(proxy.port),
    method: 'CONNECT',
    path: authority,
    headers: { Host: authority, ...credentials },
    agent: false,
  })
  const cancelTimer = clock.setTimer(CONNECT_TIMEOUT_MS, () => {
    request.destroy(connectError('ETIMEDOUT', 'the proxy does not answer'))
  })
  request.once('connect', (answer: http.IncomingMessage, socket: Socket) => {
    cancelTimer()
    if (answer.statusCode === 200) {
      done(null, socket)
      return
    }
    socket.destroy()
    done(connectError('EPROXY', `the proxy answered ${answer.statusCode ?? 0}`), undefined)
  })
  request.once('error', (error) => {
    cancelTimer()
    done(Object.assign(error, { syscall: 'connect' }), undefined)
  })
  request.end()
}

/** Bounds the time to connect, and marks what fails before the connection stands. */
function guardConnect(socket: Socket, readyEvent: 'connect' | 'secureConnect', clock: Clock): void {
  const onError = (error: Error): void => {
    Object.assign(error, { syscall: 'connect' })
  }
  const cancelTimer = clock.setTimer(CONNECT_TIMEOUT_MS, () => {
    socket.destroy(connectError('ETIMEDOUT', 'the portal does not answer'))
  })
  const settle = (): void => {
    cancelTimer()
    socket.removeListener('error', onError)
    socket.removeListener('close', settle)
    socket.removeListener(readyEvent, settle)
  }
  socket.on('error', onError)
  socket.once('close', settle)
  socket.once(readyEvent, settle)
}

function connectError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code, syscall: 'connect' })
}
