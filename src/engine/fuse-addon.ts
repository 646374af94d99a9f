/**
 * The engine's part of the native addon, typed (native/session-object.h, native/system-calls.h). Numbers that a call
 * answers are results ≥ 0 or negative errnos; `reply…` answers 0 or a positive errno.
 */
import { endianness } from 'node:os'
import { DriveError } from '../base/errors.js'
import { loadNativeAddon } from '../base/native-addon.js'

/** Names an unanswered request; never the same for two. */
export type RequestId = number

export interface FuseSession {
  /** Copies whole records into the batch given at construction; answers how many bytes, 0 when nothing waits. */
  takeBatch(): number
  /** Memory of a slot; the same for the life of the session. */
  slotBuffer(slot: number): ArrayBuffer | undefined
  releaseSlot(slot: number): void
  /** ENOENT: the request is answered already, or nobody waits for it any more. */
  replyError(id: RequestId, errno: number): number
  replyData(id: RequestId, data: Uint8Array, lengthBytes: number): number
  notifyInode(node: number, offset: number, lengthBytes: number): void
  notifyEntry(parent: number, name: string, expireOnly: boolean): void
  notifyDelete(parent: number, child: number, name: string): void
  /**
   * From then on requests are answered from what is kept (native/answer-table.h), valid for `validS` seconds, and from
   * files below `cacheDirectory` (native/file-answers.h). FORGET reaches TypeScript only with `tellsForget`.
   */
  startAnswering(uid: number, gid: number, validS: number, cacheDirectory: string, tellsForget: boolean): void
  /** Nothing is answered natively any more, what was kept is forgotten, and files are closed. */
  stopAnswering(): void
  hasDirectory(ino: number): boolean
  /** Answers the inos of files with content. */
  keepDirectory(ino: number, node: number, negative: boolean, rows: Uint8Array): Float64Array
  dropDirectory(ino: number): void
  keepItem(
    ino: number, node: number, content: number, permissions: number, links: number,
    sizeBytes: number, blocks: number, mtimeMs: number, ctimeMs: number, complete: boolean,
  ): void
  applyChanges(inos: Float64Array, edits: readonly { parent: number; name: string; ino: number; isDirectory: boolean }[]): void
  dropContent(content: number): void
  /** After INIT agreed on passthrough. Answers 0 or what the kernel has against it: EPERM without CAP_SYS_ADMIN. */
  startPassthrough(): number
  /** Answers a backing id, 0 (cached) or -1 (impossible); `content` 0: the kernel may not have the file. */
  claimFile(handle: number, node: number, content: number): number
  unclaimFile(handle: number): void
  /** 0 closed, 1 cached, 2 by passthrough. */
  openStateOf(node: number): number
  /** Answers 0 or an errno. */
  attachFile(handle: number, content: number, writes: boolean): number
  detachFile(handle: number): void
  detachContent(content: number): void
  lendFile(content: number, endBytes: number): boolean
  /** Waits for writes under way; answers how many there were since the file was lent. */
  recallFile(content: number): number
  lentFigures(content: number): readonly [sizeBytes: number, mtimeMs: number] | undefined
  isOpenNatively(content: number): boolean
  /** What was used since the last call; after one that answers nothing the next use makes a record. */
  takeUsage(): { readonly folders: Float64Array; readonly contents: Float64Array }
  /** Answers every open request, and those that still come, with `errno`; the end record follows. */
  stop(errno: number): void
  /** Closes the device. Only after the end record. */
  close(): void
}

export interface FuseAddon {
  readonly FuseSession: new (device: number, readers: number, batch: Uint8Array, onWake: () => void) => FuseSession
  openFuseDevice(): number
  mount(source: string, folder: string, type: string, flags: number, options: string): Promise<number>
  unmount(folder: string, flags: number): Promise<number>
  socketPair(): readonly [ours: number, theirs: number] | number
  receiveDescriptor(socket: number): Promise<number>
}

/** Fails with `unsupported` where the addon cannot be loaded. */
export function loadFuseAddon(): FuseAddon {
  // The wire is read with fixed little-endian accessors, which is what every machine of interest has.
  if (endianness() !== 'LE') throw new DriveError('unsupported', 'The native engine runs on little-endian machines only.')
  return loadNativeAddon() as FuseAddon
}
