/**
 * The folders in use, as they are looked at: one that fits a page is listed whole, which is one command and the whole
 * truth; a larger one is probed by two, its newest page and its own time (large-folders.ts).
 */
import { errorText } from '../base/errors.js'
import type { Clock } from '../base/clock.js'
import type { Log } from '../base/log.js'
import type { CallOptions, Drive, ListPage } from '../drive/drive.js'
import type { Item } from '../mirror/item.js'
import { baseCounts } from '../mirror/listed-folders.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { BATCH_COMMANDS, fetchListings } from './fetch-listings.js'
import { PAGE_ITEMS, type FolderListing, type Stamp } from './folder-listing.js'
import type { FoldersInUse } from './folders-in-use.js'
import type { LargeFolders } from './large-folders.js'
import type { Look } from './look.js'
import type { Sweep } from './sweep.js'

export interface HotFoldersOptions {
  readonly drive: Pick<Drive, 'listPages'>
  readonly store: Store
  readonly mirror: Mirror
  readonly clock: Clock
  readonly log: Log
  readonly inUse: FoldersInUse
  readonly large: LargeFolders
  readonly sweep: Sweep
  readonly newListing: (folder: Item, expectedItems: number) => FolderListing
  readonly newStamp: () => Stamp
}

export interface HotSet {
  readonly small: readonly Item[]
  readonly large: readonly Item[]
  /** What a look at them costs. */
  readonly requests: number
}

type Probes = Map<Item, { page: ListPage; stamp: Stamp }>

const JUST_LISTED_MS = 1_000 // somebody waited for it a moment ago; more, and the next look would come too late

export class HotFolders {
  readonly #o: HotFoldersOptions

  constructor(options: HotFoldersOptions) {
    this.#o = options
  }

  async now(): Promise<HotSet> {
    const inos = this.#o.inUse.list()
    this.#o.large.keepOnly(new Set(inos))
    const sinceMs = this.#o.clock.nowMs() - JUST_LISTED_MS
    const counts = await baseCounts(this.#o.store.read, inos)
    const folders = (await this.#o.mirror.getMany(inos)).filter(isWatched)
    const isLarge = ({ ino }: Item): boolean => (counts.get(ino) ?? 0) > PAGE_ITEMS
    const commands = folders.reduce((sum, folder) => sum + (isLarge(folder) ? 2 : 1), 0)
    const due = folders.filter(({ listedMs }) => (listedMs ?? 0) <= sinceMs)
    return { small: due.filter((folder) => !isLarge(folder)), large: due.filter(isLarge), requests: Math.ceil(commands / BATCH_COMMANDS) }
  }

  /** Answers what is to be handed to `settle` when the look was sent. */
  ask(look: Look, { small, large }: HotSet): Probes {
    for (const folder of small) look.list(this.#o.newListing(folder, 0))
    const probes: Probes = new Map()
    const stamp = this.#o.newStamp()
    for (const folder of large) {
      if (folder.base === null) continue
      look.ask({ folderId: folder.base.realId, start: 0, order: 'newest', withFolder: true }, (outcome) => {
        if (outcome.ok) probes.set(folder, { page: outcome.value, stamp })
        else this.#o.log.info({ ino: folder.ino, error: errorText(outcome.error) }, 'a large folder could not be looked at')
      })
    }
    return probes
  }

  async settle(probes: Probes, call: CallOptions): Promise<void> {
    if (probes.size === 0) return
    const changed = await this.#o.large.probe(probes)
    const listings = changed.map((folder) => this.#o.newListing(folder, probes.get(folder)?.page.total ?? 0))
    await fetchListings(this.#o.drive, listings, call)
    await this.#o.sweep.take(listings, call)
    for (const { folder, result, total } of listings) if (result?.kind === 'listed') await this.#o.large.listed(folder, total ?? 0)
  }
}

export function isWatched(folder: Item): boolean {
  return folder.kind === 'folder' && folder.listedMs !== null && folder.base !== null && !folder.deleted && !folder.excluded
}
