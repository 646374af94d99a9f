/** Taking mounts away, by whoever and whatever is stuck, and what mounting refuses. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { systemClock, type Clock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import { abortConnection } from '../../src/engine/connection-abort.js'
import { loadFuseAddon } from '../../src/engine/fuse-addon.js'
import { findMount } from '../../src/engine/mount-table.js'
import { unmountGently } from '../../src/engine/unmount.js'
import { skipWithout } from '../support/skip.js'
import { Child, python, startPython } from './children.js'
import { MemoryFileSystem } from './memory-file-system.js'
import { isRoot, mountMemory, nativeMounted, owner, temporaryFolder } from './mounted.js'

const run = promisify(execFile)
const fuse = skipWithout('fuse')
const LONGEST_UNMOUNT_MS = 5000

async function tookMs(work: Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work
  return performance.now() - start
}

void t.test('an idle mount goes at once, is gone from the mount table, and its end says so', fuse, async (t) => {
  const { folder, engine } = await nativeMounted(t)
  await writeFile(join(folder, 'f'), 'x')
  t.equal((await findMount(folder))?.connection, engine.connection)
  await engine.unmount({ force: false })
  t.equal(await findMount(folder), undefined)
  t.equal(await engine.ended, 'unmounted')
  t.strictSame(await readdir(folder), [], 'the folder below shows again')
  await engine.unmount({ force: false })
  await engine.unmount({ force: true })
})

void t.test('a busy mount stays and the processes that hold it are named', fuse, async (t) => {
  const { folder, engine } = await nativeMounted(t)
  await writeFile(join(folder, 'f'), 'x')
  const holding = startPython(t, folder, "f = open('f'); os.chdir('/'); say('open'); sys.stdin.readline()")
  const standing = startPython(t, folder, "say('here'); sys.stdin.readline()")
  const mapping = startPython(t, folder, "f = open('f', 'r+b'); m = mmap.mmap(f.fileno(), 1); f.close(); os.chdir('/'); say('mapped'); sys.stdin.readline()")
  await Promise.all([holding.said('open'), standing.said('here'), mapping.said('mapped')])
  const error: unknown = await engine.unmount({ force: false }).catch((reason: unknown) => reason)
  t.ok(error instanceof DriveError)
  const { code, message, fields } = error as DriveError
  t.equal(code, 'busy')
  for (const { pid } of [holding, standing, mapping]) t.match(message, new RegExp(`python3[^ ]* \\(${pid}\\)`))
  t.equal((fields.holders as unknown[]).length, 3)
  t.equal(await readFile(join(folder, 'f'), 'utf8'), 'x', 'it still works')
  for (const child of [holding, standing, mapping]) {
    child.tell('go')
    await child.ended
  }
  await engine.unmount({ force: false })
})

// A folder of the mount is open, but in nobody's table: it is on its way through a socket.
const HIDDEN_HOLD = `
import socket
ours, theirs = socket.socketpair()
folder = os.open('.', os.O_RDONLY)
socket.send_fds(ours, [b'x'], [folder])
os.close(folder)
os.chdir('/')
say('held')
sys.stdin.readline()
ours.close(); theirs.close()
say('let go')
sys.stdin.readline()
`

void t.test('use by nobody who can be named is waited out', fuse, async (t) => {
  const { folder } = await nativeMounted(t)
  const holding = startPython(t, folder, HIDDEN_HOLD)
  await holding.said('held')
  let looks = 0
  const clock: Clock = {
    ...systemClock,
    setTimer: (delayMs, callback) => {
      // The first timer is set when it was found busy.
      if ((looks += 1) === 1) holding.tell('go')
      return systemClock.setTimer(delayMs, callback)
    },
  }
  await unmountGently(loadFuseAddon(), folder, clock)
  t.equal(await findMount(folder), undefined)
  t.ok(looks > 0, 'it was busy at first')
  await holding.said('let go')
})

void t.test('use by nobody who can be named that does not end is told within five seconds', fuse, async (t) => {
  const { folder, engine } = await nativeMounted(t)
  const holding = startPython(t, folder, HIDDEN_HOLD)
  await holding.said('held')
  const took = await tookMs(t.rejects(engine.unmount({ force: false }), { code: 'busy', message: /cannot be seen from here/ }))
  t.ok(took < LONGEST_UNMOUNT_MS)
  t.equal((await findMount(folder))?.connection, engine.connection, 'it is still there')
})

void t.test('by force it goes within five seconds whatever is stuck, and everybody stuck goes on', fuse, async (t) => {
  const { folder, engine, fileSystem, notices } = await nativeMounted(t)
  const { tree, stalls } = fileSystem
  // Each in a folder of its own: a create waits in the kernel for a lookup in the same folder.
  for (const name of ['c', 'm', 'l', 'r']) tree.add(tree.root, name, 'directory', 0o755)
  for (const name of ['read', 'open', 'write']) tree.add(tree.root, name, 'file', 0o644).resize(2_000_000)
  const stuck = [
    [stalls.add({ operation: 'read' }), "open('read', 'rb').read()"],
    [stalls.add({ operation: 'lookup', name: 'x' }), "os.stat('l/x')"],
    [stalls.add({ operation: 'open', node: tree.child(tree.root, 'open').id }), "os.open('open', os.O_RDONLY)"],
    [stalls.add({ operation: 'create' }), "os.open('c/new', os.O_CREAT | os.O_WRONLY)"],
    [stalls.add({ operation: 'mkdir' }), "os.mkdir('m/d')"],
    [stalls.add({ operation: 'write' }), "f = os.open('write', os.O_WRONLY); os.write(f, b'x' * 1000000)"],
    [stalls.add({ operation: 'flush' }), "os.close(os.open('read', os.O_RDONLY))"],
    [stalls.add({ operation: 'readdirplus' }), "os.listdir('r')"],
  ] as const
  const children = []
  for (const [stall, script] of stuck) {
    children.push(startPython(t, folder, `say(errno_of(lambda: exec(sys.argv[1])))`, script))
    await stall.arrived()
  }
  const signals = stuck.flatMap(([stall]) => [...stall.held].map((request) => request.caller.signal))
  notices.invalidateNode(tree.child(tree.root, 'read').id, 0, 0)
  t.ok((await tookMs(engine.unmount({ force: true }))) < LONGEST_UNMOUNT_MS)
  t.equal(await findMount(folder), undefined)
  t.ok(signals.every((signal) => signal.aborted), 'the filesystem learned of it')
  for (const child of children) t.match((await child.ended).stdout, /ECONNABORTED|ENOTCONN|EIO/)
  // What the filesystem still answers goes nowhere, and is taken back.
  stalls.endAll()
  await engine.ended
  await new Promise(setImmediate)
  t.notOk(tree.child(tree.root, 'c').children.get('new')?.handles)
})

void t.test('by force it goes under full load', fuse, async (t) => {
  const { folder, engine } = await nativeMounted(t)
  const script = `
say('on')
while True:
    open(sys.argv[1], 'wb').write(b'x' * 300000)
    open(sys.argv[1], 'rb').read(); os.listdir('.'); os.unlink(sys.argv[1])
`
  const children = ['a', 'b', 'c', 'd'].map((name) => startPython(t, folder, script, name))
  await Promise.all(children.map((child) => child.said('on')))
  await python(t, folder, "[os.stat('.') for index in range(100)]")
  t.ok((await tookMs(engine.unmount({ force: true }))) < LONGEST_UNMOUNT_MS)
  for (const child of children) t.not((await child.ended).code, 0)
})

void t.test('a mount that somebody else takes away ends the engine', fuse, async (t) => {
  const { folder, engine } = await nativeMounted(t)
  await run(isRoot ? 'umount' : 'fusermount3', [...(isRoot ? [] : ['-u']), folder])
  t.equal(await engine.ended, 'unmounted')
  await engine.unmount({ force: false })
})

void t.test('a connection that somebody aborts ends the engine and says so', isRoot ? fuse : { skip: 'needs the control file system' }, async (t) => {
  const { folder, engine, fileSystem } = await nativeMounted(t)
  fileSystem.tree.add(fileSystem.tree.root, 'f', 'file', 0o644).resize(100)
  const stall = fileSystem.stalls.add({ operation: 'read' })
  const child = startPython(t, folder, "say(errno_of(lambda: open('f', 'rb').read()))")
  await stall.arrived()
  t.equal(await abortConnection(loadFuseAddon(), engine.connection), true)
  t.equal(await engine.ended, 'aborted')
  t.match((await child.ended).stdout, /ECONNABORTED|ENOTCONN|EIO/)
  await engine.unmount({ force: true })
  t.equal(await findMount(folder), undefined)
  t.equal(await abortConnection(loadFuseAddon(), engine.connection), false, 'it is no more')
})

void t.test('a folder that is mounted already, is missing or is a file is refused with its own code', fuse, async (t) => {
  const { folder, engine } = await nativeMounted(t)
  await t.rejects(mountMemory(folder, new MemoryFileSystem(owner)), { code: 'already-mounted' })
  await engine.unmount({ force: false })
  await t.rejects(mountMemory(join(folder, 'missing'), new MemoryFileSystem(owner)), { code: 'mount-failed' })
  await writeFile(join(folder, 'file'), '')
  await t.rejects(mountMemory(join(folder, 'file'), new MemoryFileSystem(owner)), { code: 'mount-failed' })
})

void t.test('a link to a folder is mounted at the folder, whatever its name', fuse, async (t) => {
  const folder = await temporaryFolder(t)
  const odd = await mkdtemp(join(folder, 'a b,c\\d\nя-'))
  const link = join(folder, 'link')
  await symlink(odd, link)
  const engine = await mountMemory(link, new MemoryFileSystem(owner))
  t.equal(engine.folder, odd)
  await t.rejects(mountMemory(link, new MemoryFileSystem(owner)), { code: 'already-mounted' })
  t.equal((await stat(link)).ino, 1)
  await engine.unmount({ force: false })
  t.not((await stat(link)).ino, 1)
})

void t.test('a read-only mount refuses changes, and the options that keep it safe are set', fuse, async (t) => {
  const { folder } = await nativeMounted(t, { readOnly: true })
  await t.rejects(writeFile(join(folder, 'f'), ''), { code: 'EROFS' })
  const options = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').find((line) => line.includes(` ${folder} `))
  t.match(options, /ro,nosuid,nodev/)
  t.match(options, / - fuse\.elastic-drive memory .*default_permissions/)
})

void t.test('several mounts of one process live side by side', fuse, async (t) => {
  const mounts = await Promise.all(Array.from({ length: 5 }, () => nativeMounted(t)))
  await Promise.all(mounts.map(({ folder }, index) => writeFile(join(folder, 'f'), String(index))))
  for (const [index, { folder, engine }] of mounts.entries()) {
    t.equal(await readFile(join(folder, 'f'), 'utf8'), String(index))
    await engine.unmount({ force: index % 2 === 0 })
  }
})

void t.test('a child that was started while mounted does not inherit the device', fuse, async (t) => {
  const { engine } = await nativeMounted(t)
  const child = new Child(t, '/bin/sh', ['-c', 'ls -l /proc/self/fd; echo done'])
  t.notMatch((await child.ended).stdout, /\/dev\/fuse/)
  await engine.unmount({ force: false })
})
