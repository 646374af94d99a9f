import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import { silentLog } from '../../src/base/log.js'
import { ControlClient } from '../../src/control/client.js'
import type { DaemonCommands, DriveStatus } from '../../src/control/commands.js'
import { ControlServer } from '../../src/control/server.js'
import { MAX_REQUEST_BYTES } from '../../src/control/wire.js'

const STATUS: DriveStatus = {
  profile: 'default',
  portal: 'acme.bitrix24.com',
  user: { id: '1', name: 'Anna' },
  connection: 'online',
  folder: '/home/anna/Bitrix24',
  mounted: true,
  readOnly: false,
  engine: { name: 'native', why: 'default', lacks: [], isFallback: false, passthrough: { on: true, why: 'default' } },
  pid: 1,
  pendingUploads: 0,
  pendingBytes: 0,
  pendingDownloads: 0,
  heldDeletions: 0,
  transfers: [],
  cache: { usedBytes: 0, limitBytes: 1, pinnedBytes: 0, dirtyBytes: 0 },
  lastSync: null,
  conflicts: 0,
  errors: [],
  notices: [],
  budget: null,
}

/** Commands that answer from memory; a test replaces what it looks at. */
function commands(replaced: Partial<DaemonCommands> = {}): DaemonCommands {
  const done = { paths: [], results: [] }
  return {
    status: () => Promise.resolve(STATUS),
    pathStatus: () => Promise.resolve(done),
    sync: () => Promise.resolve({ outcome: 'started', pendingUploads: 0, pendingBytes: 0, pendingDownloads: 0, heldDeletions: 0 }),
    fullSyncPlan: () => Promise.reject(new Error('not asked')),
    pause: () => Promise.resolve({ connection: 'paused' }),
    resume: () => Promise.resolve({ connection: 'online' }),
    pin: ({ paths }) => Promise.resolve({ results: paths.map((path) => ({ path, bytes: 1 })) }),
    unpin: () => Promise.resolve(done),
    free: () => Promise.resolve(done),
    conflicts: () => Promise.resolve({ conflicts: [] }),
    resolveConflicts: () => Promise.resolve(done),
    folders: () => Promise.resolve({ folders: [] }),
    selectFolders: () => Promise.resolve(done),
    deselectFolders: () => Promise.resolve(done),
    brakeShow: () => Promise.resolve({ heldDeletions: 0, holds: [] }),
    brakeAllow: () => Promise.resolve({ allowed: 0, heldDeletions: 0 }),
    brakeUndo: () => Promise.resolve({ restored: 0, failed: [], heldDeletions: 0 }),
    unmount: () => Promise.resolve({ unmounted: true, busy: [], unsent: [], pendingUploads: 0, pendingBytes: 0 }),
    storages: () => Promise.resolve({ storages: [], folders: [], people: 0 }),
    connectStorage: ({ name }) => Promise.resolve({ name, path: null, by: null, already: false }),
    disconnectStorage: ({ name }) => Promise.resolve({ name, path: null, disconnected: true, unsent: [] }),
    settingsChanged: () => Promise.resolve({}),
    quit: () => Promise.resolve({}),
    ...replaced,
  }
}

async function directory(test: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'elastic-control-'))
  test.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function door(test: Test, replaced: Partial<DaemonCommands> = {}): Promise<{ path: string; server: ControlServer }> {
  const path = join(await directory(test), 'control')
  const server = new ControlServer({ socketPath: path, commands: commands(replaced), clock: systemClock, log: silentLog })
  await server.start()
  test.teardown(() => server.stop())
  return { path, server }
}

async function ask(test: Test, path: string): Promise<ControlClient> {
  const client = await ControlClient.open(path, systemClock)
  test.teardown(() => client.close())
  return client
}

await t.test('the socket is for its owner alone', async (t) => {
  const { path } = await door(t)
  t.equal((await stat(path)).mode & 0o777, 0o600)
})

await t.test('requests of one connection are answered each by its own answer, the quick before the slow', async (t) => {
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const { path } = await door(t, {
    sync: async () => {
      await held
      return { outcome: 'done', pendingUploads: 0, pendingBytes: 0, pendingDownloads: 0, heldDeletions: 0 }
    },
  })
  const client = await ask(t, path)
  const slow = client.request('sync', { waitSeconds: 60, full: false }, Infinity)
  t.same(await client.request('status', {}), STATUS)
  t.same(await client.request('pin', { paths: ['/a/b'] }), { results: [{ path: '/a/b', bytes: 1 }] })
  release()
  t.match(await slow, { outcome: 'done' })
})

