/**
 * The door between an engine and the virtual drive: one method per kernel request, on nodes and handles. An engine
 * decodes a request, calls one method and encodes what it answers or throws; it holds no policy. Every method may answer
 * at once or by a promise. What it throws is a DriveError; `errno.ts` says which errno the kernel gets.
 *
 * Lookup counts: a reply that carries an Entry (lookup, create, mkdir, readdirplus) adds one to the node's count in the
 * kernel; `forget` takes `count` away. `.` and `..` never count.
 */
import type { ContentId, Ino } from '../base/ids.js'

declare const nodeBrand: unique symbol
declare const handleBrand: unique symbol
/** What the kernel calls nodeid: one item in one generation of its content (fuse-engine.md fact 6). The root is 1. */
export type NodeId = number & { readonly [nodeBrand]: 'node' }
/** An open file or directory, as given to the kernel by `open`, `create` or `opendir`. */
export type Handle = number & { readonly [handleBrand]: 'handle' }
/** How the kernel does input and output on an open file: a number above 0 names a file of the cache that it was given. */
export type BackingId = number

export const ROOT_NODE = 1 as NodeId

export type FileKind = 'file' | 'directory' | 'symlink'

export interface Attributes {
  readonly ino: Ino
  readonly kind: FileKind
  /** Permission bits only (0o7777). */
  readonly mode: number
  readonly sizeBytes: number
  /** In units of 512 bytes: what is on this disk, so that `du` tells what the cache holds. */
  readonly blocks: number
  readonly linkCount: number
  readonly uid: number
  readonly gid: number
  readonly atimeMs: number
  readonly mtimeMs: number
  readonly ctimeMs: number
}

/** How long the kernel may believe an answer without asking. */
export interface Validity {
  readonly entryMs: number
  readonly attributesMs: number
}

export interface Entry extends Validity {
  /** 0 is a negative entry: the name is known not to exist, and the kernel may remember that for `entryMs`. */
  readonly node: NodeId | 0
  readonly attributes: Attributes
}

export interface DirectoryEntry {
  readonly name: string
  /** Passed back as `offset` to go on after this entry; > 0, the same for the life of the handle. */
  readonly nextOffset: number
  readonly kind: FileKind
  readonly ino: Ino
}

export interface DirectoryEntryPlus extends DirectoryEntry {
  readonly entry: Entry
}

export interface Opened {
  readonly handle: Handle
  /** The kernel keeps the pages it has of this node (they are never stale: new remote content is a new node). */
  readonly keepCache: boolean
  /** Reads and writes bypass the page cache. */
  readonly directIo: boolean
  /** Above 0: the kernel reads and writes that file of the cache by itself (kernel-files.ts); then no pages are kept. */
  readonly backingId?: BackingId
}

export interface SpaceFigures {
  readonly blockSizeBytes: number
  readonly blocks: number
  readonly blocksFree: number
  readonly blocksAvailable: number
  readonly files: number
  readonly filesFree: number
  readonly nameMaxBytes: number
}

/** Who asks, and how to learn that nobody waits any more. */
export interface Caller {
  readonly uid: number
  readonly gid: number
  readonly pid: number
  /**
   * Aborts when the asking process is being killed (FUSE_INTERRUPT for a fatal signal; others do not cut file operations
   * short) and when the mount goes; the request is still answered exactly once.
   */
  readonly signal: AbortSignal
}

/** What setattr changes; a missing field stays. `'now'` is the time of the request. */
export interface AttributeChange {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly sizeBytes?: number
  readonly atimeMs?: number | 'now'
  readonly mtimeMs?: number | 'now'
}

export interface OpenFlags {
  readonly read: boolean
  readonly write: boolean
  readonly append: boolean
  /** With FUSE_ATOMIC_O_TRUNC the kernel leaves truncation to open. */
  readonly truncate: boolean
  readonly exclusive: boolean
}

export interface RenameFlags {
  readonly noReplace: boolean
  readonly exchange: boolean
}

export interface SetXattrFlags {
  readonly create: boolean
  readonly replace: boolean
}

type Answer<T> = T | Promise<T>

