/**
 * Everything that goes from listings of the portal into the mirror: folders listed because somebody waits for them, and
 * changes made elsewhere. Owns no tables; decides by the table of bitrix24-desktop-sync.md section 11. What was changed
 * is reported through `onDelta` after the commit.
 */
import assert from 'node:assert'
import type { Clock } from '../base/clock.js'
import { errorCode, errorText } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Drive, RemoteFile } from '../drive/drive.js'
import type { Journal } from '../journal/journal.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { DemandLister } from './demand-lister.js'
import { diffListing } from './diff-listing.js'
import { FolderListing, type ListedFolder } from './folder-listing.js'
import { FoldersInUse } from './folders-in-use.js'
import { ListingApplier } from './listing-applier.js'
import { RowChanges } from './row-changes.js'

export interface WatchOptions {
  readonly drive: Drive
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: Pick<ContentCache, 'drop'>
  readonly clock: Clock
  readonly log: Log
  /** Name of this computer, for conflict names. */
  readonly host: string
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
}

const LISTING_DEADLINE_MS = 10_000 // a process that waits in OPENDIR cannot do anything else meanwhile

export class Watch {
  readonly #o: WatchOptions
  readonly #changes: RowChanges
  readonly #applier: ListingApplier
  readonly #lister: DemandLister
  readonly #inUse: FoldersInUse
  /** What others told and is being recorded. */
  readonly #applying = new Set<Promise<void>>()

  constructor(options: WatchOptions) {
    this.#o = options
    this.#changes = new RowChanges(options)
    this.#applier = new ListingApplier({ ...options, changes: this.#changes })
    this.#lister = new DemandLister({
      ...options,
      newListing: (folder, expectedItems) => this.#newListing(folder, expectedItems),
      apply: (listed) => this.#apply(listed),
    })
    this.#inUse = new FoldersInUse(options.clock)
  }

  /** See DemandLister: resolves when the folder's children are in the mirror. */
  ensureListed(folder: Ino, signal: AbortSignal, deadlineMs = LISTING_DEADLINE_MS): Promise<void> {
    return this.#lister.ensureListed(folder, signal, deadlineMs)
  }

  /** Somebody works in the folder: it is looked at often for a while. */
  noteUse(folder: Ino): void {
    this.#inUse.note(folder)
  }

  /** Somebody met a newer version of a file than the mirror knows. */
  remoteMoved(file: RemoteFile): void {
    const applying = this.#applier.applyFile(file, this.#changes.newStamp()).catch((error: unknown) => {
      this.#o.log.error({ id: file.id, code: errorCode(error), error: errorText(error) }, 'a newer version of a file could not be recorded')
    })
    this.#applying.add(applying)
    void applying.finally(() => this.#applying.delete(applying))
  }

  /** Folders whose last listing failed for them alone. */
  problems(): ReturnType<DemandLister['problems']> {
    return this.#lister.problems()
  }

  async stop(): Promise<void> {
    await this.#lister.stop()
    await Promise.all(this.#applying)
  }

  #newListing(folder: Item, expectedItems: number): FolderListing {
    assert(folder.base !== null, 'only folders of the portal are listed')
    return new FolderListing({ folder: folder.ino, remoteId: folder.base.realId, expectedItems, newStamp: () => this.#changes.newStamp() })
  }

  async #apply(listed: ListedFolder): Promise<void> {
    const rows = await this.#o.mirror.baseChildrenIn(this.#o.store.read, listed.folder)
    const { present } = diffListing(listed, rows)
    await this.#applier.apply(listed.folder, present, { stamp: listed.stamp, listed: true })
  }
}
