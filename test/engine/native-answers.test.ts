// What native code answers by itself on a real mount: from what it was told, until it is told otherwise, and never with a call into the filesystem.
import { mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { asContentId, asIno } from '../../src/base/ids.js'
import { silentLog } from '../../src/base/log.js'
import { LateNotices } from '../../src/engine/late-notices.js'
import { mountNative, type NativeWork } from '../../src/engine/mount-native.js'
import { LateAnswers } from '../../src/engine/native-answers.js'
import { LateFiles } from '../../src/engine/native-files.js'
import { nodeIdOf } from '../../src/fs/nodes.js'
import { ROOT_NODE, type Attributes, type FileSystem, type Handle, type Opened } from '../../src/fs/operations.js'
import { skipWithout } from '../support/skip.js'
import { MemoryFileSystem } from './memory-file-system.js'
import { until } from './contract-notices.js'
import { owner, temporaryFolder } from './mounted.js'

const ROOT = asIno(1)
const CONTENT = asContentId(300)
const STALE = { errno: -116, message: /116/ } // ESTALE, which Node has no name for
const fuse = skipWithout('fuse')

interface Scene {
  readonly folder: string
  readonly native: NativeWork
  readonly notices: LateNotices
  /** Calls that reached the filesystem, by name. */
  readonly calls: string[]
  /** Of the last file that was created. */
  readonly created: { handle: Handle | undefined }
}

async function scene(t: Test): Promise<Scene> {
  const folder = await temporaryFolder(t)
  const native: NativeWork = { answers: new LateAnswers(), files: new LateFiles(), cacheDirectory: await temporaryFolder(t) }
  const notices = new LateNotices()
  const calls: string[] = []
  const created: Scene['created'] = { handle: undefined }
  const fileSystem = new Proxy<FileSystem>(new MemoryFileSystem(owner), {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function' || typeof name !== 'string') return method
      return (...args: unknown[]): unknown => {
        calls.push(name)
        const answer: unknown = (method as (...args: unknown[]) => unknown).apply(target, args)
        if (name === 'create') created.handle = (answer as { opened: Opened }).opened.handle
        return answer
      }
    },
  })
  const engine = await mountNative({ fileSystem, folder, fsName: 'memory', readOnly: false, allowOther: false, notices, native, clock: systemClock, log: silentLog })
  t.teardown(() => engine.unmount({ force: true }))
  native.answers.keepItem({ node: ROOT_NODE, attributes: attributes(1, { kind: 'directory', mode: 0o755 }), content: null, complete: false })
  return { folder, native, notices, calls, created }
}

function attributes(ino: number, changes: Partial<Attributes> = {}): Attributes {
  return { ino: asIno(ino), kind: 'file', mode: 0o644, sizeBytes: 0, blocks: 0, linkCount: 1, ...owner, atimeMs: 0, mtimeMs: 1_700_000_000_123, ctimeMs: 0, ...changes }
}

/** A row as the mirror gives it (416 is mode 0640): ino generation isFolder mode size mtimeMs ctimeMs content name. */
const row = (ino: number, name: string, sizeBytes = 7, content = 0): string => `${ino} 0 0 416 ${sizeBytes} 1700000000123 1700000000456 ${content} ${name}`

function keepRoot({ native }: Scene, rows: readonly string[]): void {
  native.answers.keepFolder(ROOT, ROOT_NODE, true, Buffer.from(rows.join('\0')))
}

const cachePath = ({ native }: Scene): string => join(native.cacheDirectory, (CONTENT % 256).toString(16).padStart(2, '0'), String(CONTENT))

async function cachedFile(at: Scene, bytes: Buffer): Promise<void> {
  const { native } = at
  await mkdir(dirname(cachePath(at)), { recursive: true })
  await writeFile(cachePath(at), bytes)
  const known = attributes(5, { sizeBytes: bytes.length })
  native.answers.keepItem({ node: nodeIdOf({ ino: asIno(5), contentGeneration: 0 }), attributes: known, content: CONTENT, complete: true })
}

await t.test('a kept folder is listed and looked up, names that are not there included, without a call', fuse, async (t) => {
  const at = await scene(t)
  const names = Array.from({ length: 3_000 }, (_, index) => `файл ${String(index).padStart(4, '0')}`)
  keepRoot(at, names.map((name, index) => row(2 + index, name)))
  t.same((await readdir(at.folder)).sort(), names, 'over many replies of the kernel’s size')
  const found = await stat(join(at.folder, 'файл 0042'))
  t.match(found, { ino: 44, size: 7, mtimeMs: 1_700_000_000_123, mode: 0o100640, uid: owner.uid })
  await t.rejects(stat(join(at.folder, 'nobody')), { code: 'ENOENT' })
  t.same(at.calls, [])
})

