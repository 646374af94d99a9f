/**
 * The mirror's part of the scripts (store/script.ts) that a program's file takes on its way: it is made, and what was
 * written is recorded. After a run the mirror is told by `noteFileMade` and `noteFileWritten`.
 */
import type { ContentId, Ino } from '../base/ids.js'
import type { Item } from './item.js'

/** Parameters `parent`, `name_key`: the folder is an ordinary one, and neither here nor on the portal anything has the name. */
export const IS_PLAIN_PLACE = `EXISTS (SELECT 1 FROM items WHERE ino = NEW.parent AND kind = 'folder' AND deleted = 0 AND excluded = 0 AND local_only = 0)
  AND NOT EXISTS (SELECT 1 FROM items WHERE parent = NEW.parent AND name_key = NEW.name_key)
  AND NOT EXISTS (SELECT 1 FROM items WHERE base_parent = NEW.parent AND base_key = NEW.name_key)`

/** Parameters `parent`, `name`, `name_key`, `mode`, `now_ms`, `content_id`. */
export const INSERT_FILE = `INSERT INTO items (parent, name, name_key, kind, mode, size, mtime_ms, ctime_ms, content_id)
  VALUES (NEW.parent, NEW.name, NEW.name_key, 'file', NEW.mode, 0, NEW.now_ms, NEW.now_ms, NEW.content_id)`

/** The row made by INSERT_FILE. */
export const FILE_MADE = 'SELECT ino FROM items WHERE parent = NEW.parent AND name = NEW.name'

/** Parameters `parent`, `now_ms`. */
export const STAMP_PARENT = 'UPDATE items SET mtime_ms = NEW.now_ms, ctime_ms = NEW.now_ms WHERE ino = NEW.parent'

/** Parameters `ino`, `content_id`, `size`, and `mtime_ms` and `ctime_ms`, null where they stay. Nothing when the item has another content by now. */
export const WRITE_FILE = `UPDATE items SET size = NEW.size, mtime_ms = coalesce(NEW.mtime_ms, mtime_ms), ctime_ms = coalesce(NEW.ctime_ms, ctime_ms)
  WHERE ino = NEW.ino AND content_id = NEW.content_id`

/** The row changed by WRITE_FILE, if it is to be sent. */
export const FILE_TO_SEND = 'SELECT ino FROM items WHERE ino = NEW.ino AND content_id = NEW.content_id AND deleted = 0 AND local_only = 0'

export interface FileWritten {
  readonly ino: Ino
  readonly contentId: ContentId
  readonly sizeBytes: number
  /** Null: as before. */
  readonly mtimeMs: number | null
  readonly ctimeMs: number | null
}

/** The row that INSERT_FILE makes. */
export function fileMade(parts: { readonly ino: Ino; readonly parent: Ino; readonly name: string; readonly mode: number; readonly nowMs: number; readonly contentId: ContentId }): Item & { readonly parent: Ino } {
  const { nowMs, ...named } = parts
  return {
    ...named,
    kind: 'file',
    sizeBytes: 0,
    mtimeMs: nowMs,
    ctimeMs: nowMs,
    contentGeneration: 0,
    localOnly: false,
    pinned: false,
    deleted: false,
    excluded: false,
    placeChangedMs: null,
    listedMs: null,
    base: null,
  }
}

/** The row that WRITE_FILE makes of `before`. */
export function fileWritten(before: Item, { contentId, sizeBytes, mtimeMs, ctimeMs }: FileWritten): Item {
  if (before.contentId !== contentId) return before
  return { ...before, sizeBytes, mtimeMs: mtimeMs ?? before.mtimeMs, ctimeMs: ctimeMs ?? before.ctimeMs }
}
