/** A database of before the trash was kept apart: what it called so is told from the trash of a file manager. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { asRemoteId, ROOT_INO } from '../../src/base/ids.js'
import { isMoved, placeKey, shownName, type Item } from '../../src/mirror/item.js'
import { Mirror } from '../../src/mirror/mirror.js'
import { MIRROR_SCHEMA } from '../../src/mirror/schema.js'
import { isInTrash } from '../../src/mirror/trash-rows.js'
import { Store } from '../../src/store/store.js'

const STEPS_BEFORE = MIRROR_SCHEMA.steps.findIndex((step) => step.includes('ADD COLUMN base_trashed'))

// ino, parent, name, kind, remote id, base name
const ROWS = [
  [1, null, '', 'folder', '1', ''],
  [2, 1, '.Trash-1000', 'folder', '20', '.Trash-1000'],
  [3, 2, 'files', 'folder', '30', 'files'],
  [4, 1, '.Trash-0', 'folder', null, null],
  [5, 4, 'files', 'folder', null, null],
  [6, 5, 'old.txt', 'file', '60', 'old.txt'],
  [7, 1, '.Trash-notes', 'folder', '70', '.Trash-notes'],
  [8, 1, 'new.txt', 'file', null, null],
] as const

await t.test('a trash that the portal has is an ordinary folder, one that it does not have stays here', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-old-trash-'))
  const path = join(directory, 'db')
  const old = await Store.open(path, [{ ...MIRROR_SCHEMA, steps: MIRROR_SCHEMA.steps.slice(0, STEPS_BEFORE) }])
  await old.transact(async (tx) => {
    for (const [ino, parent, name, kind, id, baseName] of ROWS) {
      await tx.run(
        'INSERT INTO items (ino, parent, name, name_key, kind, mode, size, mtime_ms, ctime_ms, remote_id, real_id, storage_id, base_parent, base_name, base_key, base_version, base_blob, base_size, base_updated_ms) VALUES (?,?,?,?,?,493,0,0,0,?,?,?,?,?,?,?,?,?,?)',
        ino, parent, name, placeKey(name), kind, id, id, id === null ? null : '1', id === null || ino === 6 ? (ino === 6 ? 1 : null) : parent, baseName, baseName === null ? null : placeKey(baseName),
        0, '', 0, 0,
      )
    }
  })
  await old.close()
  const store = await Store.open(path, [MIRROR_SCHEMA])
  t.teardown(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  const mirror = new Mirror(store)
  const row = async (ino: number): Promise<Item> => (await mirror.getIn(store.read, ino as Item['ino']))!
  t.equal((await row(2)).name, shownName('.Trash-1000', asRemoteId('20')))
  t.notOk(isMoved(await row(2)), 'nothing of it is to be sent')
  t.same((await mirror.twinsIn(store.read, ROOT_INO, '.trash-1000~20')).map(({ ino }) => ino), [2], 'and it is found by its name')
  t.same((await mirror.baseNamedIn(store.read, ROOT_INO, '.Trash-1000~20')).map(({ ino }) => ino), [2])
  t.same(await Promise.all([4, 5, 6, 7, 8].map(async (ino) => (await row(ino)).localOnly)), [true, true, false, false, false])
  t.same(await Promise.all([3, 5, 6, 7].map((ino) => isInTrash(store.read, ino as Item['ino']))), [false, true, true, false])
  t.equal((await row(6)).base?.trashed, false)
  t.equal((await row(7)).name, '.Trash-notes')
})
