/**
 * Bitrix24.Drive as typed calls: no SQL, no words of a file system. What a portal answers is untrusted: ids are strings
 * of digits, sizes and counters are safe integers, names are handed on as they came (the mirror decides how they show).
 * Every call takes a priority (who waits) and a signal, and fails with a DriveError.
 */
import type { ByteRange } from '../base/byte-ranges.js'
import type { RemoteId, StorageId } from '../base/ids.js'

/** Who waits: a person in a read, a listing on a screen, an edit to be sent, or nobody. Earlier goes first. */
export type Priority = 'interactive' | 'listing' | 'upload' | 'background'

export interface CallOptions {
  readonly priority: Priority
  readonly signal?: AbortSignal
}

/** 0 alive, 3 trashed itself, 4 trashed with an ancestor (bitrix24-rest.md 3.2); only this decides (O-29). */
export type DeletedType = 0 | 3 | 4

interface RemoteItemBase {
  readonly id: RemoteId
  readonly name: string
  /** Special folders are recognised by it (9.4); null for ordinary items. */
  readonly code: string | null
  readonly storageId: StorageId
  /** The real parent: for children of a link the linked folder, not the link (E-60). Null for a storage's root. */
  readonly parentId: RemoteId | null
  readonly deletedType: DeletedType
  /** Server time, whole seconds. */
  readonly createdMs: number
  readonly updatedMs: number
  readonly createdBy: string
  readonly updatedBy: string
  /** The page in the web interface; null where the portal gives none. */
  readonly detailUrl: string | null
}

export interface RemoteFolder extends RemoteItemBase {
  readonly kind: 'folder'
  /** Differs from `id` when this is a link to a folder elsewhere. */
  readonly realId: RemoteId
}

export interface RemoteFile extends RemoteItemBase {
  readonly kind: 'file'
  /** GLOBAL_CONTENT_VERSION: 1 at creation, +1 for each change of content. */
  readonly version: number
  /** FILE_ID: id of the stored bytes; changes with the content. */
  readonly blobId: string
  readonly sizeBytes: number
  /** Carries the secret, changes at each read, serves the newest content (8.1): use once and soon, never write down or log. */
  readonly downloadUrl: string
}

export type RemoteItem = RemoteFolder | RemoteFile

export interface RemoteStorage {
  readonly id: StorageId
  readonly name: string
  readonly entityType: string
  readonly entityId: string
  readonly rootId: RemoteId
}

export interface Account {
  readonly userId: string
  readonly name: string
  readonly isAdmin: boolean
  /** The portal's clock when it answered. */
  readonly serverMs: number
}

/** One page (50 items) of a folder, in order of `order`, from `start` on. */
export interface ListPageRequest {
  readonly folderId: RemoteId
  readonly start: number
  /** `id` is stable under offset paging; `newest` shows additions and edits first (11.3). */
  readonly order: 'id' | 'newest'
  /**
   * Only subfolders whose UPDATE_TIME is not older (server time, whole seconds), with ids above `after`: that is keyset
   * paging, so `start` is 0 and `order` is `id`. Names what may have changed, and never proves that nothing has.
   */
  readonly changedFolders?: { readonly sinceMs: number; readonly after: RemoteId | undefined }
  /** The folder itself is asked for too, before the page: a command more of the 50. */
  readonly withFolder?: boolean
}

export interface ListPage {
  readonly items: readonly RemoteItem[]
  /** Items that could not be understood (bad id, no name…): the page is not complete evidence of absence. */
  readonly unreadable: number
  readonly total: number
  /** Offset of the next page, undefined when this is the last. */
  readonly next: number | undefined
  /** Where `withFolder` asked for it; a folder that is in the trash has its children still. */
  readonly folder?: RemoteFolder
}

/** The portal's word about one id. `unknown`: no word (an error that may pass): nothing may be concluded. */
export type ItemState =
  | { readonly state: 'live'; readonly item: RemoteItem }
  | { readonly state: 'trashed'; readonly item: RemoteItem }
  | { readonly state: 'not-found' }
  | { readonly state: 'forbidden' }
  | { readonly state: 'unknown'; readonly error: Error }