await t.test('a failure of a command reaches the asker with its code and without secrets', async (t) => {
  const { path } = await door(t, {
    resume: () => Promise.reject(new DriveError('bad-credentials', 'refused https://acme.bitrix24.com/rest/1/s3cr3tcode/profile')),
  })
  const client = await ask(t, path)
  await t.rejects(client.request('resume', {}), { code: 'bad-credentials', message: /rest\/1\/\*\*\*/ })
})

await t.test('a request with a wrong shape never reaches its command', async (t) => {
  const { path } = await door(t, { pin: () => Promise.reject(new Error('reached')) })
  const client = await ask(t, path)
  await t.rejects(client.request('pin', { paths: ['relative'] }), { code: 'bad-argument' })
  await t.rejects(client.request('unmount', { waitSeconds: -1, force: false }), { code: 'bad-argument' })
  await t.rejects(client.request('toString' as 'status', {}), { code: 'bad-argument', message: /another version/ })
})

await t.test('an asker that goes away aborts what it asked for', async (t) => {
  const { promise: aborted, resolve } = deferred()
  const { promise: begun, resolve: begin } = deferred()
  const { path } = await door(t, {
    sync: (_request, signal) => {
      begin()
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          resolve()
          reject(new DriveError('cancelled', 'gone'))
        })
      })
    },
  })
  const client = await ControlClient.open(path, systemClock)
  const asked = client.request('sync', { full: false }, Infinity)
  asked.catch(() => undefined)
  await begun
  await client.close()
  await aborted
  await t.rejects(asked, { code: 'not-mounted' })
})

await t.test('stop lets the answer of the command that caused it through, and removes the socket', async (t) => {
  const { path, server } = await door(t)
  const client = await ask(t, path)
  const answer = client.request('unmount', { waitSeconds: 0, force: false })
  t.match(await answer, { unmounted: true })
  await server.stop()
  await client.closed
  await t.rejects(stat(path), { code: 'ENOENT' })
  await t.rejects(ControlClient.open(path, systemClock), { code: 'not-mounted' })
})

await t.test('stop does not wait for an asker that never reads its answer', async (t) => {
  const { promise: begun, resolve: begin } = deferred()
  const { path, server } = await door(t, {
    pathStatus: () => {
      begin()
      return Promise.resolve({ paths: [{ path: '/a', error: { code: 'not-found', message: 'x'.repeat(8 * 1024 * 1024) } }] })
    },
  })
  const socket = connect(path)
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.write('{"id":1,"command":"pathStatus","request":{"paths":["/a"]}}\n')
  await begun
  await server.stop()
  await t.rejects(stat(path), { code: 'ENOENT' })
})

await t.test('a line longer than a request may be is refused and its sender cut off', async (t) => {
  const { path } = await door(t)
  const socket = connect(path)
  t.teardown(() => socket.destroy())
  const said: Buffer[] = []
  socket.on('data', (chunk: Buffer) => said.push(chunk))
  socket.on('error', () => undefined)
  socket.write(Buffer.alloc(MAX_REQUEST_BYTES + 1, 0x20))
  await once(socket, 'close')
  t.match(Buffer.concat(said).toString(), /too long|^$/)
  const client = await ask(t, path)
  t.same(await client.request('status', {}), STATUS)
})

await t.test('a line that is not JSON gets an error and the connection goes on', async (t) => {
  const { path } = await door(t)
  const socket = connect(path)
  t.teardown(() => socket.destroy())
  socket.write('hello\n{"id":7,"command":"pause"}\n')
  let said = ''
  while (said.split('\n').length < 3) said += String((await once(socket, 'data'))[0])
  const [first, second] = said.trim().split('\n').map((line) => JSON.parse(line) as unknown)
  t.match(first, { id: null, error: { code: 'bad-argument' } })
  t.same(second, { id: 7, answer: { connection: 'paused' } })
})

await t.test('a daemon that takes the connection and never answers is told apart from none', async (t) => {
  const path = join(await directory(t), 'control')
  const mute = createServer((socket) => {
    t.teardown(() => socket.destroy())
  })
  mute.listen(path)
  await once(mute, 'listening')
  t.teardown(() => mute.close())
  const client = await ask(t, path)
  await t.rejects(client.request('status', {}, 50), { code: 'deadline', message: /unmount --force/ })
})

await t.test('a socket file left by a killed daemon is replaced, and is no daemon before that', async (t) => {
  const path = join(await directory(t), 'control')
  await writeFile(path, '')
  await chmod(path, 0o600)
  await t.rejects(ControlClient.open(path, systemClock), { code: 'not-mounted' })
  const server = new ControlServer({ socketPath: path, commands: commands(), clock: systemClock, log: silentLog })
  await server.start()
  t.teardown(() => server.stop())
  const client = await ask(t, path)
  t.match(await client.request('status', {}), { portal: 'acme.bitrix24.com' })
})

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
