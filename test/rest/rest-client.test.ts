/** The client against a scripted server: retries, lost answers, silence, redirects, the state, and the secret. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import type { ConnectionState } from '../../src/rest/connection-state.js'
import type { RestCall, RestClient } from '../../src/rest/rest-client.js'
import { USER_AGENT, type StreamedBody } from '../../src/rest/transport.js'
import { SECRET, json, startClient, startScript, type Reply } from './scripted-portal.js'

const TIME = { start: 1, finish: 1, operating: 0.1, operating_reset_at: 601 }
const read: RestCall = { method: 'disk.file.get', parameters: { id: '7' }, idempotent: true }
const write: RestCall = { method: 'disk.folder.addsubfolder', parameters: { id: '7' }, idempotent: false }
const person = { priority: 'interactive' } as const
const service = { priority: 'background' } as const

const good = ({ response }: Reply): void => {
  json(response, 200, { result: 'good', time: TIME })
}

/** Fails unless the promise rejects with the code and no trace of the secret anywhere in the error. */
async function refused(t: Test, promise: Promise<unknown>, code: string): Promise<DriveError> {
  try {
    await promise
  } catch (error) {
    t.ok(error instanceof DriveError, inspect(error))
    t.equal((error as DriveError).code, code)
    t.notOk(inspect(error, { depth: 20, showHidden: true, getters: true }).includes(SECRET), 'no secret in the error')
    return error as DriveError
  }
  throw new Error(`should have failed with ${code}`)
}

