/** What the portal does not have yet, named from the database alone, beside a running daemon or without one. Read-only. */
import { join } from 'node:path'
import { systemCode } from '../base/errors.js'
import { asIno, type Ino } from '../base/ids.js'
import { readUnsent } from '../cache/recover-rows.js'
import type { UnsentItem } from '../control/commands.js'
import { getItem } from '../mirror/item-queries.js'
import { lastNames } from '../mirror/item-names.js'
import { ITEM_COLUMNS, itemOf, type Item } from '../mirror/item.js'
import { Connection } from '../store/connection.js'
import { storeError, type Reader } from '../store/store.js'
import { refuseLostDatabase } from './lost-database.js'
import { unsentBytes } from './named-items.js'
import type { ProfilePaths } from './paths.js'

/** Edits, new items, moves and deletions. Nothing for a drive that was never mounted. 'database-damaged'. */
export async function readUnsentItems(paths: ProfilePaths, folder: string): Promise<readonly UnsentItem[]> {
  await refuseLostDatabase(paths)
  let connection: Connection
  try {
    connection = await Connection.open(paths.databasePath, 'read-only')
  } catch (error) {
    if (systemCode(error) === 'SQLITE_CANTOPEN') return []
    throw storeError(paths.databasePath, error)
  }
  try {
    return await named(connection, paths, folder)
  } catch (error) {
    throw storeError(paths.databasePath, error)
  } finally {
    await connection.close()
  }
}

async function named(reader: Reader, paths: ProfilePaths, folder: string): Promise<readonly UnsentItem[]> {
  const items = new Map<Ino, Item>()
  for (const row of await reader.all(`SELECT ${ITEM_COLUMNS} FROM items WHERE ino IN (SELECT ino FROM journal) ORDER BY ino`)) {
    items.set(asIno(Number(row.ino)), itemOf(row))
  }
  // An edit whose program died with the daemon has no entry yet.
  for (const { id } of await readUnsent(reader, paths.contentDirectory)) {
    const row = await reader.get(`SELECT ${ITEM_COLUMNS} FROM items WHERE content_id = ? AND local_only = 0 AND deleted = 0`, id)
    if (row !== undefined) items.set(asIno(Number(row.ino)), itemOf(row))
  }
  return await Promise.all(
    [...items.values()].map(async (item) => ({
      path: join(folder, ...(await lastNames(item, (ino) => getItem(reader, ino)))),
      bytes: unsentBytes(item),
    })),
  )
}
