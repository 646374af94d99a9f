/**
 * Whether a folder that was deleted here, or put into the trash, holds only what was deleted here with it: its complete listing on the portal,
 * compared with the rows (6a.12). A listing that fails says nothing, so nothing is deleted on its word.
 */
import type { RemoteId } from '../base/ids.js'
import type { ListPageRequest, RemoteItem } from '../drive/drive.js'
import { isLink, type Item } from '../mirror/item.js'
import { isInTrash } from '../mirror/trash-rows.js'
import { callOf, isKnown, type KnownItem, type Sending } from './sending.js'

export type Evidence =
  | { readonly kind: 'all-deleted-here' }
  /** Something known and alive is in it still: it has to be moved out first. */
  | { readonly kind: 'pending' }
  /** Items that nobody here has seen, or that changed since: these folders, outermost first, are to be kept. */
  | { readonly kind: 'unseen'; readonly folders: readonly KnownItem[] }

const PAGES_AT_ONCE = 50 // what one batch takes

interface Deleted {
  readonly folder: KnownItem
  /** From the topmost deleted folder down to this one. */
  readonly path: readonly KnownItem[]
}

export async function findUnseen(sending: Sending, top: KnownItem, signal: AbortSignal): Promise<Evidence> {
  const kept = new Map<number, KnownItem>()
  let level: readonly Deleted[] = [{ folder: top, path: [top] }]
  while (level.length > 0) {
    const next: Deleted[] = []
    const listings = await listComplete(sending, level.map(({ folder }) => folder.base.realId), signal)
    for (const { folder, path } of level) {
      const listing = listings.get(folder.base.realId)
      const rows = await sending.mirror.byRemoteIds(listing?.items.map(({ id }) => id) ?? [])
      let isUnseen = (listing?.unreadable ?? 1) > 0
      for (const remote of listing?.items ?? []) {
        const row = rows.get(remote.id)
        if (!isKnown(row) || row.excluded || hasChanged(remote, row.base)) isUnseen = true
        else if (await isGoneHere(sending, row)) {
          // A folder never listed here was deleted as a whole by somebody who did not ask what is in it.
          if (row.kind === 'folder' && row.listedMs !== null && !isLink(row)) next.push({ folder: row, path: [...path, row] })
        } else if ((await sending.journal.get(row.ino)) !== undefined) return { kind: 'pending' }
        else isUnseen = true
      }
      if (isUnseen) for (const keep of path) kept.set(keep.ino, keep)
    }
    level = next
  }
  return kept.size === 0 ? { kind: 'all-deleted-here' } : { kind: 'unseen', folders: [...kept.values()] }
}

/** Deleted, or in the trash of a file manager. */
async function isGoneHere({ store }: Sending, row: Item): Promise<boolean> {
  return row.deleted || (await isInTrash(store.read, row.parent))
}

function hasChanged(remote: RemoteItem, base: KnownItem['base']): boolean {
  return remote.kind === 'file' && (remote.version !== base.version || remote.blobId !== base.blobId)
}

interface Listing {
  readonly items: readonly RemoteItem[]
  readonly unreadable: number
}

/** Every page of every folder; throws when one of them fails. One empty answer is not believed (E-10). */
async function listComplete(sending: Sending, folders: readonly RemoteId[], signal: AbortSignal): Promise<ReadonlyMap<RemoteId, Listing>> {
  const listings = await listAll(sending, folders, signal)
  const empty = [...listings].flatMap(([folder, { items, unreadable }]) => (items.length + unreadable === 0 ? [folder] : []))
  return empty.length === 0 ? listings : new Map([...listings, ...(await listAll(sending, empty, signal))])
}

async function listAll(sending: Sending, folders: readonly RemoteId[], signal: AbortSignal): Promise<ReadonlyMap<RemoteId, Listing>> {
  const listings = new Map<RemoteId, Listing>()
  const wanted: ListPageRequest[] = folders.map((folderId) => ({ folderId, start: 0, order: 'id' }))
  while (wanted.length > 0) {
    const requests = wanted.splice(0, PAGES_AT_ONCE)
    const pages = await sending.drive.listPages(requests, callOf(signal))
    for (const [index, request] of requests.entries()) {
      const page = pages[index]
      if (page === undefined) throw new Error('one outcome for each request')
      if (!page.ok) throw page.error
      const before = listings.get(request.folderId) ?? { items: [], unreadable: 0 }
      listings.set(request.folderId, { items: [...before.items, ...page.value.items], unreadable: before.unreadable + page.value.unreadable })
      if (page.value.next !== undefined) wanted.push({ ...request, start: page.value.next })
    }
  }
  return listings
}
