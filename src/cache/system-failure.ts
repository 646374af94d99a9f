/** Failures of the cache's own disk, with our codes: a full disk is told apart from a full cache. */
import { DriveError, errorText, systemCode } from '../base/errors.js'

export function isDiskFull(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

export function isMissing(error: unknown): boolean {
  return systemCode(error) === 'ENOENT'
}

/** What a failed system call on a cache file means to the layers above. Ours pass as they are. */
export function diskError(error: unknown, doing: string): DriveError {
  if (error instanceof DriveError) return error
  if (isDiskFull(error)) return new DriveError('disk-full', `the disk that holds the cache is full: free some space (${doing})`, { cause: error })
  if (systemCode(error) === 'EFBIG') return new DriveError('file-too-large', `the disk that holds the cache takes no file of this length (${doing})`, { cause: error })
  return new DriveError('internal', `the cache's disk failed while ${doing}: ${errorText(error)}`, { cause: error })
}
