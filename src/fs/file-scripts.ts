/**
 * The two transactions that every file takes which a program makes, writes and closes, as scripts: they run for each of a
 * thousand files that come one after another. What is out of the ordinary goes the long way (namespace.ts, file-writes.ts).
 */
import { asIno, type Ino } from '../base/ids.js'
import type { ContentCache } from '../cache/content-cache.js'
import { INSERT_LOCAL, WRITE_BYTES_STATE, BYTES_STATE_PARAMETERS } from '../cache/content-rows.js'
import type { Content } from '../cache/content.js'
import { touchStatement, type Journal } from '../journal/journal.js'
import { FILE_MADE, FILE_TO_SEND, fileMade, INSERT_FILE, IS_PLAIN_PLACE, STAMP_PARENT, WRITE_FILE } from '../mirror/file-scripts.js'
import { placeKey, type Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { refuseUnless, type Script } from '../store/script.js'
import type { Store } from '../store/store.js'

export interface FileTables {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
}

const MAKE_FILE: Script = {
  name: 'make_file',
  parameters: ['parent', 'name', 'name_key', 'mode', 'content_id', 'boot_id', 'opened_boot', 'now_ms', 'not_before_ms'],
  statements: [refuseUnless(IS_PLAIN_PLACE), INSERT_LOCAL, INSERT_FILE, touchStatement(FILE_MADE), STAMP_PARENT],
  answers: { ino: 'SELECT ino FROM items WHERE items.parent = make_file.parent AND items.name = make_file.name' },
}

const RECORD_WRITE: Script = {
  name: 'record_write',
  parameters: [...BYTES_STATE_PARAMETERS, 'ino', 'mtime_ms', 'ctime_ms', 'now_ms', 'not_before_ms'],
  statements: [WRITE_BYTES_STATE, WRITE_FILE, touchStatement(FILE_TO_SEND)],
  answers: { named: 'EXISTS (SELECT 1 FROM items WHERE items.ino = record_write.ino AND items.content_id = record_write.content_id)' },
}

export interface PlainFile {
  readonly parent: Ino
  readonly name: string
  readonly mode: number
  /** It will be written directly. */
  readonly opened: boolean
  readonly nowMs: number
  readonly notBeforeMs: number
}

/**
 * A new file that is to be sent, where nothing else has to do with its place; its content is held for the caller.
 * Undefined when something has, or the name is taken. The caller knows that the name is one the portal takes.
 */
export async function makePlainFile({ store, mirror, journal, cache }: FileTables & { readonly cache: ContentCache }, file: PlainFile): Promise<{ readonly item: Item; readonly content: Content } | undefined> {
  const { parent, name, mode, opened, nowMs, notBeforeMs } = file
  const local = cache.beginLocal(opened) // its file is made while the rows are
  const making = store.runScript({
    script: MAKE_FILE,
    values: () => [parent, name, placeKey(name), mode, local.id, cache.bootId, opened ? cache.bootId : null, nowMs, notBeforeMs],
    answer: (row, tx) => {
      const item = fileMade({ ino: asIno(Number(row.ino)), parent, name, mode, nowMs, contentId: local.id })
      mirror.noteFileMade(tx, item)
      journal.noteTouched(tx)
      return { item, content: local.committedBy(tx) }
    },
  })
  try {
    const made = await making
    if (made === undefined) await local.abandon()
    else await local.file
    return made
  } catch (error) {
    await local.abandon()
    throw error
  }
}

/** What is in the content, its item's size and times (null: as they are), and that there is something to send. Answers whether a name still leads to the content; undefined when nothing was done. */
export function recordWrite(
  { store, mirror, journal }: FileTables,
  { ino, content, times, nowMs, notBeforeMs }: { readonly ino: Ino; readonly content: Content; readonly times: { readonly mtimeMs: number; readonly ctimeMs: number } | undefined; readonly nowMs: number; readonly notBeforeMs: number },
): Promise<boolean | undefined> {
  const { mtimeMs, ctimeMs } = times ?? { mtimeMs: null, ctimeMs: null }
  let persisting: ReturnType<Content['beginPersist']> | undefined
  return store.runScript({
    script: RECORD_WRITE,
    values: () => {
      if (content.needsDirtyMark) return undefined
      persisting = content.beginPersist()
      return [...persisting.values, ino, mtimeMs, ctimeMs, nowMs, notBeforeMs]
    },
    answer: (row, tx) => {
      persisting?.done(tx)
      if (persisting !== undefined) mirror.noteFileWritten(tx, { ino, contentId: content.id, sizeBytes: persisting.sizeBytes, mtimeMs, ctimeMs })
      journal.noteTouched(tx)
      return row.named === 1
    },
  })
}
