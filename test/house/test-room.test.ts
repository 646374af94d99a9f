import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { TestRoom } from '../../scripts/checks/test-room.js'
import { skipWithout } from '../support/skip.js'

async function openRoom(test: Test): Promise<{ room: TestRoom; path: string; environment: NodeJS.ProcessEnv }> {
  const folder = await mkdtemp(join(tmpdir(), 'elastic-room-'))
  test.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, '0')
  const room = await TestRoom.open(path)
  return { room, path, environment: room.environment(process.env) }
}

await t.test('a room that was tidied up has nothing to tell and is gone', async (t) => {
  const { room, path, environment } = await openRoom(t)
  await writeFile(join(environment.TMPDIR!, 'kept'), '')
  await rm(join(environment.TMPDIR!, 'kept'))
  t.strictSame(await room.close(), [])
  await t.rejects(access(path), { code: 'ENOENT' })
})

await t.test('a program in the room sees nothing of the person who runs the tests', async (t) => {
  const { room, path } = await openRoom(t)
  const person = {
    HOME: '/home/person', XDG_STATE_HOME: '/home/person/state', DBUS_SESSION_BUS_ADDRESS: 'unix:x', ELASTIC_DRIVE_HOME: '/home/person/drive',
    npm_config_prefix: '/x', ELASTIC_DRIVE_SKIP: 'fuse', ELASTIC_DRIVE_SEED: '7', LANG: 'ru_RU.UTF-8',
  }
  t.strictSame(room.environment(person), {
    LANG: 'ru_RU.UTF-8', ELASTIC_DRIVE_SKIP: 'fuse', ELASTIC_DRIVE_SEED: '7', TMPDIR: `${path}/t`, HOME: `${path}/home`, XDG_RUNTIME_DIR: `${path}/run`, ELASTIC_DRIVE_TEST_RUN: path,
  })
  await room.close()
})

await t.test('a temporary file left behind is named and removed', async (t) => {
  const { room, path, environment } = await openRoom(t)
  await mkdir(join(environment.TMPDIR!, 'elastic-left'))
  await writeFile(join(environment.HOME!, '.viminfo'), 'what a program keeps at home is no fault')
  t.strictSame(await room.close(), ['a temporary file or folder: elastic-left'])
  await t.rejects(access(path), { code: 'ENOENT' })
})

await t.test('a folder left behind that is closed to its own user is removed as well', async (t) => {
  const { room, path, environment } = await openRoom(t)
  const sealed = join(environment.TMPDIR!, 'elastic-left', 'sealed')
  await mkdir(sealed, { recursive: true })
  await writeFile(join(sealed, 'within'), '')
  await chmod(sealed, 0o555)
  t.strictSame(await room.close(), ['a temporary file or folder: elastic-left'])
  await t.rejects(access(path), { code: 'ENOENT' })
})

await t.test('a process left behind is named and ended, even one that ignores being asked and has left its group', async (t) => {
  const { room, environment } = await openRoom(t)
  const script = `trap '' TERM; echo ready; while :; do sleep 1000 & wait; done`
  const child = spawn('setsid', ['bash', '-c', script], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const left = await room.close()
  t.ok(left.some((what) => /^a process: \d+ bash -c trap/.test(what)), left.join('\n'))
  t.strictSame(await ended, [null, 'SIGKILL'])
})

await t.test('a process of a room inside the room is found as well, one of a neighbour is not', async (t) => {
  const { room, path, environment } = await openRoom(t)
  const start = (mark: string) => spawn('sleep', ['1000'], { env: { ...environment, ELASTIC_DRIVE_TEST_RUN: mark }, stdio: 'ignore' })
  const [inner, neighbour] = [start(`${path}/t/ed-x/0`), start(`${path}1`)]
  t.teardown(() => [inner, neighbour].map((child) => child.kill('SIGKILL')))
  await Promise.all([once(inner, 'spawn'), once(neighbour, 'spawn')])
  t.match(await room.close(), [new RegExp(`^a process: ${inner.pid!} sleep 1000$`)])
  t.equal(neighbour.exitCode ?? neighbour.signalCode, null)
})

await t.test('a process that ends by itself in good time is not told', async (t) => {
  const { room, environment } = await openRoom(t)
  const child = spawn('bash', ['-c', 'echo ready; read -r'], { env: environment, stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const closing = room.close()
  child.stdin.end()
  t.strictSame(await closing, [])
})

const mountNeeds = process.getuid?.() === 0 ? skipWithout('fuse') : { skip: 'only root may mount without a program that serves it' }

await t.test('a FUSE mount that nobody serves is named and unmounted without a hang', mountNeeds, async (t) => {
  const { room, path, environment } = await openRoom(t)
  const point = join(environment.TMPDIR!, 'drive with space')
  await mkdir(point)
  await chmod(point, 0o755)
  // The other end stays open and never answers: whoever looks into the mount waits for ever.
  const device = await open('/dev/fuse', 'r+')
  t.teardown(() => device.close())
  t.teardown(() => once(spawn('umount', ['-l', point], { stdio: 'ignore' }), 'exit')) // before anything walks into it
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0'
  const mount = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'elastic-drive', point], { stdio: ['ignore', 'inherit', 'inherit', device.fd] })
  t.strictSame(await once(mount, 'exit'), [0, null])
  t.strictSame(await room.close(), [`a mount: ${point}`, 'a temporary file or folder: drive with space'])
  t.notMatch(await readFile('/proc/self/mountinfo', 'utf8'), path)
  await t.rejects(access(path), { code: 'ENOENT' })
})
