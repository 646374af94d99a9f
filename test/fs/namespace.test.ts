// What names do to rows: the remote identity stays with the name a person works on (DESIGN.md 6a.6).
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { asRemoteId, asStorageId, ROOT_INO, type Ino } from '../../src/base/ids.js'
import { silentLog } from '../../src/base/log.js'
import { DEFAULT_LOCAL_ONLY_NAMES, namePatterns } from '../../src/base/names.js'
import { BRAKE_SCHEMA, hold } from '../../src/brake/brake-rows.js'
import { ContentCache } from '../../src/cache/content-cache.js'
import { CACHE_SCHEMA } from '../../src/cache/schema.js'
import type { RemoteFile, RemoteFolder } from '../../src/drive/drive.js'
import { recordWrite } from '../../src/fs/file-scripts.js'
import { Namespace } from '../../src/fs/namespace.js'
import { NodeTable } from '../../src/fs/nodes.js'
import { Journal, JOURNAL_SCHEMA } from '../../src/journal/journal.js'
import { conflictName } from '../../src/mirror/conflict-name.js'
import { readConflicts, recordConflict } from '../../src/mirror/conflicts.js'
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
  const store = await Store.open(join(directory, 'db'), [MIRROR_SCHEMA, CACHE_SCHEMA, JOURNAL_SCHEMA, BRAKE_SCHEMA])
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

// [S-34]
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

