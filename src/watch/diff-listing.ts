/**
 * What a listing tells that the mirror does not know yet: items to be looked at in a transaction, and rows that the
 * portal should have in this folder but that were not listed. The latter only from a complete listing, and even then
 * they are candidates to be asked about one by one (gate of bitrix24-desktop-sync.md section 11). Pure.
 */
import type { RemoteId } from '../base/ids.js'
import type { RemoteItem } from '../drive/drive.js'
import { isConnected } from '../mirror/connected-rows.js'
import type { Base, Item } from '../mirror/item.js'
import { exclusionOf } from './exclusion.js'
import type { ListedFolder } from './folder-listing.js'
import { differenceOf } from './row-plan.js'

export type BasedItem = Item & { readonly base: Base }

export interface ListingDifference {
  /** Items whose row differs, then items without a row in this folder, so that room is made before it is taken. */
  readonly present: readonly RemoteItem[]
  /** Rows not listed, or listed as something of another kind; but for those that we put into the portal's trash, and those that no portal lists. */
  readonly missing: readonly BasedItem[]
}

/** `baseChildren`: the rows whose base stands in this folder, wherever they stand here. `unselected`: what a person does not want. */
export function diffListing(listed: ListedFolder, baseChildren: readonly Item[], unselected: ReadonlySet<RemoteId>): ListingDifference {
  const rows = new Map(baseChildren.filter(hasBase).map((row) => [row.base.id, row]))
  const differing: RemoteItem[] = []
  const unknown: RemoteItem[] = []
  for (const remote of listed.items) {
    if (remote.deletedType !== 0) continue
    const row = rows.get(remote.id)
    if (row === undefined) unknown.push(remote)
    else if (isDifferent(row, listed, remote) || (row.excluded && exclusionOf(remote, unselected) === undefined)) differing.push(remote) // a second link may be the only one by now
  }
  const present = [...differing, ...unknown]
  if (!listed.complete) return { present, missing: [] }
  const seen = new Map(listed.items.map(({ id, kind }) => [id, kind]))
  return { present, missing: [...rows.values()].filter((row) => !row.base.trashed && !isConnected(row) && seen.get(row.base.id) !== row.kind) }
}

export function hasBase(item: Item): item is BasedItem {
  return item.base !== null
}

function isDifferent(row: BasedItem, listed: ListedFolder, remote: RemoteItem): boolean {
  const { place, content, attributes, trashed } = differenceOf(row.base, listed.folder, remote)
  return place || content || attributes || trashed || row.kind !== remote.kind
}