/** Success or failure of one command of a batch. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Error }

export interface Download {
  /** The bytes that will come: the range asked for, or the whole file when the portal does not serve ranges (8.2 rule 3). */
  readonly range: ByteRange
  /** Ends exactly after `range`, or throws (a short or long body is `bad-answer`). Leaving the loop closes the connection. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Bytes to send; `open` is called anew for each attempt and must give exactly `sizeBytes` bytes. */
export interface UploadSource {
  readonly sizeBytes: number
  open(): AsyncIterable<Uint8Array>
}

export interface RemoteVersion {
  readonly id: string
  readonly version: number
  readonly sizeBytes: number
  readonly createdMs: number
  readonly createdBy: string
  /** Pinned to this version (8.1). */
  readonly downloadUrl: string
}

export interface Drive {
  /** The cheap "who am I, is the webhook alive". */
  account(call: CallOptions): Promise<Account>
  /** The account's own drive; `no-drive-yet` when the portal has not made it (open Drive once on the web). */
  ownStorage(userId: string, call: CallOptions): Promise<RemoteStorage>
  /** Every storage that the account may read, other people's drives too where it is an administrator's (O-16). */
  storages(call: CallOptions): Promise<readonly RemoteStorage[]>

  getFile(id: RemoteId, call: CallOptions): Promise<RemoteFile>
  /**
   * As `getFile` for at most 50 in one request. `take` names them when the request's turn has come, so that who comes
   * while it waits goes along; it is called once at most. One outcome each, in order; a failure of the whole throws.
   */
  getFiles(take: () => readonly RemoteId[], call: CallOptions): Promise<readonly Outcome<RemoteFile>[]>
  getFolder(id: RemoteId, call: CallOptions): Promise<RemoteFolder>
  /** One answer for each id, in order, packed into as few requests as possible (50 a batch). Never throws for a single item. */
  itemStates(ids: readonly { readonly id: RemoteId; readonly kind: 'file' | 'folder' }[], call: CallOptions): Promise<readonly ItemState[]>
  /** At most 50 commands in one HTTP request. A whole-request failure throws; a command's failure is its outcome. */
  listPages(requests: readonly ListPageRequest[], call: CallOptions): Promise<readonly Outcome<ListPage>[]>

  /** Bytes of `range` (undefined: the whole file) of the file as just read by `getFile`. Asks by rule 1 of 8.2. */
  download(file: RemoteFile, range: ByteRange | undefined, call: CallOptions): Promise<Download>
  /** Versions newest first; `unknown-method` where the plan has no history. */
  versions(fileId: RemoteId, call: CallOptions): Promise<readonly RemoteVersion[]>
  downloadVersion(version: RemoteVersion, range: ByteRange | undefined, call: CallOptions): Promise<Download>

  /** Two-step multipart upload under exactly this name (E-36); the answer's name is what the portal stored. `exists` on a clash, `lost-answer` when it may have happened. */
  uploadNew(parentId: RemoteId, name: string, source: UploadSource, call: CallOptions): Promise<RemoteFile>
  /** A new version of the same id; never of 0 bytes (`invalid`). `lost-answer` when it may have happened. */
  uploadVersion(fileId: RemoteId, source: UploadSource, call: CallOptions): Promise<RemoteFile>
  /** `exists` on a clash, `bad-name`, `lost-answer`. */
  createFolder(parentId: RemoteId, name: string, call: CallOptions): Promise<RemoteFolder>
  rename(item: { readonly id: RemoteId; readonly kind: 'file' | 'folder' }, newName: string, call: CallOptions): Promise<RemoteItem>
  /** Within one storage; `cross-storage` when the portal answers `result:false` (E-42). `targetId` is a real folder id, never a link's. */
  move(item: { readonly id: RemoteId; readonly kind: 'file' | 'folder' }, targetId: RemoteId, call: CallOptions): Promise<RemoteItem>
  /** To the portal's trash; on a link it disconnects. Already trashed or gone is success. */
  trash(item: { readonly id: RemoteId; readonly kind: 'file' | 'folder' }, call: CallOptions): Promise<void>
  restore(item: { readonly id: RemoteId; readonly kind: 'file' | 'folder' }, call: CallOptions): Promise<RemoteItem>
  /** Live children of a folder with this name, compared by the portal's own collation and then handed over as they are. */
  childrenNamed(folderId: RemoteId, name: string, call: CallOptions): Promise<readonly RemoteItem[]>
}
