/** The way to the portal: proxies, limits on bandwidth, connections that never come to stand. */
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { FakeClock, systemClock } from '../../src/base/clock.js'
import { Bandwidth } from '../../src/rest/bandwidth.js'
import { proxyFor, readProxySettings } from '../../src/rest/proxy-settings.js'
import type { RestCall } from '../../src/rest/rest-client.js'
import { SECRET, json, startClient, startScript } from './scripted-portal.js'

const read: RestCall = { method: 'disk.file.get', parameters: {}, idempotent: true }
const person = { priority: 'interactive' } as const

async function listening(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test('the proxy of the environment is used for https, but not for what NO_PROXY names', (t) => {
  const settings = readProxySettings({ HTTPS_PROXY: 'http://proxy.corp:3128', NO_PROXY: 'intern.corp, .local.net,other.example:8443' })
  const uses = (address: string): boolean => proxyFor(new URL(address), settings) !== undefined
  t.ok(uses('https://acme.bitrix24.com/'))
  t.ok(uses('https://notintern.corp.example/'))
  t.ok(uses('https://other.example/'))
  for (const address of ['http://acme.example/', 'https://intern.corp/', 'https://portal.intern.corp/', 'https://x.local.net/', 'https://other.example:8443/', 'https://127.0.0.1/', 'https://localhost/']) t.notOk(uses(address), address)
  t.equal(readProxySettings({}).httpsProxy, undefined)
  t.equal(readProxySettings({ https_proxy: 'proxy:8080' }).httpsProxy?.href, 'http://proxy:8080/')
  t.equal(proxyFor(new URL('https://a.example/'), readProxySettings({ HTTPS_PROXY: 'http://p:1', NO_PROXY: '*' })), undefined)
  t.end()
})

t.test('through a proxy TLS is spoken with the portal, and the proxy sees only its name', async (t) => {
  const asked: { path: string | undefined; authorization: string | undefined }[] = []
  const hello: number[] = []
  const proxy = createHttpServer()
  proxy.on('connect', (message: IncomingMessage, socket: Socket) => {
    asked.push({ path: message.url, authorization: message.headers['proxy-authorization'] })
    socket.on('error', () => undefined)
    if (asked.length === 1) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    socket.once('data', (bytes: Buffer) => {
      hello.push(bytes[0] ?? 0)
      socket.destroy()
    })
  })
  const port = await listening(t, proxy)
  const { rest } = startClient(t, `https://portal.example/rest/1/${SECRET}/`, { environment: { HTTPS_PROXY: `http://ada:s%40crt@127.0.0.1:${port}` } })
  await t.rejects(rest.call(read, person), { code: 'offline' })
  await rest.probe()
  t.ok(asked.length >= 2)
  for (const each of asked) t.same(each, { path: 'portal.example:443', authorization: `Basic ${Buffer.from('ada:s@crt').toString('base64')}` })
  t.equal(hello[0], 0x16, 'a TLS handshake')
})

t.test('a connection that never comes to stand is offline after a while', async (t) => {
  const silent = createServer(() => undefined)
  const port = await listening(t, silent)
  const sockets: Socket[] = []
  silent.on('connection', (socket) => sockets.push(socket))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  // TCP stands, but TLS never does; the clock is a hundred times as fast, so 15 s are 150 ms.
  const { rest } = startClient(t, `https://127.0.0.1:${port}/rest/1/${SECRET}/`)
  await t.rejects(rest.call({ ...read, idempotent: false }, person), { code: 'offline' })
  t.equal(rest.state().online, false)
})

t.test('after the machine slept no connection from before is used', async (t) => {
  const portal = await startScript(t, ({ response }) => {
    json(response, 200, { result: 1 })
  })
  let sleptMs = 0
  const { rest } = startClient(t, portal.webhook, { clock: { ...systemClock, nowMs: () => systemClock.nowMs() + sleptMs } })
  await rest.call(read, person)
  await rest.call(read, person)
  sleptMs = 3_600_000
  await rest.call(read, person)
  await rest.call(read, person)
  t.same(portal.seen.map(({ connection }) => connection), [0, 0, 1, 1])
})

t.test('a limit on bandwidth spreads bytes over time, can change, and can be cancelled', async (t) => {
  const clock = new FakeClock()
  let limit: number | undefined = 1_000
  const bandwidth = new Bandwidth({ clock, bytesPerSecond: () => limit })
  const { signal } = new AbortController()
  let passed = 0
  const flow = (async () => {
    for (let each = 0; each < 20; each += 1) {
      await bandwidth.pass(500, signal)
      passed += 500
    }
  })()
  await clock.advance(4_000)
  t.ok(passed >= 3_500 && passed <= 4_500, `${passed} in 4 s`)
  limit = undefined
  await clock.advance(1_000)
  await flow
  t.equal(passed, 10_000)
  limit = 1
  const abort = new AbortController()
  const waiting = bandwidth.pass(1_000, abort.signal)
  abort.abort()
  await t.rejects(waiting, { code: 'cancelled' })
})

t.test('downloads keep to their limit without being taken for silent', async (t) => {
  const portal = await startScript(t, ({ response }) => response.writeHead(200, { 'Content-Length': 300_000 }).end(Buffer.alloc(300_000)))
  const { rest } = startClient(t, portal.webhook, { clock: systemClock, idleTimeoutMs: 200, downloadLimit: 400_000 })
  const startMs = performance.now()
  const exchange = await rest.fetchBytes(`${portal.webhook}download/`, {}, person)
  t.equal((await buffer(exchange.body)).byteLength, 300_000)
  t.ok(performance.now() - startMs >= 450, 'three quarters of a second less the slack')
})
