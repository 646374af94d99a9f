/**
 * A lock that a process holds until it lets go or dies, whichever way (DESIGN.md 6a.2: one daemon a profile). It is an
 * exclusive transaction on an empty SQLite file: the kernel drops its byte-range lock with the process, so nothing is
 * left behind by kill -9 and nothing has to be guessed from a process id.
 */
import { DriveError, systemCode } from '../base/errors.js'
import { Connection } from './connection.js'

export interface ProcessLock {
  release(): Promise<void>
}

/** Takes the lock at `path`, or throws `already-running` when another process still has it after `waitMs`. */
export async function takeProcessLock(path: string, waitMs = 0): Promise<ProcessLock> {
  const connection = await Connection.open(path)
  try {
    await connection.exec(`PRAGMA busy_timeout=${waitMs}; PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE`)
  } catch (error) {
    await connection.close()
    if (systemCode(error) === 'SQLITE_BUSY') throw new DriveError('already-running', 'another process of this profile is running', { cause: error })
    throw error
  }
  return {
    release: async () => {
      await connection.exec('ROLLBACK')
      await connection.close()
    },
  }
}
