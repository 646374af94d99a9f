/** What whoever looks through the whole drive has to know of all listed folders at once, without reading their rows. */
import { asIno, type Ino } from '../base/ids.js'
import type { Reader } from '../store/store.js'
import { ITEM_COLUMNS, type Item } from './item.js'
import { query } from './item-queries.js'

// By the index of listed folders: their number counts, not that of all items.
const LISTED = "items INDEXED BY items_listed WHERE kind = 'folder' AND listed_ms IS NOT NULL AND deleted = 0 AND excluded = 0 AND remote_id IS NOT NULL AND base_trashed IS NOT 1"

export async function countListed(reader: Reader): Promise<number> {
  return Number((await reader.get("SELECT count(*) AS n FROM items INDEXED BY items_listed WHERE kind = 'folder' AND listed_ms IS NOT NULL"))?.n ?? 0)
}

/** Folders of the portal, deleted here or not, of which a list tells something of rows here: those that were listed, and those in which something is known. */
export function foldersToCompare(reader: Reader): Promise<readonly Item[]> {
  return query(
    reader,
    `SELECT ${ITEM_COLUMNS} FROM items WHERE kind = 'folder' AND excluded = 0 AND remote_id IS NOT NULL AND base_trashed IS NOT 1
       AND (listed_ms IS NOT NULL OR EXISTS (SELECT 1 FROM items AS below WHERE below.base_parent = items.ino)) ORDER BY ino`,
  )
}

/** Folders that the portal has listed folders in, in order. */
export async function parentsOfListed(reader: Reader): Promise<readonly Ino[]> {
  const rows = await reader.all(`SELECT DISTINCT base_parent AS ino FROM ${LISTED} AND base_parent IS NOT NULL ORDER BY base_parent`)
  return rows.map(({ ino }) => asIno(Number(ino)))
}

/** Listed folders whose own time no list of subfolders shows: the root, and what links lead to (bitrix24-rest.md 11.3). */
export function topsOfListed(reader: Reader): Promise<readonly Item[]> {
  return query(reader, `SELECT ${ITEM_COLUMNS} FROM ${LISTED} AND (base_parent IS NULL OR real_id <> remote_id) ORDER BY ino`)
}

/** How many items the portal shows in each of these by our knowledge; none for those without. */
export async function baseCounts(reader: Reader, inos: readonly Ino[]): Promise<ReadonlyMap<Ino, number>> {
  const rows = await reader.all('SELECT base_parent AS ino, count(*) AS n FROM items WHERE base_parent IN (SELECT value FROM json_each(?)) AND coalesce(base_trashed, 0) = 0 GROUP BY base_parent', JSON.stringify(inos))
  return new Map(rows.map(({ ino, n }) => [asIno(Number(ino)), Number(n)]))
}
