// Listings that were asked for before our own request was confirmed must not be applied to its row.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { asRemoteId, asStorageId, ROOT_INO } from '../../src/base/ids.js'
import type { RemoteFile, RemoteFolder } from '../../src/drive/drive.js'
import { Mirror } from '../../src/mirror/mirror.js'
import { MIRROR_SCHEMA } from '../../src/mirror/schema.js'
import { Store } from '../../src/store/store.js'

const COMMON = { code: null, storageId: asStorageId('1'), deletedType: 0, createdMs: 0, updatedMs: 0, createdBy: '1', updatedBy: '1', detailUrl: null } as const
const ROOT: RemoteFolder = { ...COMMON, kind: 'folder', id: asRemoteId('1'), realId: asRemoteId('1'), name: '', parentId: null }
const FILE: RemoteFile = { ...COMMON, kind: 'file', id: asRemoteId('2'), name: 'a', parentId: asRemoteId('1'), version: 1, blobId: 'b', sizeBytes: 1, downloadUrl: '' }

await t.test('a confirmation counts at once for a work that shares its commit', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-confirmed-'))
  const store = await Store.open(join(directory, 'db'), [MIRROR_SCHEMA])
  t.teardown(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  const mirror = new Mirror(store)
  await store.transact((tx) => mirror.ensureRoot(tx, ROOT))
  const ino = await store.transact((tx) => mirror.insertRemote(tx, ROOT_INO, 'a', FILE))
  const mark = mirror.mark()
  t.notOk(mirror.confirmedSince(ino, mark))
  const confirming = store.transact((tx) => mirror.confirmBase(tx, ino, ROOT_INO, { ...FILE, version: 2 }))
  const listing = store.transact(async (tx) => ({ version: (await mirror.needIn(tx, ino)).base?.version, isGuarded: mirror.confirmedSince(ino, mark) }))
  t.same(await listing, { version: 2, isGuarded: true })
  await confirming
  t.ok(mirror.confirmedSince(ino, mark))
  t.notOk(mirror.confirmedSince(ino, mirror.mark()), 'a listing asked for afterwards is applied')
})
