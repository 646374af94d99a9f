/**
 * After a kill: files that no row counts (a dropped or evicted content whose unlink never came, a download that never
 * got to its row) and rows that count less than their file takes. One pass over the directory's names, in the background
 * at start; the cache adds nothing before it is over, so the ceiling holds from the first byte on.
 */
import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'
import type { ContentId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { errorText } from '../base/errors.js'
import type { Reader } from '../store/store.js'
import { contentDirectory, contentIdOf, contentPath, FAN_OUT } from './content-path.js'
import { fileFacts } from './cache-file.js'
import { mayHaveFile, readContents } from './content-rows.js'
import { isMissing } from './system-failure.js'

export interface LeftoverActions {
  /** No row counts this file. */
  remove(id: ContentId): Promise<void>
  /** The file takes more or less than its row says. */
  correct(id: ContentId, allocatedBytes: number): Promise<void>
}

/** Goes on past a directory that cannot be read, with a log line. */
export async function clearLeftovers(directory: string, reader: Reader, log: Log, actions: LeftoverActions, signal: AbortSignal): Promise<void> {
  const made = await names(directory)
  for (let slot = 0; slot < FAN_OUT && !signal.aborted; slot += 1) {
    if (!made.includes(basename(contentDirectory(directory, slot)))) continue
    try {
      await clearSlot(directory, slot, reader, actions)
    } catch (error) {
      log.warn({ directory: contentDirectory(directory, slot), error: errorText(error) }, 'leftovers of the cache could not be looked for')
    }
  }
}

async function clearSlot(directory: string, slot: number, reader: Reader, actions: LeftoverActions): Promise<void> {
  const ids = (await names(contentDirectory(directory, slot))).map(contentIdOf).filter((id) => id !== undefined)
  if (ids.length === 0) return
  const rows = new Map((await readContents(reader, ids)).map((row) => [row.id, row]))
  for (const id of ids) {
    const row = rows.get(id)
    if (row === undefined || !mayHaveFile(row)) {
      await actions.remove(id)
    } else if (row.isDirty || row.openedBoot !== null || !row.isComplete) {
      const facts = await fileFacts(contentPath(directory, id))
      if (facts !== undefined && facts.allocatedBytes !== row.allocatedBytes) await actions.correct(id, facts.allocatedBytes)
    }
  }
}

async function names(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
