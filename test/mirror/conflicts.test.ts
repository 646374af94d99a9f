/** The record of a conflict: when it stands, when it goes by itself, and whose it becomes. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { asRemoteId, asStorageId, ROOT_INO, type Ino } from '../../src/base/ids.js'
import type { RemoteFile, RemoteFolder } from '../../src/drive/drive.js'
import { conflictName, isConflictName } from '../../src/mirror/conflict-name.js'
import { countConflicts, forgetConflict, passConflictsOn, readConflicts, readConflictsOf, recordConflict } from '../../src/mirror/conflicts.js'
import type { ItemChange } from '../../src/mirror/item-change.js'
import { Mirror } from '../../src/mirror/mirror.js'
import { MIRROR_SCHEMA } from '../../src/mirror/schema.js'
import { Store, type Transaction } from '../../src/store/store.js'

const COPY_NAME = conflictName('a.txt', 'ada', 0)

async function database(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-conflicts-'))
  t.teardown(() => rm(directory, { recursive: true }))
  return join(directory, 'db')
}

interface Pair {
  readonly store: Store
  readonly mirror: Mirror
  readonly original: Ino
  readonly copy: Ino
  readonly standing: () => Promise<readonly (readonly [copy: Ino, original: Ino | null])[]>
  readonly update: (ino: Ino, change: ItemChange) => Promise<void>
  readonly add: (id: string, name: string) => Promise<Ino>
}

const COMMON = { code: null, storageId: asStorageId('1'), deletedType: 0, createdMs: 0, updatedMs: 0, createdBy: '1', updatedBy: '1', detailUrl: null } as const
const ROOT: RemoteFolder = { ...COMMON, kind: 'folder', id: asRemoteId('1'), realId: asRemoteId('1'), name: '', parentId: null }

function remoteFile(id: string, name: string): RemoteFile {
  return { ...COMMON, kind: 'file', id: asRemoteId(id), name, parentId: asRemoteId('1'), version: 3, blobId: `blob${id}`, sizeBytes: 1, downloadUrl: '' }
}

/** A file, and its copy, both on the portal. */
async function pair(t: Test): Promise<Pair> {
  const store = await Store.open(await database(t), [MIRROR_SCHEMA])
  t.teardown(() => store.close())
  const mirror = new Mirror(store)
  await store.transact((tx) => mirror.ensureRoot(tx, ROOT))
  const add = (id: string, name: string): Promise<Ino> => store.transact((tx) => mirror.insertRemote(tx, ROOT_INO, name, remoteFile(id, name)))
  const [original, copy] = [await add('100', 'a.txt'), await add('101', COPY_NAME)]
  await store.transact((tx) => recordConflict(tx, { copy, original, side: 'mine', why: 'edited-on-both-sides', sinceMs: 5 }))
  return {
    store, mirror, original, copy, add,
    standing: async () => (await readConflicts(store.read)).map((conflict) => [conflict.copy, conflict.original] as const),
    update: (ino, change) => store.transact(async (tx) => mirror.update(tx, await mirror.needIn(tx, ino), change)),
  }
}

await t.test('it stands for both files until it is forgotten', async (t) => {
  const { store, original, copy } = await pair(t)
  const conflict = { copy, original, side: 'mine', why: 'edited-on-both-sides', sinceMs: 5 }
  t.same(await readConflicts(store.read), [conflict])
  t.same(await readConflictsOf(store.read, copy), [conflict])
  t.same(await readConflictsOf(store.read, original), [conflict])
  t.same(await readConflictsOf(store.read, ROOT_INO), [])
  t.equal(await countConflicts(store.read), 1)
  await store.transact((tx) => forgetConflict(tx, copy))
  t.equal(await countConflicts(store.read), 0)
})

await t.test('a deleted copy or original hides it, brought back it stands again, and it goes with the row', async (t) => {
  for (const gone of ['copy', 'original'] as const) {
    const { store, mirror, standing, update, ...files } = await pair(t)
    const at = await mirror.get(files[gone])
    await update(files[gone], { parent: null, deleted: true })
    t.same(await standing(), [], gone)
    await update(files[gone], { parent: ROOT_INO, name: at!.name, deleted: false })
    t.same(await standing(), [[files.copy, files.original]], gone)
    await store.transact(async (tx) => mirror.remove(tx, await mirror.needIn(tx, files[gone])))
    t.equal((await store.read.get('SELECT count(*) AS n FROM conflicts'))?.n, 0, gone)
  }
})

await t.test('a copy with a name of its own was decided about, one that moved or only changed its mark was not', async (t) => {
  const { standing, update, copy, original } = await pair(t)
  t.ok(isConflictName(COPY_NAME))
  await update(original, { name: 'b.txt' })
  await update(copy, { name: conflictName('b.txt', 'ada', 0), mtimeMs: 7 })
  t.same(await standing(), [[copy, original]])
  await update(copy, { name: 'mine.txt' })
  t.same(await standing(), [])
})

await t.test('a save through a temporary name passes it on, for the copy as for the original', async (t) => {
  const { store, mirror, standing, add, copy, original } = await pair(t)
  const [tmp, tmpOfCopy] = [await add('102', 'tmp'), await add('103', 'tmp2')]
  const bases = async (): Promise<unknown> => Promise.all([original, tmp].map(async (ino) => (await mirror.get(ino))?.base?.id))
  await store.transact((tx) => mirror.transferBase(tx, original, tmp))
  t.same(await bases(), ['102', '100'], 'the two have exchanged what the portal knows them by')
  await store.transact((tx) => passConflictsOn(tx, copy, tmpOfCopy))
  t.same(await standing(), [[tmpOfCopy, tmp]])
})

await t.test('a copy that takes the original\'s place ends it, and other copies stay copies of what stands there', async (t) => {
  const { store, mirror, standing, add, copy, original } = await pair(t)
  const second = await add('104', conflictName('a.txt', 'ada', 1_000))
  await store.transact((tx) => recordConflict(tx, { copy: second, original, side: 'theirs', why: 'version-slipped-in', sinceMs: 6 }))
  await store.transact((tx) => mirror.transferBase(tx, original, copy))
  t.same(await standing(), [[second, copy]])
})

await t.test('what steps aside twice keeps the first record', async (t) => {
  const { store, standing, copy, original } = await pair(t)
  await store.transact((tx: Transaction) => recordConflict(tx, { copy, original: null, side: 'mine', why: 'name-taken', sinceMs: 9 }))
  t.same(await standing(), [[copy, original]])
})

await t.test('a database of before gets the table', async (t) => {
  const path = await database(t)
  const before = await Store.open(path, [{ ...MIRROR_SCHEMA, steps: MIRROR_SCHEMA.steps.slice(0, 1) }])
  // As a program of then wrote it: today's knows columns that were not there.
  await before.transact((tx) => tx.run("INSERT INTO items (parent, name, name_key, kind, mode, size, mtime_ms, ctime_ms) VALUES (?, 'a', 'a', 'file', 420, 0, 0, 0)", ROOT_INO))
  await before.close()
  const store = await Store.open(path, [MIRROR_SCHEMA])
  t.teardown(() => store.close())
  const item = await new Mirror(store).childIn(store.read, ROOT_INO, 'a')
  t.ok(item)
  if (item !== undefined) t.same(await readConflictsOf(store.read, item.ino), [])
})
