/** What can be told of a drive while no daemon runs: what waits to be sent, and what the cache holds. Read-only. */
import type { CacheStatus } from '../control/commands.js'
import { systemCode } from '../base/errors.js'
import { Connection } from '../store/connection.js'
import { storeError } from '../store/store.js'
import type { ProfilePaths } from './paths.js'
import type { Settings } from './settings.js'

export interface OfflineStatus {
  readonly pendingUploads: number
  readonly pendingBytes: number
  readonly cache: CacheStatus
  readonly lastSync: string | null
}

/** Zeros for a drive that was never mounted. 'database-damaged' with the next step. */
export async function offlineStatus(paths: ProfilePaths, settings: Settings): Promise<OfflineStatus> {
  let connection: Connection
  try {
    connection = await Connection.open(paths.databasePath, 'read-only')
  } catch (error) {
    if (systemCode(error) === 'SQLITE_CANTOPEN') return { pendingUploads: 0, pendingBytes: 0, cache: emptyCache(settings), lastSync: null }
    throw storeError(paths.databasePath, error)
  }
  try {
    const pending = await connection.get('SELECT count(*) AS n, coalesce(sum(items.size), 0) AS bytes FROM journal LEFT JOIN items USING (ino)')
    const cache = await connection.get(
      `SELECT coalesce(sum(allocated_bytes), 0) AS used, coalesce(sum(CASE WHEN pinned = 1 THEN allocated_bytes END), 0) AS pinned,
         coalesce(sum(CASE WHEN dirty = 1 THEN allocated_bytes END), 0) AS dirty FROM contents`,
    )
    const lastSync = await connection.get("SELECT value FROM facts WHERE key = 'lastSync'")
    return {
      pendingUploads: Number(pending?.n ?? 0),
      pendingBytes: Number(pending?.bytes ?? 0),
      cache: { usedBytes: Number(cache?.used ?? 0), limitBytes: settings.cacheLimit, pinnedBytes: Number(cache?.pinned ?? 0), dirtyBytes: Number(cache?.dirty ?? 0) },
      lastSync: lastSync === undefined ? null : String(lastSync.value),
    }
  } catch (error) {
    throw storeError(paths.databasePath, error)
  } finally {
    await connection.close()
  }
}

function emptyCache(settings: Settings): CacheStatus {
  return { usedBytes: 0, limitBytes: settings.cacheLimit, pinnedBytes: 0, dirtyBytes: 0 }
}
