/** What can be told of a drive while no daemon runs: what waits to be sent, and what the cache holds. Read-only. */
import type { CacheStatus } from '../control/commands.js'
import { systemCode } from '../base/errors.js'
import { countConflicts } from '../mirror/conflicts.js'
import { Connection } from '../store/connection.js'
import { storeError } from '../store/store.js'
import { refuseLostDatabase } from './lost-database.js'
import type { ProfilePaths } from './paths.js'
import type { Settings } from './settings.js'

export interface OfflineStatus {
  readonly pendingUploads: number
  readonly pendingBytes: number
  readonly heldDeletions: number
  readonly cache: CacheStatus
  readonly lastSync: string | null
  readonly conflicts: number
}

/** Zeros for a drive that was never mounted. 'database-damaged' with the next step. */
export async function offlineStatus(paths: ProfilePaths, settings: Settings): Promise<OfflineStatus> {
  await refuseLostDatabase(paths)
  let connection: Connection
  try {
    connection = await Connection.open(paths.databasePath, 'read-only')
  } catch (error) {
    if (systemCode(error) === 'SQLITE_CANTOPEN') return { pendingUploads: 0, pendingBytes: 0, heldDeletions: 0, cache: emptyCache(settings), lastSync: null, conflicts: 0 }
    throw storeError(paths.databasePath, error)
  }
  try {
    const pending = await connection.get('SELECT count(*) AS n, coalesce(sum(CASE WHEN contents.dirty = 1 THEN contents.size END), 0) AS bytes FROM journal LEFT JOIN items USING (ino) LEFT JOIN contents ON contents.id = items.content_id')
    const cache = await connection.get(
      `SELECT coalesce(sum(allocated_bytes), 0) AS used, coalesce(sum(CASE WHEN pinned = 1 THEN allocated_bytes END), 0) AS pinned,
         coalesce(sum(CASE WHEN dirty = 1 THEN allocated_bytes END), 0) AS dirty FROM contents`,
    )
    const lastSync = await connection.get("SELECT value FROM facts WHERE key = 'lastSync'")
    return {
      pendingUploads: Number(pending?.n ?? 0),
      pendingBytes: Number(pending?.bytes ?? 0),
      heldDeletions: await heldDeletions(connection),
      cache: { usedBytes: Number(cache?.used ?? 0), limitBytes: settings.cacheLimit, pinnedBytes: Number(cache?.pinned ?? 0), dirtyBytes: Number(cache?.dirty ?? 0) },
      lastSync: lastSync === undefined ? null : String(lastSync.value),
      conflicts: (await hasTable(connection, 'conflicts')) ? await countConflicts(connection) : 0,
    }
  } catch (error) {
    throw storeError(paths.databasePath, error)
  } finally {
    await connection.close()
  }
}

/** As of the last time a daemon looked. */
async function heldDeletions(connection: Connection): Promise<number> {
  if (!(await hasTable(connection, 'brake'))) return 0
  return Number((await connection.get("SELECT coalesce(sum(items), 0) AS n FROM brake WHERE state = 'held'"))?.n ?? 0)
}

/** A database that an older program has written gets its newer tables at the next mount. */
async function hasTable(connection: Connection, name: string): Promise<boolean> {
  return (await connection.get("SELECT 1 AS there FROM sqlite_master WHERE type = 'table' AND name = ?", name)) !== undefined
}

function emptyCache(settings: Settings): CacheStatus {
  return { usedBytes: 0, limitBytes: settings.cacheLimit, pinnedBytes: 0, dirtyBytes: 0 }
}
