/**
 * What a content is, from its row and the facts of its file: pure. A clean file that is not what its row says is fetched
 * again; a dirty one is the only copy, so it is taken as it is, or called damaged, never filled with zeros.
 */
import { ByteRanges } from '../base/byte-ranges.js'
import { DriveError } from '../base/errors.js'
import type { FileFacts } from './cache-file.js'
import type { ContentRow, RemoteOrigin } from './content-rows.js'

export interface LoadedState {
  readonly origin: RemoteOrigin | null
  readonly sizeBytes: number
  readonly ranges: ByteRanges
  readonly allocatedBytes: number
  readonly isDirty: boolean
  readonly isSuspect: boolean
  readonly isPinned: boolean
  readonly generation: number
  readonly synced: boolean
  readonly stamp: string | null
  /** Somebody may write to the file directly. */
  readonly isOpened: boolean
  /** The row already says that a write may go on. */
  readonly isMarked: boolean
  /** False when the row has to be written anew. */
  readonly isAsRow: boolean
  /** There is a file that counts. */
  readonly fileExists: boolean
  readonly damage: DriveError | undefined
}

/** A content that was just made here. */
export function newLocal(isOpened: boolean): LoadedState {
  return {
    origin: null, sizeBytes: 0, ranges: ByteRanges.empty, allocatedBytes: 0, isDirty: true, isSuspect: false, isPinned: false, generation: 1,
    synced: false, stamp: null, isOpened, isMarked: true, isAsRow: true, fileExists: false, damage: undefined,
  }
}

export function reconcileFile(row: ContentRow, facts: FileFacts | undefined, bootId: string): LoadedState {
  // Writing needs a complete content, and its mark says so: under a dirty mark without it nothing was written.
  const mayBeWritten = row.isDirty || (row.openedBoot === bootId && (facts?.sizeBytes ?? -1) >= row.sizeBytes)
  return mayBeWritten && row.isComplete ? reconcileDirty(row, facts, bootId) : reconcileClean(row, facts, bootId)
}

/** After a reboot, what the row calls synced is so only if the file has not changed since (a lost commit, a lost write). */
export function isStampBroken(row: ContentRow, facts: FileFacts | undefined, bootId: string): boolean {
  return row.bootId !== bootId && row.stamp !== null && row.stamp !== facts?.stamp
}

function reconcileClean(row: ContentRow, facts: FileFacts | undefined, bootId: string): LoadedState {
  const lastEnd = row.ranges.ranges.at(-1)?.end ?? 0
  const sound = facts !== undefined && facts.sizeBytes >= lastEnd && facts.sizeBytes <= row.sizeBytes && !isStampBroken(row, facts, bootId)
  if (row.ranges.isEmpty || sound) {
    // The empty file of an empty content is that content's: the engine may have opened it, and reads there what is written later.
    const fileExists = row.ranges.isEmpty ? row.sizeBytes === 0 && facts?.sizeBytes === 0 : facts !== undefined
    return { ...common(row), sizeBytes: row.sizeBytes, ranges: row.ranges, isMarked: false, isAsRow: true, fileExists }
  }
  return {
    ...common(row), sizeBytes: row.sizeBytes, ranges: ByteRanges.empty, allocatedBytes: 0, synced: false, stamp: null,
    isMarked: false, isAsRow: false, fileExists: false,
  }
}

function reconcileDirty(row: ContentRow, facts: FileFacts | undefined, bootId: string): LoadedState {
  const length = facts?.sizeBytes ?? 0
  // After a power loss that is what is left of bytes that nobody synced, and they go beside the good version, if at all.
  if (length < row.sizeBytes && !row.isSuspect) {
    const damage = new DriveError('internal', 'the cache file that held your unsent edits was cut or deleted by something else', { fields: { content: row.id } })
    return { ...common(row), sizeBytes: row.sizeBytes, ranges: ByteRanges.whole(row.sizeBytes), isMarked: false, isAsRow: true, fileExists: facts !== undefined, damage }
  }
  // Longer than the row: written until a kill. The file is the truth.
  return {
    ...common(row), sizeBytes: length, ranges: ByteRanges.whole(length), allocatedBytes: facts?.allocatedBytes ?? 0,
    isMarked: row.isDirty && !row.synced && row.bootId === bootId, isAsRow: length === row.sizeBytes, fileExists: facts !== undefined,
  }
}

function common(row: ContentRow): Pick<LoadedState, 'origin' | 'allocatedBytes' | 'isDirty' | 'isSuspect' | 'isPinned' | 'generation' | 'synced' | 'stamp' | 'isOpened' | 'damage'> {
  const { origin, allocatedBytes, isDirty, isSuspect, isPinned, generation, synced, stamp, openedBoot } = row
  return { origin, allocatedBytes, isDirty, isSuspect, isPinned, generation, synced, stamp, isOpened: openedBoot !== null, damage: undefined }
}
