/** How many rows there are of a kind, for whoever would otherwise read them all to count them. */
import type { Ino } from '../base/ids.js'
import type { Reader } from '../store/store.js'

export async function countItems(reader: Reader): Promise<number> {
  return Number((await reader.get('SELECT count(*) AS n FROM items'))?.n ?? 0)
}

/** Whether more than `count` items are shown in the folder; reads no more than tells so. */
export async function showsMoreThan(reader: Reader, parent: Ino, count: number): Promise<boolean> {
  const row = await reader.get('SELECT count(*) AS n FROM (SELECT 1 FROM items WHERE parent = ? AND excluded = 0 LIMIT ?)', parent, count + 1)
  return Number(row?.n ?? 0) > count
}

/** Items that the portal has in this folder by our knowledge, tombstones too (`Mirror.baseChildrenIn`). */
export async function countBaseChildren(reader: Reader, parent: Ino): Promise<number> {
  return Number((await reader.get('SELECT count(*) AS n FROM items WHERE base_parent = ?', parent))?.n ?? 0)
}
