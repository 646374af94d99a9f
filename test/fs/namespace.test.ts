// What names do to rows: the remote identity stays with the name a person works on (DESIGN.md 6a.6).
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { asRemoteId, asStorageId, ROOT_INO, type Ino } from '../../src/base/ids.js'
import { silentLog } from '../../src/base/log.js'
import { DEFAULT_LOCAL_ONLY_NAMES, namePatterns } from '../../src/base/names.js'
import { ContentCache } from '../../src/cache/content-cache.js'
import { CACHE_SCHEMA } from '../../src/cache/schema.js'
import type { RemoteFile, RemoteFolder } from '../../src/drive/drive.js'
import { Namespace } from '../../src/fs/namespace.js'
import { NodeTable } from '../../src/fs/nodes.js'
import { Journal, JOURNAL_SCHEMA } from '../../src/journal/journal.js'
import { Mirror } from '../../src/mirror/mirror.js'
import { MIRROR_SCHEMA } from '../../src/mirror/schema.js'
import { Store } from '../../src/store/store.js'

interface Ground {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: ContentCache
  readonly clock: FakeClock
  readonly names: Namespace
  /** A file that the portal has, all of whose bytes are here. */
  known(name: string, parent?: Ino): Promise<Ino>
}

const COMMON = { code: null, storageId: asStorageId('1'), deletedType: 0, createdMs: 0, updatedMs: 0, createdBy: '1', updatedBy: '1', detailUrl: null } as const

function remoteFolder(id: string, name: string, overrides: Partial<RemoteFolder> = {}): RemoteFolder {
  return { ...COMMON, kind: 'folder', id: asRemoteId(id), realId: asRemoteId(id), name, parentId: null, ...overrides }
}

function remoteFile(id: string, name: string, sizeBytes: number): RemoteFile {
  return { ...COMMON, kind: 'file', id: asRemoteId(id), name, parentId: asRemoteId('1'), version: 3, blobId: `blob${id}`, sizeBytes, downloadUrl: '' }
}

async function ground(t: Test): Promise<Ground> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-names-'))
  const store = await Store.open(join(directory, 'db'), [MIRROR_SCHEMA, CACHE_SCHEMA, JOURNAL_SCHEMA])
  const clock = new FakeClock()
  const cache = await ContentCache.open({ directory: join(directory, 'contents'), store, clock, log: silentLog, bootId: 'boot', limitBytes: 1e9, freeSpaceFloorBytes: 0 })
  t.teardown(async () => {
    await cache.close()
    await store.close()
    await rm(directory, { recursive: true })
  })
  const mirror = new Mirror(store)
  const journal = new Journal(store, () => undefined)
  await store.transact((tx) => mirror.ensureRoot(tx, remoteFolder('1', '')))
  const isLocalOnlyName = namePatterns(DEFAULT_LOCAL_ONLY_NAMES)
  const names = new Namespace({ store, mirror, journal, cache, nodes: new NodeTable(), clock, uploadDelayMs: () => 3_000, isLocalOnlyName })
  let lastId = 100
  const known = async (name: string, parent: Ino = ROOT_INO): Promise<Ino> => {
    const id = String((lastId += 1))
    const bytes = Buffer.from(`bytes of ${name}`)
    const { ino, contentId } = await store.transact(async (tx) => {
      const remote = remoteFile(id, name, bytes.length)
      const made = await mirror.insertRemote(tx, parent, name, remote)
      const content = await cache.createPlaceholder(tx, bytes.length, { fileId: remote.id, version: 3, blobId: remote.blobId })
      await mirror.update(tx, await mirror.needIn(tx, made), { contentId: content })
      return { ino: made, contentId: content }
    })
    const content = await cache.acquire(contentId)
    await content.fill(0, bytes)
    await content.release()
    return ino
  }
  return { store, mirror, journal, cache, clock, names, known }
}

const at = (name: string, parent: Ino = ROOT_INO): { parent: Ino; name: string } => ({ parent, name })

