/**
 * What to send next for one entry of the journal: a pure function from the row, its content and what stands around it to
 * one step. Order: a request of unknown outcome is cleared up first; parents before children; place before content; the
 * topmost deleted folder for everything in it; a name that is about to become free is waited for. The runner asks again
 * after each step, so a plan never looks further than one request.
 */
import { portalNameFault } from '../base/names.js'
import { isLink, isMoved, type Item } from '../mirror/item.js'
import { planPlace, waitForFolder } from './plan-place.js'
import type { View, Step, PlanOptions } from './plan-view.js'

export function planStep(view: View, options: PlanOptions = {}): Step {
  const { entry, item, nowMs } = view
  if (item === undefined) return { kind: 'nothing' }
  if (entry.nextTryMs > nowMs) return { kind: 'wait', reason: 'back-off', untilMs: entry.nextTryMs }
  if (entry.attempt !== null) return { kind: 'resolve', attempt: entry.attempt }
  if (item.localOnly || item.excluded || (item.parent === null && !item.deleted)) return { kind: 'nothing' }
  if (item.deleted && item.base === null) return { kind: 'nothing' }
  // Two requests about one item could arrive in either order, and the older edit end above the newer one.
  if (view.sentByAnother !== null) return { kind: 'wait', reason: 'sent-by-another', on: view.sentByAnother }
  if (entry.notBeforeMs > nowMs) return { kind: 'wait', reason: 'upload-delay', untilMs: entry.notBeforeMs }
  if (item.deleted) return planTrash(view, item)
  if (view.inTrash) return planInTrash(view, item)
  if (item.base === null) return planNew(view, item)
  if (item.base.trashed) return planRestore(view)
  return planPlace(view, item, item.base, options) ?? planContent(view, item)
}

// A program that removes a folder tree may take this long from the first file to the link itself, which then keeps them all.
export const LINK_QUIET_MS = 30_000

function planTrash({ deletedAbove, comesBackIn, blockerBelow, isHeld, isBelowLink, nowMs, hurriedAtMs }: View, { placeChangedMs }: Item): Step {
  if (deletedAbove !== null) return { kind: 'wait', reason: 'deleted-with-folder', on: deletedAbove }
  if (comesBackIn !== null) return { kind: 'wait', reason: 'parent-first', on: comesBackIn }
  if (blockerBelow !== null) return { kind: 'wait', reason: 'moves-out-first', on: blockerBelow }
  if (isHeld) return { kind: 'wait', reason: 'brake' }
  const untilMs = (placeChangedMs ?? 0) + LINK_QUIET_MS
  if (isBelowLink && placeChangedMs !== null && placeChangedMs > hurriedAtMs && untilMs > nowMs) return { kind: 'wait', reason: 'upload-delay', untilMs }
  return { kind: 'trash' }
}

/** What the portal has goes to its trash, bytes that were not sent stay here; what stands in a folder goes with it. */
function planInTrash({ blockerBelow, isHeld }: View, item: Item): Step {
  if (goesAlong(item)) return { kind: 'nothing' }
  if (blockerBelow !== null) return { kind: 'wait', reason: 'moves-out-first', on: blockerBelow }
  return isHeld ? { kind: 'wait', reason: 'brake' } : { kind: 'trash' }
}

/** Its folder first: the portal brings back folders on the way for which another may have been made here meanwhile. */
function planRestore({ parent }: View): Step {
  if (parent === undefined || (parent.deleted && !isLink(parent))) return { kind: 'recover' }
  return waitForFolder(parent) ?? { kind: 'restore' }
}

function planNew(view: View, item: Item): Step {
  const { parent, holdersThere, content } = view
  // A deleted link still leads to its folder, and waits for what is below it.
  if (parent === undefined || (parent.deleted && !isLink(parent))) return { kind: 'recover' }
  const folder = waitForFolder(parent)
  if (folder !== undefined) return folder
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

/** In the trash here there is nothing to send of it: it stays here, is there on the portal, or goes with the folder in which both have it. */
export function goesAlong({ base, parent }: Item): boolean {
  return base === null || (base.trashed && !base.mayBeLive) || base.parent === parent
}

/** Whether anything of the row itself is left to send, its content aside. */
export function placeIsSettled(item: Item): boolean {
  return !item.deleted && item.base !== null && !item.base.trashed && !isMoved(item)
}
