/**
 * Where things lie in the cache directory. A content's file is named by its id alone, spread over 256 directories, so
 * no name and no remote id can lead out of the directory. Copies for uploads stand apart and never outlive the process.
 */
import { join } from 'node:path'
import { asContentId, type ContentId } from '../base/ids.js'

/** Directories `00` … `ff`. */
export const FAN_OUT = 256

/** The file of a content below the cache directory; it may not exist (nothing of the content is here). */
export function contentPath(directory: string, id: ContentId): string {
  return join(contentDirectory(directory, id % FAN_OUT), String(id))
}

export function contentDirectory(directory: string, slot: number): string {
  return join(directory, slot.toString(16).padStart(2, '0'))
}

/** The id that a file name stands for, undefined for a name that is none of ours. */
export function contentIdOf(fileName: string): ContentId | undefined {
  if (!/^[1-9]\d{0,14}$/.test(fileName)) return undefined
  return asContentId(Number(fileName))
}

export function snapshotDirectory(directory: string): string {
  return join(directory, 'snapshots')
}
