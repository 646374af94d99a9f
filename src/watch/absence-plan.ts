/**
 * What the portal's word about one id means to a row that a listing did not show, and what happens to a row that is gone:
 * rows C14 to C20 and C27 of the decision table. Pure. No word is no conclusion (DESIGN.md section 6).
 */
import type { RemoteId } from '../base/ids.js'
import type { ItemState, RemoteItem } from '../drive/drive.js'
import { isConnected } from '../mirror/connected-rows.js'
import type { Item } from '../mirror/item.js'
import type { BasedItem } from './diff-listing.js'
import type { RowFacts } from './row-plan.js'

export type Verdict =
  /** There after all, or nobody knows. */
  | { readonly kind: 'stays' }
  /** Alive in another folder; whether that is one of ours is still to be found out (C10, C27). */
  | { readonly kind: 'elsewhere'; readonly parentId: RemoteId; readonly item: RemoteItem }
  | { readonly kind: 'gone'; readonly rule: 'C14' | 'C19' | 'C27' }

/**
 * `parentRealId`: of the folder that the base names as parent, undefined when that has no row any more. `state` of a folder that
 * was connected here is that of the folder it leads to, wherever that stands.
 */
export function judgeAbsence(row: BasedItem, parentRealId: RemoteId | undefined, state: ItemState): Verdict {
  if (isConnected(row)) {
    const leads = state.state === 'unknown' || (state.state === 'live' && state.item.kind === 'folder')
    return leads ? { kind: 'stays' } : { kind: 'gone', rule: 'C19' }
  }
  switch (state.state) {
    case 'unknown':
      return { kind: 'stays' }
    case 'trashed':
    case 'not-found':
      return { kind: 'gone', rule: 'C14' }
    case 'forbidden':
      return { kind: 'gone', rule: 'C19' }
    case 'live': {
      const { item } = state
      if (item.kind !== row.kind) return { kind: 'gone', rule: 'C14' }
      if (item.parentId === null) return { kind: 'gone', rule: 'C27' }
      return item.parentId === parentRealId ? { kind: 'stays' } : { kind: 'elsewhere', parentId: item.parentId, item }
    }
  }
}

/**
 * `remove`: nothing of it was changed here (C14, C16, C19). `keep`: the edit becomes a new item (C15, C20).
 * `dissolve`: a folder, whose rows are looked at one by one (C17). What is in the trash here stays until it is emptied.
 */
export type GonePlan = 'leave' | 'remove' | 'keep' | 'dissolve'

export function planGone(row: Item, { dirty, guarded, inTrash }: RowFacts): GonePlan {
  if (guarded || inTrash || row.base?.trashed === true) return 'leave'
  if (row.deleted) return 'remove'
  if (row.kind === 'folder') return 'dissolve'
  return dirty ? 'keep' : 'remove'
}

/** What becomes of a row that stands below a folder that is gone. */
export type OrphanPlan =
  | 'leave'
  | 'remove'
  /** It becomes a new item in the recovery folder. */
  | 'recover'
  /** It becomes a new item where it stands: its folder was made here and lives on. */
  | 'keep'
  /** Its remote item is alive elsewhere: it was only moved here by somebody on this computer. */
  | 'send-back'

export interface OrphanFacts extends RowFacts {
  /** The remote item went with the folder. */
  readonly isGone: boolean
  /** The folder it stands in was made here and is not on the portal: it is recovered with what is in it. */
  readonly parentIsNew: boolean
}

// Marks of programs that describe the folder or the lock, not work: they go with the folder.
const MARKS = /^(\.directory|\.DS_Store|Thumbs\.db|\.~lock\..*#|~\$.*)$/u

/** It goes with its folder, though it is nowhere else. */
export function isMark({ localOnly, name }: Item): boolean {
  return localOnly && MARKS.test(name)
}

/** A folder in which nothing else stands is empty to the person who works here. */
export function goesWithFolder(item: Item): boolean {
  return item.excluded || isMark(item)
}

export function planOrphan(row: Item, facts: OrphanFacts): OrphanPlan {
  if (facts.guarded || facts.inTrash || row.base?.trashed === true) return 'leave'
  if (row.base === null) {
    if (facts.parentIsNew) return 'leave'
    return isMark(row) ? 'remove' : 'recover'
  }
  if (!facts.isGone) return facts.parentIsNew ? 'leave' : 'send-back'
  if (row.kind === 'folder' || !facts.dirty) return 'remove'
  return facts.parentIsNew ? 'keep' : 'recover'
}
