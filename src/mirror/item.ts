/**
 * A row of the mirror: one item of the drive as it is here (place, size, times) beside what the portal had when both
 * last agreed (the ancestor, `base`). What differs between the two is what has to be sent; nothing else says so.
 */
import { asContentId, asIno, asRemoteId, asStorageId, type ContentId, type Ino, type RemoteId, type StorageId } from '../base/ids.js'
import { caseKey, isLongerThanShown, isTrashName, MAX_LOCAL_NAME_BYTES, splitExtension } from '../base/names.js'
import type { Row } from '../store/connection.js'

/** What the portal had at the last agreement. */
export interface Base {
  readonly id: RemoteId
  /** For a link the folder it leads to; for any other folder its own id; for a file its own id. Children are listed and made there. */
  readonly realId: RemoteId
  readonly storageId: StorageId
  /** Our row of the remote parent. Null for the root. */
  readonly parent: Ino | null
  /** As the portal spells it. */
  readonly name: string
  /** Files: GLOBAL_CONTENT_VERSION, FILE_ID and SIZE of the content that this row (or its unsent edit) came from. Folders: 0, '' and 0. */
  readonly version: number
  readonly blobId: string
  readonly sizeBytes: number
  /** UPDATE_TIME of the portal. */
  readonly updatedMs: number
  readonly code: string | null
  /** In the portal's trash, put there by this computer: the row stands in the trash here, or is to be restored. */
  readonly trashed: boolean
  /** Trashed, but with its folder or by itself: where the folder is back, whether it came back as well is to be found out. */
  readonly mayBeLive: boolean
}

export interface Item {
  readonly ino: Ino
  readonly kind: 'file' | 'folder'
  /** Null: the root, or a tombstone. */
  readonly parent: Ino | null
  /** As shown here. */
  readonly name: string
  readonly mode: number
  readonly sizeBytes: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  /** The cached content; null for a folder and for a placeholder nobody has opened. */
  readonly contentId: ContentId | null
  /** +1 with each remote change of the content, and when what was deleted comes back: a new node for the kernel (fuse-engine.md fact 6). */
  readonly contentGeneration: number
  /** A name that only programs use: never sent (DESIGN.md section 6). */
  readonly localOnly: boolean
  readonly pinned: boolean
  /** Gone here, still to be trashed on the portal. */
  readonly deleted: boolean
  /** Known, neither shown nor synchronized: "Uploaded files", what a person does not want, a second link to a folder. Nothing stands below it. */
  readonly excluded: boolean
  /** Since when the place differs from the base's, for the save patterns (6a.6). Null when it does not. */
  readonly placeChangedMs: number | null
  /** Folders: when a complete listing was last applied; null: never. */
  readonly listedMs: number | null
  /** Null: not on the portal yet. */
  readonly base: Base | null
}

/**
 * The name under which a remote name is shown here: itself, or changed reversibly where Linux cannot carry it (O-7) or a
 * file manager would take it for its own trash.
 */
export function shownName(remoteName: string, id: RemoteId): string {
  const clean = remoteName.replaceAll('/', '\u2215').replaceAll('\0', '\u2400')
  const named = clean === '.' || clean === '..' || isTrashName(clean) ? `${clean}~${id}` : clean
  if (!isLongerThanShown(named)) return named
  const [stem, extension] = splitExtension(named)
  const suffix = `~${id}${extension}`
  return cutToBytes(stem, MAX_LOCAL_NAME_BYTES - Buffer.byteLength(suffix)) + suffix
}

function cutToBytes(text: string, maxBytes: number): string {
  let bytes = 0
  let cut = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > maxBytes) break
    cut += character
  }
  return cut
}

/** Whether the portal has the item under another name or in another folder than it stands here. */
export function isMoved(item: Item): boolean {
  return item.base !== null && (item.base.parent !== item.parent || shownName(item.base.name, item.base.id) !== item.name)
}

/** A folder's list, or a file's bytes, of which the cache says whether they are complete. */
export function isAllHere({ kind, listedMs, sizeBytes }: Item, isComplete: boolean): boolean {
  return kind === 'folder' ? listedMs !== null : sizeBytes === 0 || isComplete
}

export function isLink(item: Item): boolean {
  return item.kind === 'folder' && item.base !== null && item.base.realId !== item.base.id
}

export const ITEM_COLUMNS =
  'ino, parent, name, kind, mode, size, mtime_ms, ctime_ms, content_id, content_gen, local_only, pinned, deleted, excluded, place_changed_ms, listed_ms, ' +
  'remote_id, real_id, storage_id, code, base_parent, base_name, base_version, base_blob, base_size, base_updated_ms, base_trashed'

/** In `base_trashed`, beside 0 and 1. */
export const MAY_BE_LIVE = 2

export function itemOf(row: Row): Item {
  const base: Base | null =
    row.remote_id === null || row.remote_id === undefined
      ? null
      : {
          id: asRemoteId(String(row.remote_id)),
          realId: asRemoteId(String(row.real_id)),
          storageId: asStorageId(String(row.storage_id)),
          parent: inoOrNull(row.base_parent),
          name: String(row.base_name),
          version: Number(row.base_version),
          blobId: String(row.base_blob),
          sizeBytes: Number(row.base_size),
          updatedMs: Number(row.base_updated_ms),
          code: row.code === null || row.code === undefined ? null : String(row.code),
          trashed: row.base_trashed === 1 || row.base_trashed === MAY_BE_LIVE,
          mayBeLive: row.base_trashed === MAY_BE_LIVE,
        }
  return {
    ino: asIno(Number(row.ino)),
    kind: row.kind === 'folder' ? 'folder' : 'file',
    parent: inoOrNull(row.parent),
    name: String(row.name),
    mode: Number(row.mode),
    sizeBytes: Number(row.size),
    mtimeMs: Number(row.mtime_ms),
    ctimeMs: Number(row.ctime_ms),
    contentId: row.content_id === null || row.content_id === undefined ? null : asContentId(Number(row.content_id)),
    contentGeneration: Number(row.content_gen),
    localOnly: row.local_only === 1,
    pinned: row.pinned === 1,
    deleted: row.deleted === 1,
    excluded: row.excluded === 1,
    placeChangedMs: numberOrNull(row.place_changed_ms),
    listedMs: numberOrNull(row.listed_ms),
    base,
  }
}

function inoOrNull(value: Row[string] | undefined): Ino | null {
  return value === null || value === undefined ? null : asIno(Number(value))
}

function numberOrNull(value: Row[string] | undefined): number | null {
  return value === null || value === undefined ? null : Number(value)
}

/** The key under which two names of one folder clash. */
export function placeKey(name: string): string {
  return caseKey(name)
}
