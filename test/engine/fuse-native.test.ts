/** What the contract does not ask of npm's fuse-native: its own ways of hiding, ending and keeping books. */
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { open, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { abortConnection } from '../../src/engine/connection-abort.js'
import { programCalls } from '../../src/engine/mount-calls.js'
import type { MountedEngine } from '../../src/engine/mount-native.js'
import { findMount } from '../../src/engine/mount-table.js'
import { detach } from '../../src/engine/unmount.js'
import { ROOT_NODE } from '../../src/fs/operations.js'
import { skipWithout } from '../support/skip.js'
import { startPython } from './children.js'
import { fuseNativeMounted, mountMemoryByFuseNative } from './fuse-native-mounted.js'
import { MemoryFileSystem } from './memory-file-system.js'
import { isRoot, owner } from './mounted.js'

const run = promisify(execFile)
const fuse = skipWithout('fuse')
const onlyRoot = isRoot ? fuse : { skip: 'needs root' }
const LONGEST_UNMOUNT_MS = 5000

void t.test('when it is unmounted every lookup and every handle was given back', fuse, async (t) => {
  const { folder, engine, fileSystem } = await fuseNativeMounted(t)
  const child = startPython(
    t,
    folder,
    `
os.makedirs('a/b/c')
for index in range(50): open('a/b/f%d' % index, 'w').write('x')
os.rename('a/b', 'a/moved')
for index in range(0, 50, 3): os.unlink('a/moved/f%d' % index)
say(sum(os.stat('a/moved/f%d' % index).st_size for index in range(50) if index % 3))
`,
  )
  t.equal((await child.ended).stdout, '33\n')
  t.ok(fileSystem.lookups > 0, 'what was looked up is kept')
  await unmountGently(engine)
  t.equal(await engine.ended, 'unmounted')
  t.equal(fileSystem.lookups, 0)
  t.equal(fileSystem.openHandles, 0)
})

void t.test('a file that is deleted while open is gone from its folder at once, and no hidden name reaches the filesystem', fuse, async (t) => {
  const { folder, fileSystem } = await fuseNativeMounted(t)
  const child = startPython(
    t,
    folder,
    `
os.mkdir('d')
f = os.open('d/f', os.O_RDWR | os.O_CREAT)
os.write(f, b'bytes')
os.unlink('d/f'); os.rename('d', 'e')
say('deleted'); sys.stdin.readline()
os.ftruncate(f, 3); os.fchmod(f, 0o600)
os.mkdir('other')
say(os.pread(f, 9, 0), oct(os.fstat(f).st_mode), errno_of(lambda: os.rmdir('e')), errno_of(lambda: os.rename('other', 'e')))
os.close(f); os.rmdir('e'); os.rmdir('other')
`,
  )
  await child.said('deleted')
  const { tree } = fileSystem
  t.strictSame([...tree.child(tree.root, 'e').children.keys()], [])
  t.strictSame(await readdir(join(folder, 'e')), [])
  child.tell('go')
  t.match((await child.ended).stdout, "b'byt' 0o100600 ENOTEMPTY ENOTEMPTY")
  await until(() => fileSystem.openHandles === 0)
  t.equal(tree.nodes.size, 1, 'and nothing of it is left')
})

void t.test('a folder stays while a file below it is open that is gone elsewhere, and closing the file goes well', fuse, async (t) => {
  const { folder, fileSystem, notices } = await fuseNativeMounted(t)
  const { tree } = fileSystem
  const a = tree.add(tree.root, 'a', 'directory', 0o755)
  const inner = tree.add(a, 'inner', 'directory', 0o755)
  tree.add(inner, 'f', 'file', 0o644)
  const child = startPython(
    t,
    folder,
    `
f = os.open('a/inner/f', os.O_RDWR); say('open'); sys.stdin.readline()
say(errno_of(lambda: os.rmdir('a')))
os.close(f); say('closed'); sys.stdin.readline()
os.rmdir('a'); say('removed')
`,
  )
  await child.said('open')
  tree.remove(inner, 'f')
  tree.remove(a, 'inner')
  notices.entryDeleted(a.id, inner.id, 'inner')
  child.tell('go')
  await child.said('closed')
  await until(() => fileSystem.openHandles === 0) // close(2) does not wait for RELEASE
  child.tell('go')
  t.equal((await child.ended).stdout, 'open\nENOTEMPTY\nclosed\nremoved\n')
  t.equal(tree.root.children.size, 0)
})

void t.test('who reads new content never sees bytes of the old one, although an old handle is open', fuse, async (t) => {
  const { folder, fileSystem, notices } = await fuseNativeMounted(t)
  const { tree } = fileSystem
  const size = 3_000_000
  tree.add(tree.root, 'f', 'file', 0o644).write(0, Buffer.alloc(size, 'o'))
  const old = startPython(t, folder, "f = os.open('f', os.O_RDONLY); say(os.pread(f, 3, 0)); sys.stdin.readline(); say(errno_of(lambda: os.pread(f, 3, 2900000)))")
  await old.said("b'ooo'")
  tree.unlink(tree.root, 'f')
  tree.add(tree.root, 'f', 'file', 0o644).write(0, Buffer.alloc(size, 'n'))
  notices.invalidateEntry(ROOT_NODE, 'f')
  const file = await open(join(folder, 'f'))
  t.teardown(() => file.close())
  old.tell('go')
  t.match((await old.ended).stdout, 'ESTALE')
  t.ok((await file.readFile()).equals(Buffer.alloc(size, 'n')))
})

void t.test('by force it goes within five seconds whatever is stuck, and everybody stuck goes on', fuse, async (t) => {
  const { folder, engine, fileSystem } = await fuseNativeMounted(t)
  const { tree, stalls } = fileSystem
  for (const name of ['c', 'm', 'l', 'r']) tree.add(tree.root, name, 'directory', 0o755)
  for (const name of ['read', 'open', 'write']) tree.add(tree.root, name, 'file', 0o644).resize(2_000_000)
  const stuck = [
    [stalls.add({ operation: 'read' }), "open('read', 'rb').read()"],
    [stalls.add({ operation: 'lookup', name: 'x' }), "os.stat('l/x')"],
    [stalls.add({ operation: 'open', node: tree.child(tree.root, 'open').id }), "os.open('open', os.O_RDONLY)"],
    [stalls.add({ operation: 'create' }), "os.open('c/new', os.O_CREAT | os.O_WRONLY)"],
    [stalls.add({ operation: 'mkdir' }), "os.mkdir('m/d')"],
    [stalls.add({ operation: 'write' }), "f = os.open('write', os.O_WRONLY); os.write(f, b'x' * 1000000)"],
    [stalls.add({ operation: 'readdir' }), "os.listdir('r')"],
  ] as const
  const children = []
  for (const [stall, script] of stuck) {
    children.push(startPython(t, folder, 'say(errno_of(lambda: exec(sys.argv[1])))', script))
    await stall.arrived()
  }
  const signals = stuck.flatMap(([stall]) => [...stall.held].map((request) => request.caller.signal))
  const start = performance.now()
  await engine.unmount({ force: true })
  t.ok(performance.now() - start < LONGEST_UNMOUNT_MS)
  t.equal(await findMount(folder), undefined)
  t.ok(signals.every((signal) => signal.aborted), 'the filesystem learned of it')
  for (const child of children) t.match((await child.ended).stdout, /ECONNABORTED|ENOTCONN|EIO/)
  stalls.endAll()
  await until(() => (tree.child(tree.root, 'c').children.get('new')?.handles ?? 1) === 0)
  t.equal(tree.child(tree.root, 'open').handles, 0, 'what is still answered is taken back')
})

void t.test('a busy mount stays, and goes when nobody holds it', fuse, async (t) => {
  const { folder, engine } = await fuseNativeMounted(t)
  await writeFile(join(folder, 'f'), 'x')
  const holding = startPython(t, folder, "say('here'); sys.stdin.readline()")
  await holding.said('here')
  await t.rejects(engine.unmount({ force: false }), { code: 'busy', message: new RegExp(`\\(${holding.pid}\\)`) })
  t.equal((await stat(join(folder, 'f'))).size, 1, 'it still works')
  holding.tell('go')
  await holding.ended
  await unmountGently(engine)
  t.equal(await findMount(folder), undefined)
})

void t.test('a mount that somebody else takes away ends the engine, and the folder can be mounted again', fuse, async (t) => {
  const { folder, engine } = await fuseNativeMounted(t)
  await untilNotBusy(() => run(isRoot ? 'umount' : 'fusermount3', [...(isRoot ? [] : ['-u']), folder]))
  t.equal(await engine.ended, 'unmounted')
  const again = await mountMemoryByFuseNative(folder, new MemoryFileSystem(owner))
  await t.rejects(mountMemoryByFuseNative(folder, new MemoryFileSystem(owner)), { code: 'already-mounted' })
  await unmountGently(again)
})

void t.test('without the addon a connection is aborted and detached by the programs of the system', onlyRoot, async (t) => {
  const { folder, engine } = await fuseNativeMounted(t)
  t.equal(await abortConnection(programCalls, engine.connection), true)
  t.equal(await engine.ended, 'aborted')
  t.ok(await findMount(folder), 'it still stands there, dead')
  await detach(programCalls, folder)
  t.equal(await findMount(folder), undefined)
})

void t.test('programs that are started do not inherit the device', fuse, async (t) => {
  await fuseNativeMounted(t)
  const devices = readdirSync('/proc/self/fd').filter((descriptor) => linkOf(descriptor) === '/dev/fuse')
  t.equal(devices.length, 1)
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${devices[0] ?? ''}`, 'latin1'))?.[1] ?? '0'
  t.ok((parseInt(flags, 8) & 0o2000000) !== 0, `flags ${flags}`)
})

const unmountGently = (engine: MountedEngine): Promise<unknown> => untilNotBusy(() => engine.unmount({ force: false }))

/** Programs that look at every new mount keep it busy for a moment. */
async function untilNotBusy(take: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await take()
      return
    } catch {
      await new Promise(setImmediate) // the test's deadline is the bound
    }
  }
}

function linkOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    return undefined // the descriptor of the listing itself
  }
}

/** RELEASE is not waited for by close(2), and what is taken back comes later. The test's deadline is the bound. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate)
}