await t.test('what the brake holds and is made again stays the same on the portal, however long ago it was deleted', async (t) => {
  const g = await ground(t)
  const folder = await g.store.transact((tx) => g.mirror.insertRemote(tx, ROOT_INO, 'folder', remoteFolder('50', 'folder')))
  const old = await g.known('report.txt', folder)
  const id = (await g.mirror.get(old))?.base?.id
  await g.names.unlink(folder, 'report.txt')
  await g.names.removeFolder(ROOT_INO, 'folder')
  await g.store.transact((tx) => hold(tx, 'here', [old, folder], 0))
  await g.clock.advance(3_600_000)
  const again = await g.names.makeFolder(ROOT_INO, 'folder', 0o755)
  t.not(again.ino, folder, 'another inode')
  t.match(again, { deleted: false, base: { id: '50' } })
  t.match(await g.mirror.get(old), { deleted: true, base: { id, parent: again.ino } }, 'what was in it stays deleted')
  t.equal(await g.mirror.get(folder), undefined)
  const { item } = await g.names.createFile(again.ino, 'report.txt', 0o644)
  t.equal((await g.mirror.get(item.ino))?.base?.id, id)
  t.equal(await g.mirror.get(old), undefined)
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

await t.test('a file made and written the short way: memory says what the rows say, folder and journal included', async (t) => {
  const g = await ground(t)
  await g.mirror.get(ROOT_INO)
  await g.clock.advance(1_000)
  const { item, content } = await g.names.createFile(ROOT_INO, 'new.txt', 0o600)
  const same = async (when: string): Promise<void> => {
    for (const ino of [item.ino, ROOT_INO]) t.same(g.mirror.peek(ino), await g.mirror.getIn(g.store.read, ino), when)
  }
  await same('made')
  t.equal((await g.mirror.get(ROOT_INO))?.mtimeMs, g.clock.nowMs())
  t.equal((await g.journal.get(item.ino))?.notBeforeMs, g.clock.nowMs() + 3_000)
  t.same((await g.cache.summary([content.id])).get(content.id), { sizeBytes: 0, presentBytes: 0, allocatedBytes: 0, complete: true, dirty: true, suspect: false, pinned: false, origin: null })
  await content.write(0, Buffer.from('hello'))
  const record = { ino: item.ino, content, nowMs: 2_000, notBeforeMs: 5_000 }
  t.equal(await recordWrite(g, { ...record, times: { mtimeMs: 1_500, ctimeMs: 2_000 } }), true)
  await same('written')
  t.match(await g.mirror.get(item.ino), { sizeBytes: 5, mtimeMs: 1_500, ctimeMs: 2_000 })
  t.equal((await g.journal.get(item.ino))?.notBeforeMs, 5_000)
  await content.release()
  t.match((await g.cache.summary([content.id])).get(content.id), { sizeBytes: 5, presentBytes: 5, dirty: true })
  const again = await g.cache.acquire(content.id)
  t.equal(Buffer.from(await again.read(0, 5)).toString(), 'hello')
  await again.release()
})

await t.test('what was written to a file whose name is gone, or goes with another content, is kept, and makes nothing to send', async (t) => {
  const g = await ground(t)
  const { item, content } = await g.names.createFile(ROOT_INO, 'new.txt', 0o600)
  await g.names.unlink(ROOT_INO, 'new.txt')
  await content.write(0, Buffer.from('hello'))
  await recordWrite(g, { ino: item.ino, content, times: undefined, nowMs: 0, notBeforeMs: 0 })
  t.equal(await g.journal.count(), 0)
  t.equal(await g.mirror.get(item.ino), undefined)
  const other = await g.names.createFile(ROOT_INO, 'other.txt', 0o600)
  const before = await g.mirror.get(other.item.ino)
  await recordWrite(g, { ino: other.item.ino, content, times: { mtimeMs: 7, ctimeMs: 7 }, nowMs: 0, notBeforeMs: 0 })
  t.same(await g.mirror.get(other.item.ino), before)
  t.same(await g.mirror.getIn(g.store.read, other.item.ino), before)
})

// [S-34]
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

await t.test('a conflict copy that was never sent is saved through a temporary name, and stays the copy; taken for the file itself, it is one no more', async (t) => {
  const g = await ground(t)
  const original = await g.known('a.txt')
  const copyName = conflictName('a.txt', 'ada', 0)
  const { item: copy } = await g.names.createFile(ROOT_INO, copyName, 0o644)
  await g.store.transact((tx) => recordConflict(tx, { copy: copy.ino, original, side: 'mine', why: 'edited-on-both-sides', sinceMs: 0 }))
  const { item: saved } = await g.names.createFile(ROOT_INO, 'tmp', 0o644)
  await g.names.rename(at('tmp'), at(copyName), false)
  t.match(await readConflicts(g.store.read), [{ copy: saved.ino, original }])
  await g.names.rename(at(copyName), at('a.txt'), false)
  t.same(await readConflicts(g.store.read), [])
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

// [S-62]
await t.test('names the portal would refuse or join are refused at once', async (t) => {
  const g = await ground(t)
  await g.known('Report.txt')
  await t.rejects(g.names.createFile(ROOT_INO, 'REPORT.TXT', 0o644), { code: 'exists' })
  await t.rejects(g.names.makeFolder(ROOT_INO, 'a:b', 0o755), { code: 'bad-name' })
  await t.rejects(g.names.createFile(ROOT_INO, 'я'.repeat(256), 0o644), { code: 'name-too-long' })
  await g.names.rename(at('Report.txt'), at('REPORT.TXT'), false)
  t.ok(await g.mirror.child(ROOT_INO, 'REPORT.TXT'), 'a change of case of one file is no clash')
})

// [S-36] [S-39]
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

await t.test('the trash of a file manager stays here, and what the portal has is never called so', async (t) => {
  const g = await ground(t)
  await g.known('report.txt')
  await g.names.makeFolder(ROOT_INO, '.Trash-0', 0o700)
  t.same(await g.journal.entries(), [])
  for (const name of ['.Trash-1', '.Trash']) await t.rejects(g.names.rename(at('report.txt'), at(name), false), { code: 'bad-name' }, name)
  await g.names.rename(at('report.txt'), at('.Trash-notes'), false)
  t.equal((await g.journal.entries()).length, 1, 'another name is a name like any other')
})

await t.test('deleted in a folder that is being restored, it is to be trashed once it is back; in one that stays in the trash, it is forgotten', async (t) => {
  const g = await ground(t)
  const trash = (await g.names.makeFolder(ROOT_INO, '.Trash-0', 0o700)).ino
  const folder = await g.store.transact((tx) => g.mirror.insertRemote(tx, ROOT_INO, 'd', { ...remoteFolder('50', 'd'), parentId: asRemoteId('1') }))
  const [one, two] = [await g.known('one', folder), await g.known('two', folder)]
  await g.names.rename(at('d'), at('d', trash), false)
  await g.store.transact((tx) => g.mirror.setTrashed(tx, [folder, one, two], true))
  await g.names.unlink(folder, 'one')
  t.equal(await g.mirror.get(one), undefined)
  await g.names.rename(at('d', trash), at('d'), false)
  await g.names.unlink(folder, 'two')
  t.match(await g.mirror.get(two), { deleted: true, base: { trashed: true, mayBeLive: true } })
  t.ok(await g.journal.get(two))
})

await t.test('6a.12: what was moved long ago and not sent goes to the trash at the time it goes there, which the brake counts', async (t) => {
  const g = await ground(t)
  const trash = (await g.names.makeFolder(ROOT_INO, '.Trash-0', 0o700)).ino
  const ino = await g.known('report.txt')
  await g.names.rename(at('report.txt'), at('moved.txt'), false)
  await g.clock.advance(600_000)
  await g.names.rename(at('moved.txt'), at('moved.txt', trash), false)
  t.equal((await g.mirror.needIn(g.store.read, ino)).placeChangedMs, g.clock.nowMs())
})

await t.test('out of the trash, what was not sent is queued; emptied, what the portal has in its trash is not', async (t) => {
  const g = await ground(t)
  const trash = (await g.names.makeFolder(ROOT_INO, '.Trash-0', 0o700)).ino
  const folder = (await g.names.makeFolder(ROOT_INO, 'new', 0o755)).ino
  const { item, content } = await g.names.createFile(folder, 'draft.txt', 0o644)
  await content.release()
  const ino = await g.known('report.txt')
  await g.names.rename(at('new'), at('new', trash), false)
  await g.names.rename(at('report.txt'), at('report.txt', trash), false)
  await g.store.transact(async (tx) => {
    for (const entry of [folder, item.ino, ino]) await g.journal.remove(tx, entry) // as the uploader does
    await g.mirror.setTrashed(tx, [ino], true)
  })
  await g.names.rename(at('new', trash), at('new'), false)
  t.same((await g.journal.entries()).map((entry) => entry.ino), [folder, item.ino])
  await g.names.unlink(trash, 'report.txt')
  t.equal(await g.mirror.get(ino), undefined, 'no tombstone')
  t.equal(await g.journal.count(), 2)
})
