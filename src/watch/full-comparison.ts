/**
 * What a full synchronization (R11) sees: the whole drive as the portal has it now, beside what is here. Only history is left
 * out of it: what is missing there was never "deleted", nor what is missing here. Reads only, on both sides. Anything that the portal
 * does not tell ends it; what is missing from a listing is asked about by its id, as in `reconciler.ts`.
 */
import { DriveError } from '../base/errors.js'
import { ROOT_INO, type Ino, type RemoteId, type StorageId } from '../base/ids.js'
import { caseKey } from '../base/names.js'
import type { ContentCache } from '../cache/content-cache.js'
import { isSameOrigin } from '../cache/content-rows.js'
import type { CallOptions, Drive, RemoteFile, RemoteItem } from '../drive/drive.js'
import { readConnected } from '../mirror/connected-rows.js'
import { isMoved, shownName, type Item } from '../mirror/item.js'
import { baseCounts, foldersToCompare } from '../mirror/listed-folders.js'
import type { Mirror } from '../mirror/mirror.js'
import { readUnselected } from '../mirror/selection-rows.js'
import { readTombstones } from '../mirror/tombstones.js'
import { readToBeTrashed } from '../mirror/trash-rows.js'
import type { Store } from '../store/store.js'
import { diffListing, hasBase, type BasedItem } from './diff-listing.js'
import { exclusionOf } from './exclusion.js'
import { BATCH_COMMANDS, fetchListings } from './fetch-listings.js'
import { seemsGone } from './folder-failure.js'
import type { FolderListing, ListedFolder } from './folder-listing.js'
import { GoneItems, type GoneItem, type MovedItem } from './gone-items.js'

export interface FullComparisonOptions {
  readonly drive: Pick<Drive, 'listPages' | 'itemStates'>
  readonly store: Store
  readonly mirror: Mirror
  readonly cache: Pick<ContentCache, 'summary'>
  readonly newListing: (folder: Item, expectedItems: number) => FolderListing
}

/** A file that both sides have, and not by our knowledge with the same bytes. */
export interface DifferingFile {
  readonly row: BasedItem
  readonly remote: RemoteFile
}

/** Something that was made here and not sent, and what has its name on the portal now. */
export interface MadeItem {
  readonly item: Item
  readonly against: RemoteItem | undefined
}

export interface Comparison {
  /** Not on the portal, whatever became of them: in the order in which they are to be settled. */
  readonly gone: readonly GoneItem[]
  /** On the portal in another of our folders. */
  readonly moved: readonly MovedItem[]
  /** F5 or F6: the bytes say. Whole or edited here. */
  readonly differing: readonly DifferingFile[]
  /** F1: deleted here, or put into the trash of a file manager, and on the portal all the same. */
  readonly back: readonly BasedItem[]
  readonly made: readonly MadeItem[]
  /** F1: how many items of the portal have no row here. */
  readonly unseen: number
  /** F5 and F7, without a transfer. */
  readonly merged: { readonly files: number; readonly folders: number; readonly bytes: number }
  /** Folders that kept changing, or of which something could not be understood: nothing is concluded from what they lack. */
  readonly uncompared: readonly Ino[]
}

type MadeByFolder = ReadonlyMap<Ino | null, readonly Item[]>

interface Found {
  /** What a person does not want. */
  readonly unselected: ReadonlySet<RemoteId>
  readonly ownStorage: StorageId | undefined
  readonly missing: BasedItem[]
  readonly differing: DifferingFile[]
  readonly uncompared: Ino[]
  readonly against: Map<Ino, RemoteItem>
  readonly merged: { files: number; folders: number; bytes: number }
  unseen: number
}

export class FullComparison {
  readonly #o: FullComparisonOptions

  constructor(options: FullComparisonOptions) {
    this.#o = options
  }

