/**
 * Looks at known folders again: lists them, packed into batches, and reconciles what came. A folder that fails alone is
 * left as it is (and its own row is asked about when it seems to be gone); a failure of the portal ends the look.
 */
import { errorCode, errorText } from '../base/errors.js'
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { CallOptions, Drive } from '../drive/drive.js'
import type { Item } from '../mirror/item.js'
import { isOfFolder, seemsGone } from './folder-failure.js'
import { fetchListings } from './fetch-listings.js'
import type { FolderListing, ListedFolder } from './folder-listing.js'
import type { Reconciler } from './reconciler.js'

export interface SweepOptions {
  readonly drive: Pick<Drive, 'listPages'>
  readonly reconciler: Reconciler
  readonly newListing: (folder: Item, expectedItems: number) => FolderListing
  readonly log: Log
}

/** What a look leaves open. */
export interface Unsettled {
  /** Folders that could not be listed, with the reason; those that seem to be gone were asked about. */
  readonly failed: ReadonlyMap<Ino, Error>
  /** Folders of which the portal itself says something else than their listing. */
  readonly contradicted: readonly Ino[]
}

export class Sweep {
  readonly #o: SweepOptions

  constructor(options: SweepOptions) {
    this.#o = options
  }

  /** Reads the folders to their ends. Throws what is not the fault of a single folder; what came before it is applied. */
  async look(folders: readonly Item[], call: CallOptions): Promise<Unsettled> {
    const listings = folders.map((folder) => this.#o.newListing(folder, 0))
    await fetchListings(this.#o.drive, listings, call)
    return this.take(listings, call)
  }

  /** Listings that have a result. */
  async take(listings: readonly FolderListing[], call: CallOptions): Promise<Unsettled> {
    const listed: ListedFolder[] = []
    const suspects: Ino[] = []
    const failed = new Map<Ino, Error>()
    let failure: Error | undefined
    for (const { folder, result } of listings) {
      if (result === undefined) continue
      if (result.kind === 'listed') listed.push(result.listed)
      else if (!isOfFolder(result.error)) failure ??= result.error
      else {
        this.#o.log.info({ ino: folder, code: errorCode(result.error), error: errorText(result.error) }, 'a folder could not be listed')
        if (seemsGone(result.error) && folder !== ROOT_INO) suspects.push(folder) // the root's absence is never believed
        else failed.set(folder, result.error)
      }
    }
    const contradicted = await this.#o.reconciler.reconcile(listed, suspects, call)
    if (failure !== undefined) throw failure
    return { failed, contradicted }
  }
}