t.test('a call is a JSON POST with an honest agent, no compression and a length', async (t) => {
  const portal = await startScript(t, good)
  const { rest } = startClient(t, portal.webhook)
  t.equal((await rest.call({ ...read, parameters: { id: '7', filter: { '=NAME': 'ё' } } }, person)).result, 'good')
  const [request] = portal.seen
  t.equal(request?.verb, 'POST')
  t.equal(request?.path, `/rest/1/${SECRET}/disk.file.get`)
  t.match(request?.headers, { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', 'content-type': 'application/json', 'content-length': String(request?.body.length), connection: 'keep-alive' })
  t.same(JSON.parse(String(request?.body)), { id: '7', filter: { '=NAME': 'ё' } })
})

t.test('calls that follow each other use one connection', async (t) => {
  const portal = await startScript(t, good)
  const { rest } = startClient(t, portal.webhook)
  for (let each = 0; each < 5; each += 1) await rest.call(read, person)
  t.same([...new Set(portal.seen.map(({ connection }) => connection))], [0])
})

t.test('a read whose connection breaks is asked again, a write never', async (t) => {
  const portal = await startScript(t, (reply, count) => {
    if (count % 2 === 1) reply.socket.destroy()
    else good(reply)
  })
  const { rest } = startClient(t, portal.webhook)
  t.equal((await rest.call(read, person)).result, 'good')
  t.equal(portal.seen.length, 2)
  await refused(t, rest.call(write, person), 'lost-answer')
  t.equal(portal.seen.length, 3, 'sent once')
})

t.test('a write is lost when the answer is HTML of a gateway or cut short, and fails plainly when it was refused', async (t) => {
  const answers: ((reply: Reply) => void)[] = [
    ({ response }) => response.writeHead(504, { 'Content-Type': 'text/html' }).end('<html>504</html>'),
    ({ response, socket }) => {
      response.writeHead(200, { 'Content-Length': '1000' }).write('{"result":')
      socket.end()
    },
    ({ response }) => {
      json(response, 400, { error: 'DISK_OBJ_22000', error_description: `taken /rest/1/${SECRET}/x` })
    },
    ({ response }) => {
      json(response, 403, { error: 'ACCESS_DENIED' })
    },
    ({ response }) => response.writeHead(403).end('<html>WAF</html>'),
  ]
  const portal = await startScript(t, (reply, count) => answers[count - 1]?.(reply))
  const { rest } = startClient(t, portal.webhook)
  await refused(t, rest.call(write, person), 'lost-answer')
  await refused(t, rest.call(write, person), 'lost-answer')
  const taken = await refused(t, rest.call(write, person), 'portal-error')
  t.match(taken.fields, { portalCode: 'DISK_OBJ_22000', status: 400 })
  await refused(t, rest.call(write, person), 'forbidden')
  await refused(t, rest.call(write, person), 'portal-error')
  t.equal(portal.seen.length, 5, 'each sent once')
})

t.test('a read goes on over broken gateways, and says so when they stay broken', async (t) => {
  const portal = await startScript(t, (reply, count) => {
    if (count <= 3) reply.response.writeHead(502, { 'Content-Type': 'text/html' }).end('<html>502</html>')
    else if (count === 4) good(reply)
    else json(reply.response, 500, { error: 'INTERNAL_SERVER_ERROR' })
  })
  const { rest } = startClient(t, portal.webhook)
  t.equal((await rest.call(read, person)).result, 'good')
  await refused(t, rest.call(read, person), 'portal-error')
  t.equal(portal.seen.length, 8)
})

t.test('a 503 of the rate limit is waited for, also by a write', async (t) => {
  const portal = await startScript(t, (reply, count) => {
    if (count <= 2) json(reply.response, 503, { error: 'QUERY_LIMIT_EXCEEDED' })
    else good(reply)
  })
  const { rest } = startClient(t, portal.webhook)
  t.equal((await rest.call(write, person)).result, 'good')
  t.equal(portal.seen.length, 3)
  t.equal(rest.budget().limited, 2)
})

t.test('a method over its execution time is left alone until the portal forgets, others go on', async (t) => {
  const portal = await startScript(t, (reply) => {
    if (reply.request.path.endsWith('disk.file.get')) json(reply.response, 429, { error: 'OPERATION_TIME_LIMIT', time: { start: 100, finish: 100, operating: 480, operating_reset_at: 220 } })
    else good(reply)
  })
  const { rest } = startClient(t, portal.webhook)
  await refused(t, rest.call(read, person), 'operating-limit')
  const error = await refused(t, rest.call(read, person), 'operating-limit')
  t.equal(portal.seen.length, 1, 'not asked again')
  t.ok(Number(error.fields.waitMs) > 100_000)
  t.equal((await rest.call({ ...read, method: 'disk.folder.get' }, person)).result, 'good')
})

t.test('silence ends in deadline for a read, in lost-answer for a write', async (t) => {
  const portal = await startScript(t, () => undefined)
  const { rest } = startClient(t, portal.webhook)
  await refused(t, rest.call(write, person), 'lost-answer')
  await refused(t, rest.call(read, person), 'deadline')
  t.equal(portal.seen.length, 3)
  t.equal(rest.state().online, false, 'three in a row are as good as unreachable')
})

t.test('an unreachable portal is offline at once and for whoever comes next, and comes back by itself', async (t) => {
  const portal = await startScript(t, good)
  const { rest } = startClient(t, portal.webhook)
  await rest.call(read, person)
  const states: ConnectionState[] = []
  const stopListening = rest.onStateChange((state) => states.push(state))
  await portal.close()
  const startMs = performance.now()
  await refused(t, rest.call(read, person), 'offline')
  await refused(t, rest.call(write, service), 'offline')
  t.ok(performance.now() - startMs < 2_000)
  t.match(rest.state(), { online: false })
  t.equal(await rest.probe(), false)
  const port = Number(new URL(portal.url).port)
  const again = createServer((socket: Socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"result":1'))
    socket.on('data', () => socket.end('}'))
  })
  again.listen(port, '127.0.0.1')
  await once(again, 'listening')
  t.teardown(() => again.close())
  t.equal(await rest.probe(), true)
  t.same(states.map(({ online }) => online), [false, true])
  stopListening()
})

t.test('a call is cancelled while it waits for an answer, for its turn or for another try', async (t) => {
  const asked = new EventTarget()
  const portal = await startScript(t, ({ request, response }) => {
    if (request.path.endsWith('disk.folder.get')) json(response, 500, { error: 'INTERNAL_SERVER_ERROR' })
    asked.dispatchEvent(new Event('asked'))
  })
  const { rest } = startClient(t, portal.webhook, { clock: systemClock })
  const abort = new AbortController()
  const waiting = rest.call(read, { ...person, signal: abort.signal })
  await once(asked, 'asked')
  abort.abort()
  await refused(t, waiting, 'cancelled')
  const reasoned = new AbortController()
  const retrying = rest.call({ ...read, method: 'disk.folder.get' }, { ...person, signal: reasoned.signal })
  await once(asked, 'asked')
  reasoned.abort(new DriveError('interrupted', 'the reader went away'))
  await refused(t, retrying, 'interrupted')
  await refused(t, rest.call(read, { ...person, signal: abort.signal }), 'cancelled')
})

t.test('closing ends what runs and what waits', async (t) => {
  const asked = new EventTarget()
  const portal = await startScript(t, () => asked.dispatchEvent(new Event('asked')))
  const { rest } = startClient(t, portal.webhook)
  const running = refused(t, rest.call(read, person), 'cancelled')
  await once(asked, 'asked')
  await rest.close()
  await running
  await refused(t, rest.call(read, person), 'cancelled')
})

t.test('while paused only people\'s calls go out', async (t) => {
  const portal = await startScript(t, good)
  const { rest } = startClient(t, portal.webhook)
  rest.setPaused(true)
  for (const priority of ['listing', 'upload', 'background'] as const) await refused(t, rest.call(read, { priority }), 'paused')
  t.equal((await rest.call(read, person)).result, 'good')
  rest.setPaused(false)
  t.equal((await rest.call(read, service)).result, 'good')
  t.equal(portal.seen.length, 2)
})

t.test('a renamed portal is followed by POST with the same body, and its address is told', async (t) => {
  const next = await startScript(t, good)
  const portal = await startScript(t, ({ response, request }) => response.writeHead(302, { Location: next.url.replace('127.0.0.1', 'localhost') + request.path }).end())
  const moved: string[] = []
  const { rest, logged } = startClient(t, portal.webhook, { onMoved: (webhook) => moved.push(webhook) })
  t.equal((await rest.call(write, person)).result, 'good')
  t.equal(next.seen[0]?.verb, 'POST')
  t.same(JSON.parse(String(next.seen[0]?.body)), { id: '7' })
  t.same(moved, [`${next.url.replace('127.0.0.1', 'localhost')}/rest/1/${SECRET}/`])
  await rest.call(write, person)
  t.equal(portal.seen.length, 1, 'the old address is not asked again')
  t.notOk(logged.join('').includes(SECRET))
})

t.test('the secret is not carried to a foreign host', async (t) => {
  const portal = await startScript(t, ({ response, request }) => response.writeHead(302, { Location: `https://evil.example${request.path}` }).end())
  const { rest } = startClient(t, portal.webhook)
  await refused(t, rest.call(read, person), 'portal-gone')
  t.equal(portal.seen.length, 1)
})

t.test('a redirect in circles ends', async (t) => {
  const portal = await startScript(t, ({ response, request }) => response.writeHead(302, { Location: request.path }).end())
  const { rest } = startClient(t, portal.webhook)
  await refused(t, rest.call(read, person), 'bad-answer')
})

t.test('a body cut by its source or by the portal before its end was not carried out, and the source\'s error comes through', async (t) => {
  const portal = await startScript(t, good)
  const { rest } = startClient(t, portal.webhook)
  const body = (sizeBytes: number, pieces: readonly string[], error?: Error): StreamedBody => ({
    contentType: 'application/json',
    sizeBytes,
    // eslint-disable-next-line @typescript-eslint/require-await -- a stream for the test
    async *open() {
      for (const piece of pieces) yield Buffer.from(piece)
      if (error !== undefined) throw error
    },
  })
  await refused(t, rest.call({ ...write, parameters: body(10, ['short']) }, person), 'invalid')
  await refused(t, rest.call({ ...write, parameters: body(3, ['too long']) }, person), 'invalid')
  await refused(t, rest.call({ ...write, parameters: body(20, ['some'], new DriveError('disk-full', 'gone')) }, person), 'disk-full')
  t.equal((await rest.call({ ...write, parameters: body(8, ['{"id"', ':1}']) }, person)).result, 'good')
})

t.test('a refusal before the body is whole is heard', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end('HTTP/1.1 413 Too Large\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 3\r\n\r\n413'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { rest } = startClient(t, `http://127.0.0.1:${port}/rest/1/${SECRET}/`)
  let given = 0
  const body: StreamedBody = {
    contentType: 'application/json',
    sizeBytes: 10_000_000,
    async *open() {
      for (; given < 10_000_000; given += 100_000) {
        yield Buffer.alloc(100_000)
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
  await refused(t, rest.call({ ...write, parameters: body }, person), 'file-too-large')
  t.ok(given < 10_000_000, 'the rest was not sent')
})

t.test('a portal of one\'s own that counts nothing is not slowed down', async (t) => {
  const portal = await startScript(t, ({ response }) => {
    json(response, 200, { result: 1, time: { start: 1, finish: 1 } })
  })
  const { rest } = startClient(t, portal.webhook, { clock: systemClock })
  const startMs = performance.now()
  for (let round = 0; round < 10; round += 1) await Promise.all(Array.from({ length: 12 }, () => rest.call(read, person)))
  t.equal(portal.seen.length, 120)
  t.ok(performance.now() - startMs < 10_000, 'the plan would take half a minute')
  t.match(rest.budget(), { counted: false })
})

t.test('batches alone tell that a portal counts nothing, and a figure in one slot tells that it does', async (t) => {
  const uncounted = { start: 1, finish: 1 }
  for (const [times, counted] of [[[uncounted, uncounted], false], [[uncounted, TIME], true], [[], true]] as const) {
    const portal = await startScript(t, ({ response }) => {
      // The outer time never has figures: the batch itself is free.
      json(response, 200, { result: { result: { c0: [], c1: [] }, result_error: [], result_total: [], result_next: [], result_time: Object.fromEntries(times.map((time, index) => [`c${index}`, time])) }, time: uncounted })
    })
    const { rest } = startClient(t, portal.webhook)
    await rest.batch([1, 2].map((id) => ({ method: 'disk.folder.getchildren', parameters: { id } })), person)
    t.match(rest.budget(), { counted })
  }
})

t.test('a late batch asks for what is wanted when its turn comes: one is a plain call, none is no request', async (t) => {
  const portal = await startScript(t, ({ response, request }) => {
    if (request.path.endsWith('batch')) json(response, 200, { result: { result: { c0: 1, c1: 2 }, result_error: [], result_total: [], result_next: [], result_time: [] }, time: TIME })
    else json(response, 200, { result: 'alone', time: TIME })
  })
  const { rest } = startClient(t, portal.webhook)
  const wanted: number[] = []
  const late = (): ReturnType<typeof rest.lateBatch> => rest.lateBatch({ method: 'disk.file.get', take: () => wanted.splice(0).map((id) => ({ id })) }, person)
  t.same(await late(), [])
  const coming = late()
  wanted.push(7) // after the call, before its turn
  t.match(await coming, [{ ok: true, answer: { result: 'alone' } }])
  wanted.push(8, 9)
  t.match(await late(), [{ ok: true, answer: { result: 1 } }, { ok: true, answer: { result: 2 } }])
  t.same(portal.seen.map(({ path }) => path.split('/').at(-1)), ['disk.file.get', 'batch'])
})

t.test('a batch keeps its order and gives each command its own outcome', async (t) => {
  const portal = await startScript(t, ({ response }) => {
    json(response, 200, { result: { result: { c0: { ID: 1 }, c3: [] }, result_error: { c1: { error: 'ERROR_NOT_FOUND', error_description: 'x' } }, result_total: { c3: 0 }, result_next: [], result_time: [] }, time: TIME })
  })
  const { rest } = startClient(t, portal.webhook)
  const outcomes = await rest.batch([1, 2, 3, 4].map((id) => ({ method: 'disk.folder.get', parameters: { id } })), person)
  t.match(outcomes, [{ ok: true, answer: { result: { ID: 1 } } }, { ok: false, error: { code: 'not-found' } }, { ok: false, error: { code: 'bad-answer' } }, { ok: true, answer: { result: [], total: 0 } }])
  const sent = JSON.parse(String(portal.seen[0]?.body)) as { halt: number; cmd: Record<string, string> }
  t.same(sent, { halt: 0, cmd: { c0: 'disk.folder.get?id=1', c1: 'disk.folder.get?id=2', c2: 'disk.folder.get?id=3', c3: 'disk.folder.get?id=4' } })
})

t.test('the secret stands in no error and no log line, whatever goes wrong', async (t) => {
  const emptyBody: StreamedBody = { contentType: 'x/y', sizeBytes: 0, open: () => Readable.from([]) }
  const ways: ((reply: Reply) => void)[] = [
    ({ socket }) => socket.destroy(),
    ({ response, request }) => {
      json(response, 400, { error: `ODD /rest/1/${SECRET}/`, error_description: `https://x${request.path}?token=abc` })
    },
    ({ response, request }) => response.writeHead(404).end(`nothing at ${request.path}`),
    ({ response, request }) => response.writeHead(302, { Location: `https://evil.example${request.path}` }).end(),
    ({ response, request }) => response.writeHead(302, { Location: `http://[${request.path}` }).end(),
    ({ socket }) => socket.end('this is not HTTP\r\n\r\n'),
    ({ response }) => response.writeHead(200, { 'Content-Length': '99' }).write('{'),
  ]
  for (const way of ways) {
    const portal = await startScript(t, way)
    const { rest, logged } = startClient(t, portal.webhook, { idleTimeoutMs: 1_000 })
    const calls: ((client: RestClient) => Promise<unknown>)[] = [
      (client) => client.call(read, person),
      (client) => client.call(write, person),
      (client) => client.batch([{ method: 'disk.file.get', parameters: { id: '7' } }], person),
      (client) => client.post(`${portal.webhook}upload/?token=t`, emptyBody, person),
      async (client) => {
        for await (const piece of (await client.fetchBytes(`${portal.webhook}download/?token=t`, {}, person)).body) t.ok(piece)
      },
      (client) => client.fetchBytes(`https://${SECRET}:pw@evil.example/rest/1/${SECRET}/`, {}, person),
    ]
    for (const call of calls) {
      const error: unknown = await call(rest).catch((failure: unknown) => failure)
      t.ok(error instanceof Error, 'fails')
      t.notOk(inspect(error, { depth: 20, showHidden: true, getters: true }).includes(SECRET), inspect(error))
    }
    t.notOk(logged.join('').includes(SECRET), 'nor in the log')
    await rest.close()
  }
})
