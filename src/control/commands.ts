/**
 * What may be asked of the running daemon, and the JSON of every answer. The daemon implements `DaemonCommands`, the
 * command line asks through `ControlClient`; literal samples stand in src/cli/README.md and are a contract.
 * Paths are absolute local paths, resolved lexically by the asker. Times are ISO 8601, sizes are bytes.
 */
import type { ErrorCode } from '../base/errors.js'

export type ConnectionState = 'online' | 'offline' | 'paused' | 'disconnected'

export interface ErrorAnswer {
  readonly code: ErrorCode
  readonly message: string
}

export interface TransferStatus {
  readonly direction: 'download' | 'upload'
  readonly path: string
  readonly doneBytes: number
  readonly totalBytes: number
}

/** What happened to an edit on its way, and is over. */
export interface NoticeStatus {
  readonly at: string
  /** Where the item stands now; null: nowhere. */
  readonly path: string | null
  readonly message: string
}

export interface CacheStatus {
  readonly usedBytes: number
  readonly limitBytes: number
  readonly pinnedBytes: number
  readonly dirtyBytes: number
}

/** One bad item or one standing failure; the loops go on around it. */
export interface ProblemStatus extends ErrorAnswer {
  /** Null when it is not about one item (the portal refuses the account, the disk is full). */
  readonly path: string | null
  readonly since: string
  readonly nextTry: string | null
}

/** The leaky bucket of the portal, as far as it is known here. */
export interface BudgetStatus {
  /** Requests in the bucket now; it empties at `perSecond` and is full at `capacity`. */
  readonly used: number
  readonly capacity: number
  readonly perSecond: number
  /** How often the portal has said 503. */
  readonly limited: number
  /** False where the portal counts no requests (self-hosted). */
  readonly counted: boolean
}

export interface EngineStatus {
  readonly name: string
  /** Why this engine and not another. */
  readonly why: string
  /** What this engine cannot do (src/engine/README.md). */
  readonly lacks: readonly string[]
  /** Nobody asked for it: the engine that was wished for cannot run. */
  readonly isFallback: boolean
  /** Whether the kernel reads and writes cached files by itself, and why. */
  readonly passthrough: { readonly on: boolean; readonly why: string }
}

export interface DriveStatus {
  readonly profile: string
  /** Host of the portal, with a port where it is not the usual one. */
  readonly portal: string
  readonly user: { readonly id: string; readonly name: string }
  readonly connection: ConnectionState
  readonly folder: string
  readonly mounted: boolean
  readonly readOnly: boolean
  /** Null while not mounted. */
  readonly engine: EngineStatus | null
  /** Null when no daemon runs. */
  readonly pid: number | null
  readonly pendingUploads: number
  readonly pendingBytes: number
  /** Files that are fetched though nobody reads them, because they are pinned or were renamed; those that failed too. Null while no daemon runs. */
  readonly pendingDownloads: number | null
  /** Items whose deletion the brake holds until `brake allow` or `brake undo`. */
  readonly heldDeletions: number
  readonly transfers: readonly TransferStatus[]
  readonly cache: CacheStatus
  readonly lastSync: string | null
  /** Conflict copies that nobody has decided about. */
  readonly conflicts: number
  readonly errors: readonly ProblemStatus[]
  /** The last twenty since the daemon began, oldest first. */
  readonly notices: readonly NoticeStatus[]
  /** Null when no daemon runs. */
  readonly budget: BudgetStatus | null
}

export type FileState = 'placeholder' | 'partial' | 'cached' | 'dirty' | 'uploading' | 'conflict' | 'local-only'
export type FolderState = 'listed' | 'unlisted'

export interface ItemStatus {
  readonly path: string
  readonly kind: 'file' | 'folder'
  /** `excluded`: does not synchronize. */
  readonly state: FileState | FolderState | 'excluded'
  readonly pinned: boolean
  /** Id on the portal; null while it is only here. */
  readonly id: string | null
  readonly version: number | null
  readonly sizeBytes: number
  /** Of these, how many are on this disk. */
  readonly cachedBytes: number
  readonly url: string | null
}

export interface FailedPath {
  readonly path: string
  readonly error: ErrorAnswer
}

export type PathStatus = ItemStatus | FailedPath

export interface SyncAnswer {
  /**
   * `started`: not waited for. `done`: the whole drive was looked through and nothing is queued in either direction.
   * `time-up`: the wait was over first. `held`: the brake holds deletions until they are allowed.
   */
  readonly outcome: 'started' | 'done' | 'time-up' | 'held'
  readonly pendingUploads: number
  readonly pendingBytes: number
  /** As in DriveStatus. */
  readonly pendingDownloads: number
  readonly heldDeletions: number
  /** Of a full synchronization: what it did, or was to do. Null: time was up before it was decided, and nothing was changed. */
  readonly plan?: FullSyncPlan | null
}

