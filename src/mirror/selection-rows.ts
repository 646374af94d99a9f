/**
 * Which folders a person does not want to synchronize (R5), by their ids on the portal: the choice outlives the rows of the
 * folders, and a rename or a move there. Owns the SQL of `unselected`. Whether a row is shown is said by its `excluded`, which
 * is changed in the same transaction.
 */
import { asRemoteId, type Ino, type RemoteId } from '../base/ids.js'
import type { Reader, Transaction } from '../store/store.js'
import { ITEM_COLUMNS, type Item } from './item.js'
import { query } from './item-queries.js'

/** For the mirror's schema. */
export const SELECTION_TABLE = 'CREATE TABLE unselected (remote_id TEXT PRIMARY KEY) WITHOUT ROWID'

export async function readUnselected(reader: Reader): Promise<ReadonlySet<RemoteId>> {
  return new Set((await reader.all('SELECT remote_id FROM unselected')).map((row) => asRemoteId(String(row.remote_id))))
}

export async function noteUnselected(tx: Transaction, ids: Iterable<RemoteId>): Promise<void> {
  await tx.run('INSERT OR IGNORE INTO unselected (remote_id) SELECT value FROM json_each(?)', JSON.stringify([...ids]))
}

export async function noteSelected(tx: Transaction, id: RemoteId): Promise<void> {
  await tx.run('DELETE FROM unselected WHERE remote_id = ?', id)
}

/** Of these rows those that are the folder or stand below it, here or on the portal by our knowledge. In no order. */
export async function standingBelow(reader: Reader, folder: Ino, inos: readonly Ino[]): Promise<readonly Item[]> {
  return query(
    reader,
    `WITH RECURSIVE up(origin, ino) AS (
       SELECT value, value FROM json_each(?)
       UNION SELECT origin, items.parent FROM items JOIN up USING (ino) WHERE items.parent IS NOT NULL
       UNION SELECT origin, items.base_parent FROM items JOIN up USING (ino) WHERE items.base_parent IS NOT NULL)
     SELECT ${ITEM_COLUMNS} FROM items WHERE ino IN (SELECT origin FROM up WHERE ino = ?)`,
    JSON.stringify(inos),
    folder,
  )
}

/** Whether it stands below a folder that does not synchronize: it is about to be cleared away. */
export async function isBelowExcluded(reader: Reader, { parent }: Pick<Item, 'parent'>): Promise<boolean> {
  if (parent === null) return false
  const above = `WITH RECURSIVE up(ino, parent, excluded) AS (
    SELECT ino, parent, excluded FROM items WHERE ino = ? UNION SELECT items.ino, items.parent, items.excluded FROM items JOIN up ON items.ino = up.parent)`
  return (await reader.get(`${above} SELECT 1 FROM up WHERE excluded = 1 LIMIT 1`, parent)) !== undefined
}

const FOLDERS_BELOW = `WITH RECURSIVE below(ino) AS (
    SELECT ? UNION ALL SELECT items.ino FROM items JOIN below ON items.parent = below.ino WHERE items.kind = 'folder' AND items.excluded = 0)`

/** What stands below the folder under names that only programs use, and is never sent. */
export async function localOnlyBelow(reader: Reader, folder: Ino): Promise<readonly Item[]> {
  return query(reader, `${FOLDERS_BELOW} SELECT ${ITEM_COLUMNS} FROM items WHERE parent IN (SELECT ino FROM below) AND local_only = 1`, folder)
}

/** The files that are known below the folder. */
export async function sizeBelow(reader: Reader, folder: Ino): Promise<{ readonly files: number; readonly bytes: number }> {
  const row = await reader.get(`${FOLDERS_BELOW} SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM items WHERE parent IN (SELECT ino FROM below) AND kind = 'file'`, folder)
  return { files: Number(row?.files ?? 0), bytes: Number(row?.bytes ?? 0) }
}
