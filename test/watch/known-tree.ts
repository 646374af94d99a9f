/**
 * Makes a mirror know a whole `tree:FOLDERSxFILES` seed as if it had listed it, in seconds where a million rows would
 * take many minutes of listings. Row ids are in the order of the remote ones; every row is what a listing would leave.
 */
import { ROOT_INO, asIno, type Ino } from '../../src/base/ids.js'
import { FIRST_FREE_ID } from '../../src/portal/seeds/seed.js'
import type { Scene } from './scene.js'

export interface KnownTree {
  readonly folders: number
  readonly filesEach: number
}

const FIRST_INO = 2 // after the root
const FAN_OUT = 10
const FILE_BYTES = 1000
const BLOB_OFFSET = 40_000

/** Row of `folder-N`. */
export function folderIno(number: number): Ino {
  return number === 0 ? ROOT_INO : asIno(FIRST_INO + number - 1)
}

/** Names from the root down to `folder-N` joined by slashes, as the acts of the portal take them. */
export function folderPath(tree: KnownTree, number: number): string {
  const names: string[] = []
  for (let at = number; at > 0; at = Math.floor((at - 1) / FAN_OUT)) names.unshift(`folder-${String(at).padStart(String(tree.folders).length, '0')}`)
  return names.join('/')
}

export function fileName(tree: KnownTree, number: number): string {
  return `file-${String(number).padStart(String(tree.filesEach).length, '0')}.dat`
}

export async function knowTree(scene: Scene, tree: KnownTree, listedMs: number): Promise<void> {
  const { folders, filesEach } = tree
  const root = (await scene.mirror.get(ROOT_INO))!
  const [page] = await scene.drive.listPages([{ folderId: root.base!.realId, start: 0, order: 'id' }], { priority: 'listing' })
  if (page?.ok !== true) throw page?.error ?? new Error('no page')
  const updatedMs = page.value.items[0]!.updatedMs
  await scene.store.transact(async (tx) => {
    await tx.run(
      `INSERT INTO items (ino, parent, name, name_key, kind, mode, size, mtime_ms, ctime_ms, listed_ms, remote_id, real_id, storage_id, base_parent, base_name, base_key, base_version, base_blob, base_size, base_updated_ms, base_trashed)
       WITH RECURSIVE folder(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM folder WHERE n < ?1),
       shaped AS (SELECT n + 1 AS ino, (n - 1) / 10 + 1 AS parent, printf('folder-%0*d', ?2, n) AS name, CAST(?3 + n - 1 AS TEXT) AS id FROM folder)
       SELECT ino, parent, name, name, 'folder', 493, 0, ?4, ?4, ?5, id, id, ?6, parent, name, name, 0, '', 0, ?4, 0 FROM shaped`,
      folders, String(folders).length, FIRST_FREE_ID, updatedMs, listedMs, scene.portal.storageId,
    )
    await tx.run(
      `INSERT INTO items (ino, parent, name, name_key, kind, mode, size, mtime_ms, ctime_ms, remote_id, real_id, storage_id, base_parent, base_name, base_key, base_version, base_blob, base_size, base_updated_ms, base_trashed)
       WITH RECURSIVE file(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM file WHERE n + 1 < ?1 * ?2),
       shaped AS (SELECT ?1 + 2 + n AS ino, n / ?2 + 2 AS parent, printf('file-%0*d.dat', ?3, n % ?2 + 1) AS name, ?4 + ?1 + n AS id FROM file)
       SELECT ino, parent, name, name, 'file', 420, ?7, ?5, ?5, CAST(id AS TEXT), CAST(id AS TEXT), ?6, parent, name, name, 1, CAST(id + ?8 AS TEXT), ?7, ?5, 0 FROM shaped`,
      folders, filesEach, String(filesEach).length, FIRST_FREE_ID, updatedMs, scene.portal.storageId, FILE_BYTES, BLOB_OFFSET,
    )
    await scene.mirror.update(tx, root, { listedMs })
  })
}