/** What a full synchronization does, by the F-rows of the decision table; paths for at most 1,000 of each. */
export interface FullSyncPlan {
  /** Only here: sent as new (F2). */
  readonly up: { readonly files: number; readonly folders: number; readonly bytes: number; readonly paths: readonly string[] }
  /** Of these, what stands in a connected folder of others, who see it again. */
  readonly reappears: readonly string[]
  /** Only there: listed (F1). */
  readonly down: number
  /** The same on both sides, known without a transfer (F5, F7). */
  readonly merged: { readonly files: number; readonly folders: number; readonly bytes: number }
  /** Of equal size on both sides: the bytes are compared when they are sent (F5, F6). */
  readonly compare: readonly string[]
  /** Different on both sides: both are kept (F6, F8). */
  readonly conflicts: readonly string[]
  /** Placeholders, files of which a part is here, and folders without anything, that the portal has no more: not shown any more (F3). */
  readonly dropped: number
  /** Folders that kept changing, or of which something could not be understood: nothing that they lack is sent or dropped. */
  readonly uncompared: readonly string[]
}

export interface PathDone {
  readonly path: string
  /** What changed on this disk: bytes still to come for a pin, bytes given back for a free. */
  readonly bytes: number
}

export type PathResult = PathDone | FailedPath

export interface ConflictStatus {
  readonly copy: string
  /** Null where it cannot be seen from here. */
  readonly original: string | null
  /** Whose bytes the copy has; the original has the other's. */
  readonly copyHolds: 'mine' | 'theirs'
  readonly why: 'edited-on-both-sides' | 'name-taken' | 'torn-by-power-loss' | 'version-slipped-in'
  readonly since: string
}

export type ConflictChoice = 'mine' | 'theirs' | 'both'

export interface ConflictDone {
  readonly path: string
  readonly kept: ConflictChoice
}

export type ConflictResult = ConflictDone | FailedPath

export interface UnsentItem {
  readonly path: string
  readonly bytes: number
}

export interface HoldingProcess {
  readonly pid: number
  readonly command: string
}

export interface UnmountAnswer {
  /** False: the folder is in use by `busy` and stays mounted. True: the mount is gone, the daemon ends after this answer. */
  readonly unmounted: boolean
  readonly busy: readonly HoldingProcess[]
  /** Kept in the queue for the next mount; at most 1,000 are named. */
  readonly unsent: readonly UnsentItem[]
  readonly pendingUploads: number
  readonly pendingBytes: number
}

export interface FolderStatus {
  readonly path: string
  /** `link`: a folder of another drive that is connected. */
  readonly kind: 'folder' | 'link'
  /** Null while it is only here. */
  readonly id: string | null
  readonly synchronizes: boolean
  /** Why not: never (`excluded`: "Uploaded files"), because of a choice, or because the same folder is shown under another name. */
  readonly why: 'excluded' | 'deselected' | 'shown-elsewhere' | null
  /** Files that are listed here, and their size on the portal; null for what does not synchronize. */
  readonly knownFiles: number | null
  readonly knownBytes: number | null
}

export interface FolderChosen {
  readonly path: string
  readonly synchronizes: boolean
  /** Given back on this disk. */
  readonly bytes: number
}

/** `unsent`: what stands in the way, at most 1,000 items; absent where nothing does. */
export type FolderResult = FolderChosen | (FailedPath & { readonly unsent?: readonly UnsentItem[] })

/** Of one storage and one direction. */
export interface BrakeHold {
  /** Where the items were deleted; on the other side they still are. */
  readonly deletedOn: 'here' | 'portal'
  readonly storage: string
  readonly items: number
  /** How many items of the storage are known here, the deleted ones too. */
  readonly storageItems: number
  readonly since: string
  /** The topmost ones; at most 1,000 are named. */
  readonly paths: readonly string[]
}

export interface BrakeShown {
  readonly heldDeletions: number
  readonly holds: readonly BrakeHold[]
}

export interface BrakeAllowed {
  readonly allowed: number
  /** What is held now. */
  readonly heldDeletions: number
}

export interface BrakeUndone {
  readonly restored: number
  readonly failed: readonly FailedPath[]
  /** What is held now: what failed. */
  readonly heldDeletions: number
}

/** Where a folder of another storage is shown, and who connected it: `here` by this program, `portal` on the web. Null: it is not shown. */
export interface StorageShown {
  readonly path: string | null
  readonly by: 'here' | 'portal' | null
}

export interface StorageStatus extends StorageShown {
  /** One that no other storage has: with the id behind it where two are called the same. */
  readonly name: string
  readonly id: string
  /** `common`, `group`, `user`, or what else the portal says. */
  readonly kind: string
  readonly connected: boolean
}