export interface FileSystem {
  lookup(parent: NodeId, name: string, caller: Caller): Answer<Entry>
  /** The kernel forgot `count` lookups of the node. Never fails, is never answered. */
  forget(node: NodeId, count: number): void
  getattr(node: NodeId, handle: Handle | undefined, caller: Caller): Answer<{ attributes: Attributes; attributesMs: number }>
  setattr(node: NodeId, handle: Handle | undefined, change: AttributeChange, caller: Caller): Answer<{ attributes: Attributes; attributesMs: number }>
  readlink(node: NodeId, caller: Caller): Answer<string>
  mkdir(parent: NodeId, name: string, mode: number, caller: Caller): Answer<Entry>
  unlink(parent: NodeId, name: string, caller: Caller): Answer<void>
  rmdir(parent: NodeId, name: string, caller: Caller): Answer<void>
  rename(parent: NodeId, name: string, newParent: NodeId, newName: string, flags: RenameFlags, caller: Caller): Answer<void>
  create(parent: NodeId, name: string, mode: number, flags: OpenFlags, caller: Caller): Answer<{ entry: Entry; opened: Opened }>
  open(node: NodeId, flags: OpenFlags, caller: Caller): Answer<Opened>
  /** Up to `sizeBytes` bytes from `offset`; fewer only at the end of the file. */
  read(node: NodeId, handle: Handle, offset: number, sizeBytes: number, caller: Caller): Answer<Uint8Array>
  /** All of `data` is written, or it fails. `data` is valid only until the answer. `fromCache`: a page of a mapping, not a write(2). */
  write(node: NodeId, handle: Handle, offset: number, data: Uint8Array, fromCache: boolean, caller: Caller): Answer<number>
  /** Sent at each close(2): after the answer the content survives kill -9 (DESIGN.md 6a.3). */
  flush(node: NodeId, handle: Handle, caller: Caller): Answer<void>
  /** The last reference to the handle is gone; nobody waits for the answer. */
  release(node: NodeId, handle: Handle, caller: Caller): Answer<void>
  /** After the answer the content survives a power loss. */
  fsync(node: NodeId, handle: Handle, dataOnly: boolean, caller: Caller): Answer<void>
  fallocate(node: NodeId, handle: Handle, offset: number, lengthBytes: number, mode: number, caller: Caller): Answer<void>
  opendir(node: NodeId, caller: Caller): Answer<Opened>
  /** Entries after `offset` (0: from the start), about as many as fit `sizeBytes`; an empty list is the end. */
  readdir(node: NodeId, handle: Handle, offset: number, sizeBytes: number, caller: Caller): Answer<readonly DirectoryEntry[]>
  /**
   * As readdir with entries. Those that the engine could not fit into the reply are given back by `forget(node, 1)`,
   * so the lookup counts stay exact.
   */
  readdirplus(node: NodeId, handle: Handle, offset: number, sizeBytes: number, caller: Caller): Answer<readonly DirectoryEntryPlus[]>
  releasedir(node: NodeId, handle: Handle, caller: Caller): Answer<void>
  fsyncdir(node: NodeId, handle: Handle, dataOnly: boolean, caller: Caller): Answer<void>
  statfs(node: NodeId, caller: Caller): Answer<SpaceFigures>
  getxattr(node: NodeId, name: string, caller: Caller): Answer<Uint8Array>
  listxattr(node: NodeId, caller: Caller): Answer<readonly string[]>
  setxattr(node: NodeId, name: string, value: Uint8Array, flags: SetXattrFlags, caller: Caller): Answer<void>
  removexattr(node: NodeId, name: string, caller: Caller): Answer<void>
  /** Folders and contents that the engine's own answers used since the last call. */
  noteUse?(folders: readonly Ino[], contents: readonly ContentId[]): void
}

/**
 * What the drive tells the kernel of its own accord. Calls return at once; the engine queues a notice until no request
 * that could deadlock with it is unanswered (fuse-engine.md fact 1).
 */
export interface KernelNotices {
  /** The name may mean something else now, or nothing. */
  invalidateEntry(parent: NodeId, name: string): void
  /** The attributes are stale; from `offset` on (0 and length 0: all) so are the pages. A negative offset: attributes only. */
  invalidateNode(node: NodeId, offset: number, lengthBytes: number): void
  /** As invalidateEntry, and whoever watches the directory sees the child go. */
  entryDeleted(parent: NodeId, child: NodeId, name: string): void
}

/** For an engine that cannot notify, and for tests without a kernel. */
export const noNotices: KernelNotices = {
  invalidateEntry: () => undefined,
  invalidateNode: () => undefined,
  entryDeleted: () => undefined,
}
