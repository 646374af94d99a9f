/**
 * What an item of a listing means to its row: the decision table of bitrix24-desktop-sync.md section 11.1 for everything
 * that is there. Pure; whether names are free is the business of `plan-names.ts`, absence of `absence-plan.ts`.
 */
import type { Ino } from '../base/ids.js'
import { isTemporaryName } from '../base/names.js'
import type { RemoteItem } from '../drive/drive.js'
import { isMoved, type Base, type Item } from '../mirror/item.js'

/** "Uploaded files" and the imports below it (bitrix24-rest.md 9.4): never synchronized, known by code because names are translated. */
const EXCLUDED_CODES: readonly string[] = [
  'FOR_UPLOADED_FILES',
  'FOR_DROPBOX_FILES',
  'FOR_ONEDRIVE_FILES',
  'FOR_GDRIVE_FILES',
  'FOR_BOX_FILES',
  'FOR_YANDEXDISK_FILES',
]

export function isExcludedCode(code: string | null): boolean {
  return code !== null && EXCLUDED_CODES.includes(code)
}

/** Where and how the portal's item differs from the base of its row. */
export interface Difference {
  readonly place: boolean
  readonly content: boolean
  /** Anything else that the base keeps: times, code. */
  readonly attributes: boolean
  /** We have it in the portal's trash, and there it is. */
  readonly trashed: boolean
}

export function differenceOf(base: Base, folder: Ino | null, remote: RemoteItem): Difference {
  return {
    place: base.parent !== folder || base.name !== remote.name,
    content: remote.kind === 'file' && (base.version !== remote.version || base.blobId !== remote.blobId || base.sizeBytes !== remote.sizeBytes),
    attributes: base.updatedMs !== remote.updatedMs || base.code !== remote.code || base.storageId !== remote.storageId,
    trashed: base.trashed && !base.mayBeLive,
  }
}

export interface RowFacts {
  /** The row has an edit that was not sent. */
  readonly dirty: boolean
  /** Our own request for the row is under way, was confirmed after the listing was asked for, or a newer look was applied. */
  readonly guarded: boolean
  /** It stands in the trash of a file manager. */
  readonly inTrash: boolean
}

/** What is to be done with a row. The rule is the row of the table, for the log and for tests. */
export interface RowPlan {
  readonly rule: 'C1' | 'C6' | 'C7' | 'C9' | 'C10' | 'C11' | 'C12' | 'C13' | 'C18' | 'C4' | 'C26' | 'guarded' | 'replaced'
  /** The row goes where the portal has it. */
  readonly follow: boolean
  /** `drop`: the cached bytes are of an older version. `hold`: there is an edit; the base's content stays, so that the upload sees the conflict. */
  readonly content: 'same' | 'drop' | 'hold'
  /** Name and parent of the base become the portal's. Without it a change of place is seen again next time. */
  readonly rebasePlace: boolean
  readonly rebase: boolean
}

const LEAVE = { follow: false, content: 'same', rebasePlace: false, rebase: false } as const

/** `row` has a base with the id of `remote`, which was seen in `folder`. */
export function planRow(row: Item & { readonly base: Base }, folder: Ino | null, remote: RemoteItem, facts: RowFacts): RowPlan {
  if (facts.guarded) return { rule: 'guarded', ...LEAVE }
  if (row.excluded) return { rule: 'C26', ...LEAVE }
  if (row.kind !== remote.kind) return { rule: 'replaced', ...LEAVE }
  const difference = differenceOf(row.base, folder, remote)
  if (!difference.place && !difference.content && !difference.attributes && !difference.trashed) return { rule: 'C1', ...LEAVE }
  if (row.deleted) return planTombstone(difference)
  if (facts.inTrash) return planInTrash(difference, facts)
  const content = !difference.content ? 'same' : facts.dirty ? 'hold' : 'drop'
  // Our own name on the way to another one, from a request whose outcome was never learnt: no place to follow to.
  const isOnTheWay = isMoved(row) && isTemporaryName(remote.name)
  return { rule: ruleOf(row, difference, facts), follow: difference.place && !isOnTheWay, content, rebasePlace: difference.place, rebase: true }
}

/** Deleted here: a newer content keeps the remote item and brings it back (C9); else the deletion will be sent (C4). */
function planTombstone(difference: Difference): RowPlan {
  if (difference.content) return { rule: 'C9', follow: true, content: 'drop', rebasePlace: true, rebase: true }
  return { rule: 'C4', follow: false, content: 'same', rebasePlace: difference.place, rebase: true }
}

/** In the trash here: what somebody took out of the portal's trash comes back (C18), and so does a newer content (C9). */
function planInTrash({ trashed, content, place }: Difference, { dirty }: RowFacts): RowPlan {
  if (!trashed && !content) return { rule: 'C4', follow: false, content: 'same', rebasePlace: place, rebase: true }
  return { rule: trashed ? 'C18' : 'C9', follow: true, content: !content ? 'same' : dirty ? 'hold' : 'drop', rebasePlace: true, rebase: true }
}

function ruleOf(row: Item, difference: Difference, facts: RowFacts): RowPlan['rule'] {
  if (difference.content) return facts.dirty ? 'C7' : 'C6'
  if (difference.trashed && !difference.place) return 'C18'
  if (!difference.place) return 'C13'
  if (isMoved(row)) return 'C12'
  return facts.dirty ? 'C11' : 'C10'
}
