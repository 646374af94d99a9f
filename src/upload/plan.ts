/**
 * What to send next for one entry of the journal: a pure function from the row, its content and what stands around it to
 * one step. Order: a request of unknown outcome is cleared up first; parents before children; place before content; the
 * topmost deleted folder for everything in it; a name that is about to become free is waited for. The runner asks again
 * after each step, so a plan never looks further than one request.
 */
import type { ErrorCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import { portalNameFault } from '../base/names.js'
import type { Attempt, Entry } from '../journal/journal.js'
import { isLink, isMoved, type Item } from '../mirror/item.js'
import { planPlace } from './plan-place.js'

/** A row that has a name on the portal by our knowledge, or whose request for that name is under way. */
export interface Holder {
  readonly ino: Ino
  /** It gives the name up: deleted, renamed or moved here, and queued. */
  readonly isLeaving: boolean
}

export interface ContentFacts {
  readonly sizeBytes: number
  readonly isComplete: boolean
  readonly isDirty: boolean
  readonly isSuspect: boolean
}

export interface Writers {
  /** A write handle is open. */
  readonly open: boolean
  readonly lastFlushMs: number | null
}

/** Everything a plan may depend on. */
export interface View {
  readonly entry: Entry
  readonly item: Item | undefined
  /** Null: a folder, or a placeholder. */
  readonly content: ContentFacts | null
  readonly parent: Item | undefined
  readonly writers: Writers
  /** Others that have the item's name in the item's folder on the portal. */
  readonly holdersThere: readonly Holder[]
  /** Others that have the item's new name in the folder where the portal has the item. */
  readonly holdersOfNewNameHere: readonly Holder[]
  /** Others that have the item's old name in the folder it goes to. */
  readonly holdersOfOldNameThere: readonly Holder[]
  /** The topmost deleted folder, still on the portal, that has this item below it there. */
  readonly deletedAbove: Ino | null
  /** An item that is on the portal below this deleted folder and has to be moved or sent before the folder goes. */
  readonly blockerBelow: Ino | null
  /** The folder it goes to is on the portal still below the item itself; this one has to leave first. */
  readonly mustLeaveFirst: Ino | null
  /** The mass-deletion brake holds deletions (6a.12). */
  readonly isHeld: boolean
  readonly nowMs: number
  readonly uploadDelayMs: number
  /** Flushes before this moment are sent without delay: somebody asked for everything now. */
  readonly hurriedAtMs: number
  readonly maxVersionSizeBytes: number
}

export type WaitReason =
  | 'upload-delay'
  | 'back-off'
  | 'being-written'
  | 'parent-first'
  | 'name-leaves'
  | 'deleted-with-folder'
  | 'moves-out-first'
  | 'brake'
  /** The folder it stands in is never sent: nothing happens until that is renamed. */
  | 'parent-stays-here'

export type Step =
  /** Nothing is left to send: the entry goes. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'wait'; readonly reason: WaitReason; readonly untilMs?: number; readonly on?: Ino }
  /** The portal would refuse: kept and shown, without a request. */
  | { readonly kind: 'refuse'; readonly code: ErrorCode; readonly text: string }
  | { readonly kind: 'resolve'; readonly attempt: Attempt }
  | { readonly kind: 'create-folder' }
  | { readonly kind: 'upload-new' }
  | { readonly kind: 'upload-version' }
  /** Content that cannot be a version: trash, then upload under the same name (6a.7). */
  | { readonly kind: 'replace'; readonly why: 'empty' | 'too-large' }
  /** Bytes that may have been torn by a power loss become a file of their own (6a.3). */
  | { readonly kind: 'set-aside' }
  | { readonly kind: 'rename'; readonly to: 'final-name' | 'temporary-name' }
  | { readonly kind: 'move' }
  | { readonly kind: 'trash' }
  /** The folder it stood in is gone: the item goes to the recovery folder (C15, C17). */
  | { readonly kind: 'recover' }

export interface PlanOptions {
  /** The item and others wait for each other in a ring: make way, by a temporary name if nothing else helps. */
  readonly breakRing?: boolean
}

export function planStep(view: View, options: PlanOptions = {}): Step {
  const { entry, item, nowMs } = view
  if (item === undefined) return { kind: 'nothing' }
  if (entry.nextTryMs > nowMs) return { kind: 'wait', reason: 'back-off', untilMs: entry.nextTryMs }
  if (entry.attempt !== null) return { kind: 'resolve', attempt: entry.attempt }
  if (item.localOnly || item.excluded || (item.parent === null && !item.deleted)) return { kind: 'nothing' }
  if (item.deleted && item.base === null) return { kind: 'nothing' }
  if (entry.notBeforeMs > nowMs) return { kind: 'wait', reason: 'upload-delay', untilMs: entry.notBeforeMs }
  if (item.deleted) return planTrash(view)
  if (item.base === null) return planNew(view, item)
  return planPlace(view, item, item.base, options) ?? planContent(view, item)
}

function planTrash({ deletedAbove, blockerBelow, isHeld }: View): Step {
  if (deletedAbove !== null) return { kind: 'wait', reason: 'deleted-with-folder', on: deletedAbove }
  if (blockerBelow !== null) return { kind: 'wait', reason: 'moves-out-first', on: blockerBelow }
  return isHeld ? { kind: 'wait', reason: 'brake' } : { kind: 'trash' }
}

function planNew(view: View, item: Item): Step {
  const { parent, holdersThere, content } = view
  // A deleted link still leads to its folder, and waits for what is below it.
  if (parent === undefined || (parent.deleted && !isLink(parent))) return { kind: 'recover' }
  if (parent.localOnly) return { kind: 'wait', reason: 'parent-stays-here', on: parent.ino }
  if (parent.base === null) return { kind: 'wait', reason: 'parent-first', on: parent.ino }
  const leaving = holdersThere.find(({ isLeaving }) => isLeaving)
  if (leaving !== undefined) return { kind: 'wait', reason: 'name-leaves', on: leaving.ino }
  const fault = portalNameFault(item.name)
  if (fault !== undefined) return { kind: 'refuse', code: 'bad-name', text: `the portal does not take this name: ${fault}` }
  if (item.kind === 'folder') return { kind: 'create-folder' }
  if (content?.isComplete !== true) return { kind: 'refuse', code: 'vanished', text: 'the bytes of this file are not here' }
  return waitForWriters(view) ?? { kind: 'upload-new' }
}

function planContent(view: View, item: Item): Step {
  const { content, maxVersionSizeBytes } = view
  if (item.kind === 'folder' || item.base === null || content?.isDirty !== true) return { kind: 'nothing' }
  const wait = waitForWriters(view)
  if (wait !== undefined) return wait
  if (!content.isComplete) return { kind: 'refuse', code: 'vanished', text: 'a part of the bytes of this file is not here' }
  if (content.isSuspect) return { kind: 'set-aside' }
  if (content.sizeBytes === 0) return item.base.sizeBytes === 0 ? { kind: 'upload-version' } : { kind: 'replace', why: 'empty' }
  return content.sizeBytes > maxVersionSizeBytes ? { kind: 'replace', why: 'too-large' } : { kind: 'upload-version' }
}

/** DESIGN.md 6a.5: no write handle open, or a while after the last FLUSH when one stays open. */
function waitForWriters({ writers, nowMs, uploadDelayMs, hurriedAtMs }: View): Step | undefined {
  if (!writers.open) return undefined
  // Nothing was flushed yet: the next close or fsync tells; looking again covers a handle that ends without either.
  if (writers.lastFlushMs === null) return { kind: 'wait', reason: 'being-written', untilMs: nowMs + Math.max(uploadDelayMs, UNFLUSHED_LOOK_MS) }
  const untilMs = writers.lastFlushMs + uploadDelayMs
  if (untilMs <= nowMs || writers.lastFlushMs <= hurriedAtMs) return undefined
  return { kind: 'wait', reason: 'being-written', untilMs }
}

const UNFLUSHED_LOOK_MS = 1_000

/** Whether anything of the row itself is left to send, its content aside. */
export function placeIsSettled(item: Item): boolean {
  return !item.deleted && item.base !== null && !isMoved(item)
}
