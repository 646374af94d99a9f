/** Items that are deleted here and not yet on the portal, and the size of a storage as it is known here. Read-only. */
import { asIno, type Ino, type StorageId } from '../base/ids.js'
import type { Reader } from '../store/store.js'
import { query } from './item-queries.js'
import { ITEM_COLUMNS, type Item } from './item.js'

export function readTombstones(reader: Reader): Promise<readonly Item[]> {
  return query(reader, `SELECT ${ITEM_COLUMNS} FROM items WHERE deleted = 1 AND remote_id IS NOT NULL ORDER BY ino`)
}

/** How many items still stand here below deleted folders, links not entered: they go with them. */
export async function countBelowTombstones(reader: Reader): Promise<ReadonlyMap<Ino, number>> {
  const rows = await reader.all(
    `WITH RECURSIVE below(top, ino, is_link) AS (
       SELECT top.ino, items.ino, items.real_id IS NOT items.remote_id FROM items AS top JOIN items ON items.parent = top.ino
         WHERE top.deleted = 1 AND top.kind = 'folder' AND top.real_id IS top.remote_id
       UNION ALL SELECT top, items.ino, items.real_id IS NOT items.remote_id FROM below JOIN items ON items.parent = below.ino WHERE is_link = 0)
     SELECT top, count(*) AS n FROM below GROUP BY top`,
  )
  return new Map(rows.map((row) => [asIno(Number(row.top)), Number(row.n)]))
}

/** How many items of the storage are known here, tombstones too, but not what is in the trash of both sides; counts no further than `atMost`. */
export async function countOfStorage(reader: Reader, storageId: StorageId, atMost: number): Promise<number> {
  const row = await reader.get('SELECT count(*) AS n FROM (SELECT 1 FROM items WHERE storage_id = ? AND coalesce(base_trashed, 0) = 0 LIMIT ?)', storageId, atMost)
  return Number(row?.n ?? 0)
}