await t.test('a change is seen as soon as the kernel is told: another name, other attributes, a name that went', fuse, async (t) => {
  const at = await scene(t)
  keepRoot(at, [row(5, 'old'), row(6, 'stays')])
  t.same(await readdir(at.folder), ['old', 'stays'])
  at.native.answers.applyChanges([asIno(6)], [
    { parent: ROOT, name: 'old', ino: null, isFolder: false },
    { parent: ROOT, name: 'new', ino: asIno(5), isFolder: false },
  ])
  for (const name of ['old', 'new', 'stays']) at.notices.invalidateEntry(ROOT_NODE, name)
  at.notices.invalidateNode(ROOT_NODE, 0, 0)
  await until(async () => !(await readdir(at.folder)).includes('old')) // notices have a thread of their own
  t.same(await readdir(at.folder), ['new', 'stays'])
  await t.rejects(stat(join(at.folder, 'old')), { code: 'ENOENT' })
  t.same(at.calls, [], 'the listing asks for nothing')
  await t.rejects(stat(join(at.folder, 'stays')), { code: 'ENOENT' }, 'the filesystem is asked for what is not known, and has no such file')
  t.same([...new Set(at.calls)], ['lookup'])
})

await t.test('rows that make no sense, and a folder that is dropped, are asked for', fuse, async (t) => {
  const at = await scene(t)
  keepRoot(at, [row(5, 'fine'), '6 0 0 not-a-number'])
  t.notOk(at.native.answers.hasFolder(ROOT))
  keepRoot(at, [row(5, 'fine')])
  t.ok(at.native.answers.hasFolder(ROOT))
  at.native.answers.dropFolder(ROOT)
  t.same(await readdir(at.folder), [])
  t.ok(at.calls.includes('opendir'))
})

await t.test('a whole file is opened and read without a call, until something of it is lost', fuse, async (t) => {
  const at = await scene(t)
  const bytes = Buffer.alloc(300_000, 'abcdefg')
  keepRoot(at, [row(5, 'whole', bytes.length, CONTENT)])
  await cachedFile(at, bytes)
  const path = join(at.folder, 'whole')
  t.ok((await readFile(path)).equals(bytes))
  const file = await open(path, 'r')
  t.ok(at.native.files.isOpen(CONTENT))
  t.same(at.calls, [])
  at.native.answers.dropContent(CONTENT)
  await t.rejects(readFile(path), { code: 'ENOENT' }, 'the filesystem is asked, which has no such file')
  t.equal((await file.read(Buffer.alloc(7), 0, 7, 70_000)).buffer.toString(), 'abcdefg', 'what was open stays readable')
  await file.close()
})

await t.test('a file whose length is not what is known is never served', fuse, async (t) => {
  const at = await scene(t)
  keepRoot(at, [row(5, 'cut', 4, CONTENT)])
  await cachedFile(at, Buffer.from('four'))
  await writeFile(cachePath(at), 'fo')
  await t.rejects(readFile(join(at.folder, 'cut')), STALE)
  t.ok(at.calls.includes('open'))
})

await t.test('a lent file is written and read without a call, up to the length for which there is room, until it is called back', fuse, async (t) => {
  const at = await scene(t)
  const { files } = at.native
  await cachedFile(at, Buffer.alloc(0))
  const file = await open(join(at.folder, 'lent'), 'w+')
  t.notOk(files.lend(CONTENT, 10), 'no handle is attached yet')
  const { handle } = at.created
  if (handle === undefined) throw new Error('nothing was created')
  files.attach(handle, CONTENT, true)
  t.ok(files.lend(CONTENT, 10))
  const writes = (): number => at.calls.filter((name) => name === 'write').length
  await file.write('0123456789', 0)
  t.equal(writes(), 0)
  t.equal(await readFile(cachePath(at), 'utf8'), '0123456789')
  t.equal(files.figures(CONTENT)?.sizeBytes, 10)
  await file.write('x', 10)
  t.equal(writes(), 1, 'there is no room for more')
  t.ok(files.recall(CONTENT), 'something was written')
  await file.write('y', 0)
  t.equal(writes(), 2)
  t.equal(await readFile(cachePath(at), 'utf8'), '0123456789', 'nothing reached the file since')
  files.detachContent(CONTENT)
  await file.close()
})