  /** `made`: rows that the portal never had. Fails as listing and asking do; then nothing is known. */
  async compare(made: readonly Item[], signal: AbortSignal): Promise<Comparison> {
    const { store } = this.#o
    const call: CallOptions = { priority: 'listing', signal }
    const deleted = [...(await readTombstones(store.read)), ...(await readToBeTrashed(store.read))].filter(hasBase)
    const ownStorage = (await this.#o.mirror.get(ROOT_INO))?.base?.storageId
    const found: Found = { unselected: await readUnselected(store.read), ownStorage, missing: [], differing: [], uncompared: [], against: new Map(), merged: { files: 0, folders: 0, bytes: 0 }, unseen: 0 }
    const folders = await foldersToCompare(store.read)
    const madeIn = new Map<Ino | null, Item[]>()
    for (const item of made) madeIn.set(item.parent, [...(madeIn.get(item.parent) ?? []), item])
    for (let from = 0; from < folders.length; from += BATCH_COMMANDS) {
      if (signal.aborted) throw new DriveError('cancelled', 'the full synchronization was cancelled: nothing was changed')
      await this.#lookAt(folders.slice(from, from + BATCH_COMMANDS), madeIn, found, call)
    }
    const connected = (await readConnected(store.read)).filter(hasBase).filter(({ excluded }) => !excluded) // no listing shows them
    const suspects = new Map([...found.missing, ...connected, ...deleted].map((row) => [row.ino, row]))
    const { gone, moved, absent } = await new GoneItems(this.#o).find([...suspects.values()], call)
    return {
      gone,
      moved,
      differing: found.differing.filter(({ row }) => !absent.has(row.ino)),
      back: deleted.filter(({ ino }) => !absent.has(ino)),
      made: made.map((item) => ({ item, against: found.against.get(item.ino) })),
      unseen: found.unseen,
      merged: found.merged,
      uncompared: found.uncompared,
    }
  }

  async #lookAt(folders: readonly Item[], made: MadeByFolder, found: Found, call: CallOptions): Promise<void> {
    const counts = await baseCounts(this.#o.store.read, folders.map(({ ino }) => ino))
    const listings = folders.map((folder) => this.#o.newListing(folder, counts.get(folder.ino) ?? 0))
    await fetchListings(this.#o.drive, listings, call)
    for (const [index, { result }] of listings.entries()) {
      const folder = folders[index]
      if (folder === undefined || result === undefined) continue
      if (result.kind === 'listed') await this.#take(result.listed, made, found)
      else if (!hasBase(folder) || folder.ino === ROOT_INO || !seemsGone(result.error)) throw result.error
      else found.missing.push(folder) // it seems to be gone, and is asked about
    }
  }

  async #take(listed: ListedFolder, made: MadeByFolder, found: Found): Promise<void> {
    const { mirror, store } = this.#o
    const children = (await mirror.baseChildrenIn(store.read, listed.folder)).filter(hasBase)
    if (!listed.complete) found.uncompared.push(listed.folder)
    found.missing.push(...diffListing(listed, children, found.unselected).missing.filter(({ excluded }) => !excluded))
    const rows = new Map(children.map((row) => [row.base.id, row]))
    const live = listed.items.filter(({ deletedType }) => deletedType === 0)
    const unknown = live.filter((remote) => !rows.has(remote.id) && exclusionOf(remote, found.unselected, found.ownStorage) === undefined)
    const elsewhere = unknown.length === 0 ? new Map<RemoteId, Item>() : await mirror.byRemoteIds(unknown.map(({ id }) => id))
    found.unseen += unknown.length - elsewhere.size
    await this.#compareBytes(live.flatMap((remote) => sameItem(rows.get(remote.id) ?? elsewhere.get(remote.id), remote)), found)
    for (const item of made.get(listed.folder) ?? []) {
      const rival = live.find((remote) => caseKey(shownName(remote.name, remote.id)) === caseKey(item.name) && !isLeaving(rows.get(remote.id)))
      if (rival !== undefined) found.against.set(item.ino, rival)
    }
  }

  /** The record of which version's bytes a content has is as good as a digest: see the README. */
  async #compareBytes(pairs: readonly { readonly row: BasedItem; readonly remote: RemoteItem }[], found: Found): Promise<void> {
    const contents = await this.#o.cache.summary(pairs.flatMap(({ row }) => (row.contentId === null ? [] : [row.contentId])))
    for (const { row, remote } of pairs) {
      if (remote.kind === 'folder') {
        found.merged.folders += 1
        continue
      }
      const content = row.contentId === null ? undefined : contents.get(row.contentId)
      if (content === undefined || !(content.complete || content.dirty)) continue
      const isSame = !content.dirty && isSameOrigin(content.origin, { fileId: remote.id, version: remote.version, blobId: remote.blobId })
      if (!isSame) found.differing.push({ row, remote })
      else {
        found.merged.files += 1
        found.merged.bytes += content.sizeBytes
      }
    }
  }
}

function sameItem(row: Item | undefined, remote: RemoteItem): readonly { readonly row: BasedItem; readonly remote: RemoteItem }[] {
  if (row?.kind !== remote.kind || !hasBase(row) || row.deleted || row.excluded || row.base.trashed) return []
  return [{ row, remote }]
}

/** Renamed or moved away here: its name is about to become free. */
function isLeaving(row: Item | undefined): boolean {
  return row !== undefined && !row.deleted && isMoved(row)
}
