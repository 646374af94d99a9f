/**
 * A database that is gone or empty while the cache still holds files: nobody knows any more which of them were sent, so
 * nothing may begin anew there before a person has them.
 */
import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { DriveError, systemCode } from '../base/errors.js'
import { sizeOf } from './is-there.js'
import type { ProfilePaths } from './paths.js'

/** 'database-damaged' with the next step. */
export async function refuseLostDatabase(paths: ProfilePaths): Promise<void> {
  if (!(await isDatabaseLost(paths))) return
  throw new DriveError(
    'database-damaged',
    `the database ${paths.databasePath} is missing or empty, and ${paths.contentDirectory} holds files that may be unsent edits: copy them out with "elastic-drive rescue DIR", then move ${paths.contentDirectory} away and try again`,
  )
}

/** No database to be read, and files that only it could name. */
export async function isDatabaseLost(paths: ProfilePaths): Promise<boolean> {
  const isEmpty = ((await sizeOf(paths.databasePath)) ?? 0) === 0 // the first thing that SQLite does is to write its header
  return isEmpty && (await holdsFiles(paths.contentDirectory))
}

async function holdsFiles(directory: string): Promise<boolean> {
  try {
    for await (const entry of await opendir(directory)) {
      if (entry.isFile() || (entry.isDirectory() && (await holdsFiles(join(directory, entry.name))))) return true
    }
    return false
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
