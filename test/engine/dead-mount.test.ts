/** Mounts whose daemon was killed, hangs, or sits in the kernel: found without touching them, and cleared. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { clearDeadMount, examineMount } from '../../src/engine/dead-mount.js'
import { findMount } from '../../src/engine/mount-table.js'
import { skipWithout } from '../support/skip.js'
import { Child, startPython, threadStates } from './children.js'
import { MemoryFileSystem } from './memory-file-system.js'
import { isRoot, mountMemory, owner, temporaryFolder } from './mounted.js'

const fuse = skipWithout('fuse')
/** Without a way to abort, who waits in the kernel waits for ever, and so would the test and the container around it. */
const canAbort = isRoot || (await findMount('/sys/fs/fuse/connections')) !== undefined
const abort = canAbort ? fuse : { skip: 'an ordinary user needs the control file system' }
const DAEMON = join(import.meta.dirname, 'daemon-process.js')

async function startDaemon(t: Test): Promise<{ folder: string; daemon: Child }> {
  const folder = await temporaryFolder(t)
  t.teardown(async () => {
    daemon.kill('SIGKILL')
    await clearDeadMount(folder)
  })
  const daemon = new Child(t, '/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, DAEMON, folder])
  await daemon.said('mounted')
  return { folder, daemon }
}

async function mountAgain(t: Test, folder: string): Promise<void> {
  const engine = await mountMemory(folder, new MemoryFileSystem(owner))
  await writeFile(join(folder, 'new'), 'works')
  t.equal(await readFile(join(folder, 'new'), 'utf8'), 'works')
  await engine.unmount({ force: false })
}

void t.test('a mount whose daemon was killed is told as dead, cleared, and mounted again', fuse, async (t) => {
  const { folder, daemon } = await startDaemon(t)
  t.equal((await examineMount(folder))?.health, 'alive')
  await t.rejects(clearDeadMount(folder), { code: 'already-mounted' }, 'one that answers is not cleared')
  daemon.kill('SIGKILL')
  await daemon.ended
  await t.rejects(stat(folder), { code: 'ENOTCONN' })
  t.equal((await examineMount(folder))?.health, 'dead')
  await t.rejects(mountMemory(folder, new MemoryFileSystem(owner)), { code: 'dead-mount' })
  t.equal(await clearDeadMount(folder), true)
  t.equal(await findMount(folder), undefined)
  t.equal(await clearDeadMount(folder), false, 'nothing is left to clear')
  await mountAgain(t, folder)
})

void t.test('a dead mount is cleared although a program stands in it', fuse, async (t) => {
  const { folder, daemon } = await startDaemon(t)
  const inside = startPython(t, folder, "f = open('f', 'rb'); say('in'); sys.stdin.readline(); say(errno_of(lambda: os.listdir('.')))")
  await inside.said('in')
  daemon.kill('SIGKILL')
  await daemon.ended
  t.equal(await clearDeadMount(folder), true)
  await mountAgain(t, folder)
  inside.tell('go')
  t.match((await inside.ended).stdout, /ENOTCONN|ECONNABORTED/)
})

void t.test('a mount whose daemon does not answer is silent, and clearing it frees who waits', abort, async (t) => {
  const { folder, daemon } = await startDaemon(t)
  daemon.kill('SIGSTOP')
  const waiting = startPython(t, '/', "say('asking'); say(errno_of(lambda: os.stat(sys.argv[1] + '/x')))", folder)
  await waiting.said('asking')
  t.equal((await examineMount(folder))?.health, 'silent')
  t.equal(await clearDeadMount(folder), true)
  t.match((await waiting.ended).stdout, /ENOTCONN|ECONNABORTED/)
  t.equal(await findMount(folder), undefined)
})

/** Blocks the notice thread of the daemon in the kernel, as a notice sent at the wrong moment would. */
async function wedge(t: Test, folder: string, daemon: Child): Promise<void> {
  daemon.tell('stall write')
  startPython(t, folder, "os.write(os.open('f', os.O_WRONLY), b'x')")
  await daemon.said('stalled')
  daemon.tell('wedge')
  while (!threadStates(daemon.pid).includes('D')) await new Promise(setImmediate)
}

void t.test('a daemon with a notice stuck in the kernel goes on, and when it is killed its mount is cleared', abort, async (t) => {
  const { folder, daemon } = await startDaemon(t)
  await wedge(t, folder, daemon)
  // The kernel holds the folder for the notice: a lookup in it waits, what needs no lookup is answered.
  const lookup = startPython(t, folder, "say('asking'); say(errno_of(lambda: os.stat('x')))")
  await lookup.said('asking')
  t.equal((await examineMount(folder))?.health, 'alive', 'only the notice thread is stuck')
  daemon.kill('SIGKILL')
  // A part of it stays in the kernel.
  while (threadStates(daemon.pid).join('') !== 'ZD') await new Promise(setImmediate)
  t.equal((await examineMount(folder))?.health, 'silent', 'and holds the mount')
  t.equal(await clearDeadMount(folder), true)
  t.match((await lookup.ended).stdout, /ENOTCONN|ECONNABORTED|ENOENT/)
  await daemon.ended
  await mountAgain(t, folder)
})

void t.test('a daemon with a notice stuck in the kernel can still unmount by force', abort, async (t) => {
  const { folder, daemon } = await startDaemon(t)
  await wedge(t, folder, daemon)
  daemon.tell('unmount force')
  await daemon.said('unmounted')
  t.equal((await daemon.ended).code, 0)
  t.equal(await findMount(folder), undefined)
})
