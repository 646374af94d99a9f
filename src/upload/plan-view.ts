/** What a plan depends on, and what it may answer (plan.ts). Types only. */
import type { ErrorCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Attempt, Entry } from '../journal/journal.js'
import type { Item } from '../mirror/item.js'

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
  /** It stands in the trash of a file manager. */
  readonly inTrash: boolean
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
  /** A folder that is to be restored and brings this deleted item back with it. */
  readonly comesBackIn: Ino | null
  /** A deleted item that the portal has below a link, so in a folder of others. */
  readonly isBelowLink: boolean
  /** An item that is on the portal below this deleted folder and has to be moved or sent before the folder goes. */
  readonly blockerBelow: Ino | null
  /** The folder it goes to is on the portal still below the item itself; this one has to leave first. */
  readonly mustLeaveFirst: Ino | null
  /** A row that had the identity of this item before, and whose request about it may still reach the portal. */
  readonly sentByAnother: Ino | null
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
  /** A request about the same item of the portal, made for the row that had its identity before, is under way. */
  | 'sent-by-another'
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
  /** Out of the portal's trash, by the same id. */
  | { readonly kind: 'restore' }
  /** The folder it stood in is gone: the item goes to the recovery folder (C15, C17). */
  | { readonly kind: 'recover' }

export interface PlanOptions {
  /** The item and others wait for each other in a ring: make way, by a temporary name if nothing else helps. */
  readonly breakRing?: boolean
}
