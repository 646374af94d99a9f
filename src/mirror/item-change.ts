/** A change of a row's own columns, and what it means to the names of directories. Pure. */
import type { ContentId, Ino } from '../base/ids.js'
import type { SqlValue } from '../store/connection.js'
import { placeKey, type Item } from './item.js'
import type { NameEdit } from './row-cache.js'

/** Fields of `items` that callers may set, by column. */
export interface ItemChange {
  readonly parent?: Ino | null
  readonly name?: string
  readonly mode?: number
  readonly sizeBytes?: number
  readonly mtimeMs?: number
  readonly ctimeMs?: number
  readonly contentId?: ContentId | null
  readonly contentGeneration?: number
  readonly localOnly?: boolean
  readonly pinned?: boolean
  readonly deleted?: boolean
  readonly excluded?: boolean
  readonly placeChangedMs?: number | null
  readonly listedMs?: number | null
}

/** Columns and their new values, in the same order. */
export function changedColumns(change: ItemChange): { readonly columns: readonly string[]; readonly values: readonly SqlValue[] } {
  const columns: string[] = []
  const values: SqlValue[] = []
  const set = (column: string, value: SqlValue | boolean | undefined): void => {
    if (value === undefined) return
    columns.push(column)
    values.push(typeof value === 'boolean' ? Number(value) : value)
  }
  set('parent', change.parent)
  set('name', change.name)
  if (change.name !== undefined) set('name_key', placeKey(change.name))
  set('mode', change.mode)
  set('size', change.sizeBytes)
  set('mtime_ms', change.mtimeMs)
  set('ctime_ms', change.ctimeMs)
  set('content_id', change.contentId)
  set('content_gen', change.contentGeneration)
  set('local_only', change.localOnly)
  set('pinned', change.pinned)
  set('deleted', change.deleted)
  set('excluded', change.excluded)
  set('place_changed_ms', change.placeChangedMs)
  set('listed_ms', change.listedMs)
  return { columns, values }
}

/** Names that come and go with a change of one row. The old one goes first: the new one may be the same. */
export function nameEdits(before: Item, change: ItemChange): readonly NameEdit[] {
  if (change.parent === undefined && change.name === undefined && change.excluded === undefined) return []
  const edits: NameEdit[] = []
  const isFolder = before.kind === 'folder'
  if (before.parent !== null) edits.push({ parent: before.parent, name: before.name, ino: null, isFolder })
  const parent = change.parent === undefined ? before.parent : change.parent
  const excluded = change.excluded ?? before.excluded
  if (parent !== null && !excluded) edits.push({ parent, name: change.name ?? before.name, ino: before.ino, isFolder })
  return edits
}

/** What was deleted or taken from view here and comes back is another node to the kernel, to which a removed directory stays dead. */
export function revived(before: Item, change: ItemChange): ItemChange {
  const comesBack = (before.deleted && change.deleted === false) || (before.excluded && change.excluded === false)
  if (!comesBack) return change
  return { ...change, contentGeneration: Math.max(before.contentGeneration + 1, change.contentGeneration ?? 0) }
}