await t.test('a new file renamed over a known one takes its identity, and the old row is gone', async (t) => {
  const g = await ground(t)
  const old = await g.known('report.txt')
  const id = (await g.mirror.get(old))?.base?.id
  const { item } = await g.names.createFile(ROOT_INO, '.report.tmp', 0o644)
  await g.names.rename(at('.report.tmp'), at('report.txt'), false)
  const now = await g.mirror.child(ROOT_INO, 'report.txt')
  t.equal(now?.ino, item.ino)
  t.equal(now?.base?.id, id)
  t.equal(now?.base?.version, 3, 'the version it is based on stays: a conflict is still seen')
  t.equal(await g.mirror.get(old), undefined)
  t.same((await g.journal.entries()).map(({ ino }) => ino), [item.ino])
})

await t.test('"always keep here" stays with the name through each way of saving', async (t) => {
  const g = await ground(t)
  const original = await g.known('report.txt')
  await g.store.transact(async (tx) => {
    await g.mirror.update(tx, await g.mirror.needIn(tx, original), { pinned: true })
  })
  const isKept = async (): Promise<boolean> => {
    const item = await g.mirror.child(ROOT_INO, 'report.txt')
    const content = (await g.cache.summary([item!.contentId!])).get(item!.contentId!)
    return item?.pinned === true && content?.pinned === true
  }
  await g.names.createFile(ROOT_INO, '.report.tmp', 0o644)
  await g.names.rename(at('.report.tmp'), at('report.txt'), false)
  t.ok(await isKept(), 'renamed over')
  await g.names.unlink(ROOT_INO, 'report.txt')
  await g.names.createFile(ROOT_INO, 'report.txt', 0o644)
  t.ok(await isKept(), 'deleted and made again')
  await g.names.rename(at('report.txt'), at('report.txt~'), false)
  await g.names.createFile(ROOT_INO, 'report.txt', 0o644)
  t.ok(await isKept(), 'moved aside and made again')
})

await t.test('a known file renamed over a known one leaves a tombstone of the victim and moves no identity', async (t) => {
  const g = await ground(t)
  const victim = await g.known('a')
  const source = await g.known('b')
  await g.names.rename(at('b'), at('a'), false)
  const now = await g.mirror.child(ROOT_INO, 'a')
  t.equal(now?.ino, source)
  const tombstone = await g.mirror.get(victim)
  t.ok(tombstone?.deleted)
  t.equal(tombstone?.parent, null)
  t.ok(tombstone?.base)
})

await t.test('moved aside to a backup name and made again: the identity stays with the name, the backup becomes new', async (t) => {
  const g = await ground(t)
  const original = await g.known('report.txt')
  const id = (await g.mirror.get(original))?.base?.id
  await g.names.rename(at('report.txt'), at('report.txt~'), false)
  const { item } = await g.names.createFile(ROOT_INO, 'report.txt', 0o644)
  t.equal((await g.mirror.get(item.ino))?.base?.id, id)
  const backup = await g.mirror.get(original)
  t.equal(backup?.base, null)
  t.ok((await g.cache.summary([backup!.contentId!])).get(backup!.contentId!)?.dirty, 'its bytes are to be sent')
  await g.names.unlink(ROOT_INO, 'report.txt~')
  t.equal(await g.mirror.get(original), undefined, 'never on the portal under that name: nothing to trash')
})

await t.test('moved aside to any name and deleted: the identity goes back to the name', async (t) => {
  const g = await ground(t)
  const original = await g.known('report.txt')
  const id = (await g.mirror.get(original))?.base?.id
  await g.names.rename(at('report.txt'), at('xyzzy'), false)
  const { item } = await g.names.createFile(ROOT_INO, 'report.txt', 0o644)
  t.equal((await g.mirror.get(item.ino))?.base, null, 'xyzzy is no backup name')
  await g.names.unlink(ROOT_INO, 'xyzzy')
  t.equal((await g.mirror.get(item.ino))?.base?.id, id)
  t.equal(await g.mirror.get(original), undefined)
})

await t.test('deleted and made again within 5 s keeps the identity; later it is a new file', async (t) => {
  const g = await ground(t)
  const soon = await g.known('soon.txt')
  const late = await g.known('late.txt')
  const id = (await g.mirror.get(soon))?.base?.id
  await g.names.unlink(ROOT_INO, 'soon.txt')
  await g.names.unlink(ROOT_INO, 'late.txt')
  await g.clock.advance(4_000)
  t.equal((await g.names.createFile(ROOT_INO, 'soon.txt', 0o644)).item.base?.id, id)
  await g.clock.advance(4_000)
  t.equal((await g.names.createFile(ROOT_INO, 'late.txt', 0o644)).item.base, null)
  t.ok((await g.mirror.get(late))?.deleted)
})

