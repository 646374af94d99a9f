/**
 * What the portal keeps, as its database does: users, storages, folders, files and their versions (bitrix24-rest.md
 * section 3). Rows are never changed in place: a change puts a new row. Times are whole seconds of the portal's clock.
 */
import type { Content } from './content.js'

/** 0 alive, 3 trashed itself, 4 trashed with an ancestor. */
export type DeletedType = 0 | 3 | 4

export interface UserRow {
  readonly id: number
  readonly name: string
  readonly lastName: string
}

export interface StorageRow {
  readonly id: number
  readonly name: string
  readonly entityType: 'user' | 'common' | 'group'
  readonly entityId: string
  readonly rootId: number
}

interface ObjectRowBase {
  readonly id: number
  readonly storageId: number
  /** Null for the root of a storage. */
  readonly parentId: number | null
  readonly name: string
  readonly code: string | null
  /** Of this row alone; what an ancestor's trashing makes of it is `Tree.deletedType`. */
  readonly deletedType: DeletedType
  readonly createSec: number
  readonly updateSec: number
  /** The hidden SYNC_UPDATE_TIME, only good for `order`. */
  readonly syncSec: number
  readonly deleteSec: number | null
  readonly createdBy: number
  readonly updatedBy: number
  readonly deletedBy: number | null
}

export interface FolderRow extends ObjectRowBase {
  readonly type: 'folder'
  /** Differs from `id` in a link (E-60). */
  readonly realId: number
}

export interface VersionRow {
  readonly id: number
  readonly name: string
  readonly content: Content
  readonly fileId: number
  readonly globalVersion: number
  readonly createSec: number
  readonly createdBy: number
}

export interface FileRow extends ObjectRowBase {
  readonly type: 'file'
  /** The file this one is a link to (E-64); REST shows no sign of it. */
  readonly linkTo: number | null
  readonly fileId: number
  readonly globalVersion: number
  /** Newest first; the first is the content. Never empty. */
  readonly versions: readonly [VersionRow, ...VersionRow[]]
  /** Who holds the exclusive lock (E-71). */
  readonly lockedBy: number | null
}

export type ObjectRow = FolderRow | FileRow
