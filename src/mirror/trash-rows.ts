/**
 * The trash of a file manager (`.Trash-UID` at the top of the mount) as rows. Its folders and notes live only here; what
 * was moved into it keeps its base, which is marked while the portal has it in its own trash. Whether a row is in the
 * trash follows from where it stands; nothing else says so.
 */
import { isTrashName } from '../base/names.js'
import { ROOT_INO, type ContentId, type Ino } from '../base/ids.js'
import type { Reader, Transaction } from '../store/store.js'
import type { Place } from './delta.js'
import { query } from './item-queries.js'
import { isMoved, ITEM_COLUMNS, type Item } from './item.js'
import type { Mirror } from './mirror.js'

/** Whether the row is the trash or stands in it. */
export async function isInTrash(reader: Reader, ino: Ino | null): Promise<boolean> {
  if (ino === null) return false
  // The topmost folder on the way up.
  const top = await reader.get(
    `WITH RECURSIVE up(ino, parent, name, local_only) AS (
       SELECT ino, parent, name, local_only FROM items WHERE ino = ?
       UNION ALL SELECT items.ino, items.parent, items.name, items.local_only FROM items JOIN up ON items.ino = up.parent)
     SELECT name FROM up WHERE parent = ? AND local_only = 1`,
    ino,
    ROOT_INO,
  )
  return top !== undefined && isTrashName(String(top.name))
}

/**
 * What stands in the trash here and is live on the portal: what has to be trashed there by itself, and what goes with it.
 * Not what may be live: that was trashed there once already.
 */
export async function readToBeTrashed(reader: Reader): Promise<readonly Item[]> {
  const folders = await reader.all("SELECT ino, name FROM items WHERE parent = ? AND kind = 'folder' AND local_only = 1", ROOT_INO)
  const tops = folders.filter(({ name }) => isTrashName(String(name))).map(({ ino }) => Number(ino))
  if (tops.length === 0) return []
  return query(
    reader,
    `WITH RECURSIVE trash(ino, goes) AS (
       SELECT value, 0 FROM json_each(?)
       UNION ALL SELECT items.ino, items.remote_id IS NOT NULL AND coalesce(items.base_trashed, 0) = 0 AND (items.base_parent IS NOT items.parent OR trash.goes)
         FROM trash JOIN items ON items.parent = trash.ino)
     SELECT ${ITEM_COLUMNS} FROM items WHERE ino IN (SELECT ino FROM trash WHERE goes) ORDER BY ino`,
    JSON.stringify(tops),
  )
}

/**
 * The portal has the item in its trash, and all that it had below it. What was moved out of it here meanwhile went along:
 * answers those rows, to be queued.
 */
export async function markTrashed(mirror: Mirror, tx: Transaction, item: Item): Promise<readonly Ino[]> {
  const rows = await belowThere(mirror, tx, item)
  await mirror.setTrashed(tx, rows.map(({ ino }) => ino), true)
  const together = await standingWith(mirror, tx, item)
  return rows.flatMap(({ ino }) => (together.has(ino) ? [] : [ino]))
}

/**
 * The portal has the item out of its trash, and what went there with it. What was taken apart from it here meanwhile may
 * have gone with it or by itself, which its own next step finds out: answers those rows, to be queued.
 */
export async function markRestored(mirror: Mirror, tx: Transaction, item: Item): Promise<readonly Ino[]> {
  const together = await standingWith(mirror, tx, item)
  const rows = (await belowThere(mirror, tx, item, ({ base }) => base?.mayBeLive === true)).filter(({ base }) => base?.trashed === true)
  const isApart = ({ ino, base }: Item): boolean => ino !== item.ino && (!together.has(ino) || base?.mayBeLive === true)
  const apart = rows.filter(isApart)
  const back = rows.filter((row) => !isApart(row))
  await mirror.setTrashed(tx, back.map(({ ino }) => ino), false)
  await mirror.setTrashed(tx, apart.map(({ ino }) => ino), 'may-be-live')
  return apart.map(({ ino }) => ino)
}

/**
 * The topmost folder that was taken out of the trash here, is still in the portal's, and brings the item back live when it
 * is restored there. Null: none does.
 */
export async function comesBackIn(mirror: Mirror, reader: Reader, item: Item): Promise<Ino | null> {
  let top: Ino | null = null
  if (item.base?.trashed !== true) return top
  for (let at = item.base.parent; at !== null; ) {
    const folder = await mirror.getIn(reader, at)
    if (folder?.base?.trashed !== true || folder.deleted || (await isInTrash(reader, folder.parent))) break
    top = folder.ino
    at = folder.base.parent
  }
  return top
}

async function standingWith(mirror: Mirror, tx: Reader, item: Item): Promise<ReadonlySet<Ino>> {
  return new Set((await mirror.subtreeIn(tx, item.ino)).map(({ ino }) => ino))
}

/** The item and what the portal has below it by our knowledge, wherever it stands here; but not what is below an end. */
async function belowThere(mirror: Mirror, tx: Reader, item: Item, isEnd: (row: Item) => boolean = () => false): Promise<readonly Item[]> {
  const rows = new Map<Ino, Item>([[item.ino, item]])
  const folders = [item]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (folder.kind === 'file') continue
    for (const row of await mirror.baseChildrenIn(tx, folder.ino)) {
      if (rows.has(row.ino)) continue
      rows.set(row.ino, row)
      if (!isEnd(row)) folders.push(row)
    }
  }
  return [...rows.values()]
}

/** What of the item and all below it waits to be sent once it stands outside the trash again: new items, edits, and what its folder does not bring back. */
export async function unsentIn(mirror: Mirror, tx: Reader, ino: Ino, isDirty: (content: ContentId) => Promise<boolean>): Promise<readonly Ino[]> {
  const unsent: Ino[] = []
  const returning = new Set<Ino>()
  for (const row of await mirror.subtreeIn(tx, ino)) {
    if (row.localOnly) continue
    if (row.base?.trashed === true) returning.add(row.ino)
    const isLeftBehind = row.base?.trashed === true && row.ino !== ino && !(row.parent !== null && returning.has(row.parent))
    if (row.base === null || isLeftBehind || isMoved(row) || (row.contentId !== null && (await isDirty(row.contentId)))) unsent.push(row.ino)
  }
  return unsent
}

/** The note by which a file manager knows where the item at this place in the trash came from. */
export async function trashNote(mirror: Mirror, tx: Reader, place: Place): Promise<Item | undefined> {
  const files = await mirror.getIn(tx, place.parent)
  if (files?.localOnly !== true || files.parent === null || files.name !== 'files') return undefined
  const notes = await mirror.childIn(tx, files.parent, 'info')
  const note = notes === undefined ? undefined : await mirror.childIn(tx, notes.ino, `${place.name}.trashinfo`)
  return note?.kind === 'file' && note.base === null ? note : undefined
}
