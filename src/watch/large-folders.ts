/**
 * A cheap look at a folder that fills many pages: its newest page, its total and its time (bitrix24-rest.md 11.2, 11.3).
 * What the page shows is applied at once. The folder is listed whole only when its total does not fit what the mirror
 * then has (something went, or was moved in), or its time moved without the page showing why (a rename, a move). A time
 * has whole seconds: the look after the one that saw it move lists once more, for what came later in the same second.
 */
import type { Clock } from '../base/clock.js'
import type { Ino } from '../base/ids.js'
import type { ListPage } from '../drive/drive.js'
import type { Item } from '../mirror/item.js'
import { baseCounts } from '../mirror/listed-folders.js'
import type { Mirror } from '../mirror/mirror.js'
import { readUnselected } from '../mirror/selection-rows.js'
import type { Store } from '../store/store.js'
import { diffListing } from './diff-listing.js'
import type { Stamp } from './folder-listing.js'
import type { ListingApplier } from './listing-applier.js'

export interface LargeFoldersOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly applier: ListingApplier
  readonly clock: Clock
}

const HUGE_ITEMS = 1_000 // more than 20 pages: a whole listing takes several requests when it grows on
const HUGE_GAP_MS = 60_000

/** What was agreed on when the folder was listed last. */
interface Known {
  /** UPDATE_TIME of the folder; null: not asked yet. */
  readonly updatedMs: number | null
  /** It moved at the last look, perhaps within the second of that look. */
  readonly isFresh: boolean
  /** Items that the portal counts and does not show, or that we cannot read. */
  readonly gap: number
  readonly listedMs: number
}

export class LargeFolders {
  readonly #o: LargeFoldersOptions
  readonly #known = new Map<Ino, Known>()

  constructor(options: LargeFoldersOptions) {
    this.#o = options
  }

  /** Folders that nobody uses any more need no memory. */
  keepOnly(inos: ReadonlySet<Ino>): void {
    for (const ino of this.#known.keys()) if (!inos.has(ino)) this.#known.delete(ino)
  }

  /** Applies the newest pages, which came with their folders; answers the folders that have to be listed whole. */
  async probe(pages: ReadonlyMap<Item, { page: ListPage; stamp: Stamp }>): Promise<readonly Item[]> {
    const changed: Item[] = []
    for (const [folder, { page, stamp }] of pages) {
      const updatedMs = page.folder?.deletedType === 0 ? page.folder.updatedMs : null
      if (await this.#isChanged(folder, page, stamp, updatedMs)) changed.push(folder)
    }
    return changed
  }

  /** The folder was listed whole: what the next look is compared with. */
  async listed(folder: Ino, total: number): Promise<void> {
    const before = this.#known.get(folder)
    const gap = total - (await this.#countThere(folder))
    this.#known.set(folder, { updatedMs: before?.updatedMs ?? null, isFresh: before?.isFresh ?? false, gap, listedMs: this.#o.clock.monotonicMs() })
  }

  /** What the portal should show of the folder. */
  async #countThere(folder: Ino): Promise<number> {
    return (await baseCounts(this.#o.store.read, [folder])).get(folder) ?? 0
  }

  /** Reads the rows of the page alone: the folder may have a hundred thousand others. */
  async #isChanged(folder: Item, page: ListPage, stamp: Stamp, updatedMs: number | null): Promise<boolean> {
    const rows = await this.#o.mirror.byRemoteIds(page.items.map(({ id }) => id))
    const before = [...rows.values()].filter(({ base }) => base?.parent === folder.ino)
    const { present } = diffListing({ folder: folder.ino, stamp, items: page.items, complete: false }, before, await readUnselected(this.#o.store.read))
    if (present.length > 0) await this.#o.applier.apply(folder.ino, present, { stamp, listed: false })
    const there = await this.#countThere(folder.ino)
    const known = this.#known.get(folder.ino)
    if (known === undefined) {
      this.#known.set(folder.ino, { updatedMs, isFresh: false, gap: 0, listedMs: -HUGE_GAP_MS })
      return page.total !== there
    }
    const moved = updatedMs !== null && known.updatedMs !== null && updatedMs !== known.updatedMs
    const isDue = page.total <= HUGE_ITEMS || this.#o.clock.monotonicMs() - known.listedMs >= HUGE_GAP_MS
    const isChanged = page.total - there !== known.gap || ((moved || known.isFresh) && isDue)
    if (isChanged) this.#known.set(folder.ino, { ...known, updatedMs: updatedMs ?? known.updatedMs, isFresh: moved })
    else if (known.updatedMs === null) this.#known.set(folder.ino, { ...known, updatedMs })
    return isChanged
  }
}
