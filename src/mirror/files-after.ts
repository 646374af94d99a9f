/**
 * What stands behind a file in its folder: for whoever guesses which file a walk opens next. Reads a bounded number of
 * rows however large the folder is, so the guess costs the same in each.
 */
import type { Reader } from '../store/store.js'
import { ITEM_COLUMNS, itemOf, type Item } from './item.js'

/** By inode number as readdir shows it, or by the bytes of the name as a shell sorts. */
export type WalkOrder = 'readdir' | 'name'

/** Siblings were listed together, so their inode numbers stand together; those far away are left out. */
const NEAR_INODES = 1_000

const OF_THE_PORTAL = `kind = 'file' AND deleted = 0 AND excluded = 0 AND remote_id IS NOT NULL`

/** Up to `limit` shown files that the portal has, behind `file` in its folder, without it. */
export async function filesAfter(reader: Reader, file: Item, order: WalkOrder, limit: number): Promise<readonly Item[]> {
  const rows = await (order === 'name'
    ? reader.all(`SELECT ${ITEM_COLUMNS} FROM items WHERE parent = ? AND name > ? AND ${OF_THE_PORTAL} ORDER BY name LIMIT ?`, file.parent, file.name, limit)
    : // The plus keeps it from reading and sorting the whole folder by an index.
      reader.all(`SELECT ${ITEM_COLUMNS} FROM items WHERE +parent = ? AND ino > ? AND ino <= ? AND ${OF_THE_PORTAL} ORDER BY ino LIMIT ?`, file.parent, file.ino, file.ino + NEAR_INODES, limit))
  return rows.map(itemOf)
}