await t.test('once a request may have reached the portal, no identity moves', async (t) => {
  const g = await ground(t)
  const original = await g.known('report.txt')
  await g.names.unlink(ROOT_INO, 'report.txt')
  await g.store.transact((tx) => g.journal.recordAttempt(tx, original, { step: 'trash', startedServerMs: 0 }))
  t.equal((await g.names.createFile(ROOT_INO, 'report.txt', 0o644)).item.base, null)
})

await t.test('created and deleted again leaves nothing', async (t) => {
  const g = await ground(t)
  const { item } = await g.names.createFile(ROOT_INO, 'x', 0o644)
  await g.names.unlink(ROOT_INO, 'x')
  t.equal(await g.mirror.get(item.ino), undefined)
  t.same(await g.journal.entries(), [])
})

await t.test('names that only programs use leave no entry until they get a real name', async (t) => {
  const g = await ground(t)
  await g.names.createFile(ROOT_INO, '.~lock.a.odt#', 0o644)
  await g.names.makeFolder(ROOT_INO, 'x.part', 0o755)
  const folder = await g.mirror.child(ROOT_INO, 'x.part')
  const inside = await g.names.createFile(folder!.ino, 'inside.txt', 0o644)
  t.same(await g.journal.entries(), [])
  t.ok(inside.item.localOnly)
  await g.names.rename(at('x.part'), at('x'), false)
  t.same((await g.journal.entries()).map(({ ino }) => ino).sort(), [folder!.ino, inside.item.ino].sort())
})

await t.test('names the portal would refuse or join are refused at once', async (t) => {
  const g = await ground(t)
  await g.known('Report.txt')
  await t.rejects(g.names.createFile(ROOT_INO, 'REPORT.TXT', 0o644), { code: 'exists' })
  await t.rejects(g.names.makeFolder(ROOT_INO, 'a:b', 0o755), { code: 'bad-name' })
  await t.rejects(g.names.createFile(ROOT_INO, 'я'.repeat(256), 0o644), { code: 'name-too-long' })
  await g.names.rename(at('Report.txt'), at('REPORT.TXT'), false)
  t.ok(await g.mirror.child(ROOT_INO, 'REPORT.TXT'), 'a change of case of one file is no clash')
})

await t.test('rename: into another storage is cross-storage, over a full folder not-empty, with noReplace exists', async (t) => {
  const g = await ground(t)
  await g.known('a')
  await g.known('b')
  const { link, full } = await g.store.transact(async (tx) => {
    const linkIno = await g.mirror.insertRemote(tx, ROOT_INO, 'Company', remoteFolder('7', 'Company', { realId: asRemoteId('70') }))
    await g.mirror.insertRemote(tx, linkIno, 'theirs', { ...remoteFolder('71', 'theirs'), storageId: asStorageId('9') })
    const fullIno = await g.mirror.insertRemote(tx, ROOT_INO, 'full', remoteFolder('8', 'full'))
    await g.mirror.insertRemote(tx, ROOT_INO, 'empty', remoteFolder('9', 'empty'))
    return { link: linkIno, full: fullIno }
  })
  await g.known('inside', full)
  await t.rejects(g.names.rename(at('a'), at('a', link), false), { code: 'cross-storage' })
  await t.rejects(g.names.rename(at('empty'), at('full'), false), { code: 'not-empty' })
  await t.rejects(g.names.rename(at('a'), at('b'), true), { code: 'exists' })
  await t.rejects(g.names.rename(at('a'), at('empty'), false), { code: 'is-directory' })
  await t.rejects(g.names.removeFolder(ROOT_INO, 'full'), { code: 'not-empty' })
  await g.names.removeFolder(ROOT_INO, 'Company')
  t.ok((await g.mirror.get(link))?.deleted, 'a link is disconnected, whatever it leads to')
})

await t.test('renamed and renamed back leaves nothing to send but an entry that finds nothing', async (t) => {
  const g = await ground(t)
  const ino = await g.known('a')
  await g.names.rename(at('a'), at('b'), false)
  t.not((await g.mirror.get(ino))?.placeChangedMs, null)
  await g.names.rename(at('b'), at('a'), false)
  t.equal((await g.mirror.get(ino))?.placeChangedMs, null)
})