/** A folder of a storage that was connected here. */
export interface ConnectedStorage extends StorageShown {
  readonly name: string
  /** The id of its storage. */
  readonly storage: string
}

export interface StoragesAnswer {
  readonly storages: readonly StorageStatus[]
  readonly folders: readonly ConnectedStorage[]
  /** How many other people's drives may be read and are not among `storages`. */
  readonly people: number
}

export interface StorageConnected extends StorageShown {
  readonly name: string
  /** It was connected here before. */
  readonly already: boolean
}

export interface DisconnectedStorage {
  readonly name: string
  readonly path: string | null
  /** False: `unsent` is in it, and nothing was done. */
  readonly disconnected: boolean
  readonly unsent: readonly UnsentItem[]
}

interface CommandTable {
  readonly status: { readonly request: Readonly<Record<string, never>>; readonly answer: DriveStatus }
  readonly pathStatus: { readonly request: PathsRequest; readonly answer: { readonly paths: readonly PathStatus[] } }
  /** `paused` when paused; `full` drops history (R11), and with `resume` ends a pause by it. */
  readonly sync: { readonly request: { readonly waitSeconds?: number; readonly full: boolean; readonly resume?: boolean }; readonly answer: SyncAnswer }
  /** What `sync` with `full` would do; also while paused. Changes nothing. */
  readonly fullSyncPlan: { readonly request: Readonly<Record<string, never>>; readonly answer: { readonly plan: FullSyncPlan } }
  readonly pause: { readonly request: Readonly<Record<string, never>>; readonly answer: { readonly connection: ConnectionState } }
  readonly resume: { readonly request: Readonly<Record<string, never>>; readonly answer: { readonly connection: ConnectionState } }
  readonly pin: { readonly request: PathsRequest; readonly answer: { readonly results: readonly PathResult[] } }
  readonly unpin: { readonly request: PathsRequest; readonly answer: { readonly results: readonly PathResult[] } }
  readonly free: { readonly request: PathsRequest; readonly answer: { readonly results: readonly PathResult[] } }
  readonly conflicts: { readonly request: Readonly<Record<string, never>>; readonly answer: { readonly conflicts: readonly ConflictStatus[] } }
  readonly resolveConflicts: { readonly request: PathsRequest & { readonly keep: ConflictChoice }; readonly answer: { readonly results: readonly ConflictResult[] } }
  readonly folders: { readonly request: Readonly<Record<string, never>>; readonly answer: { readonly folders: readonly FolderStatus[] } }
  readonly selectFolders: { readonly request: PathsRequest; readonly answer: { readonly results: readonly FolderResult[] } }
  readonly deselectFolders: { readonly request: PathsRequest; readonly answer: { readonly results: readonly FolderResult[] } }
  readonly brakeShow: { readonly request: Readonly<Record<string, never>>; readonly answer: BrakeShown }
  readonly brakeAllow: { readonly request: Readonly<Record<string, never>>; readonly answer: BrakeAllowed }
  readonly brakeUndo: { readonly request: Readonly<Record<string, never>>; readonly answer: BrakeUndone }
  /** `all`: other people's drives too. */
  readonly storages: { readonly request: { readonly all: boolean }; readonly answer: StoragesAnswer }
  readonly connectStorage: { readonly request: { readonly name: string }; readonly answer: StorageConnected }
  readonly disconnectStorage: { readonly request: { readonly name: string }; readonly answer: DisconnectedStorage }
  readonly unmount: { readonly request: { readonly waitSeconds: number; readonly force: boolean }; readonly answer: UnmountAnswer }
  /** The settings file was written anew: read it again. */
  readonly settingsChanged: { readonly request: Readonly<Record<string, never>>; readonly answer: Readonly<Record<string, never>> }
  /** Unmounts without waiting and ends; for supervisors. `busy` when the folder is in use. */
  readonly quit: { readonly request: Readonly<Record<string, never>>; readonly answer: Readonly<Record<string, never>> }
}

export interface PathsRequest {
  readonly paths: readonly string[]
}

export type CommandName = keyof CommandTable
export type CommandRequest<Name extends CommandName> = CommandTable[Name]['request']
export type CommandAnswer<Name extends CommandName> = CommandTable[Name]['answer']

/**
 * What the daemon does when asked. The signal aborts when the asker goes away or the door closes. A handler that makes
 * the daemon end answers first and ends it afterwards: the door's `stop` waits for its handlers.
 */
export type DaemonCommands = {
  readonly [Name in CommandName]: (request: CommandRequest<Name>, signal: AbortSignal) => Promise<CommandAnswer<Name>>
}

export function isFailedPath(result: PathStatus | PathResult | ConflictResult | FolderResult): result is FailedPath {
  return 'error' in result
}
