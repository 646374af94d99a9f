/**
 * A cheap look at a folder that fills many pages: its newest page, its total and its time (bitrix24-rest.md 11.2, 11.3).
 * What the page shows is applied at once. The folder is listed whole only when its total does not fit what the mirror
 * then has (something went, or was moved in), or its time moved without the page showing why (a rename, a move). A time
 * has whole seconds: the look after the one that saw it move lists once more, for what came later in the same second.
 */
import type { Clock } from '../base/clock.js'
import type { Ino } from '../base/ids.js'
import type { CallOptions, Drive, ListPage } from '../drive/drive.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { diffListing } from './diff-listing.js'
import type { Stamp } from './folder-listing.js'
import type { ListingApplier } from './listing-applier.js'

export interface LargeFoldersOptions {
  readonly drive: Pick<Drive, 'itemStates'>
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

  /** Applies the newest pages; answers the folders that have to be listed whole. */
  async probe(pages: ReadonlyMap<Item, { page: ListPage; stamp: Stamp }>, call: CallOptions): Promise<readonly Item[]> {
    const folders = [...pages.keys()]
    const states = await this.#o.drive.itemStates(folders.map(({ ino, base }) => ({ id: base?.realId ?? noBase(ino), kind: 'folder' as const })), call)
    const changed: Item[] = []
    for (const [index, [folder, { page, stamp }]] of [...pages].entries()) {
      const state = states[index]
      const updatedMs = state?.state === 'live' ? state.item.updatedMs : null
      if (await this.#isChanged(folder, page, stamp, updatedMs)) changed.push(folder)
    }
    return changed
  }

  /** The folder was listed whole: what the next look is compared with. */
  async listed(folder: Ino, total: number): Promise<void> {
    const rows = await this.#there(folder)
    const before = this.#known.get(folder)
    this.#known.set(folder, { updatedMs: before?.updatedMs ?? null, isFresh: before?.isFresh ?? false, gap: total - rows.length, listedMs: this.#o.clock.monotonicMs() })
  }

  /** What the portal should show of the folder. */
  async #there(folder: Ino): Promise<readonly Item[]> {
    return (await this.#o.mirror.baseChildrenIn(this.#o.store.read, folder)).filter(({ base }) => base?.trashed !== true)
  }

  async #isChanged(folder: Item, page: ListPage, stamp: Stamp, updatedMs: number | null): Promise<boolean> {
    const before = await this.#o.mirror.baseChildrenIn(this.#o.store.read, folder.ino)
    const { present } = diffListing({ folder: folder.ino, stamp, items: page.items, complete: false }, before)
    if (present.length > 0) await this.#o.applier.apply(folder.ino, present, { stamp, listed: false })
    const rows = await this.#there(folder.ino)
    const known = this.#known.get(folder.ino)
    if (known === undefined) {
      this.#known.set(folder.ino, { updatedMs, isFresh: false, gap: 0, listedMs: -HUGE_GAP_MS })
      return page.total !== rows.length
    }
    const moved = updatedMs !== null && known.updatedMs !== null && updatedMs !== known.updatedMs
    const isDue = page.total <= HUGE_ITEMS || this.#o.clock.monotonicMs() - known.listedMs >= HUGE_GAP_MS
    const isChanged = page.total - rows.length !== known.gap || ((moved || known.isFresh) && isDue)
    if (isChanged) this.#known.set(folder.ino, { ...known, updatedMs: updatedMs ?? known.updatedMs, isFresh: moved })
    else if (known.updatedMs === null) this.#known.set(folder.ino, { ...known, updatedMs })
    return isChanged
  }
}

function noBase(ino: Ino): never {
  throw new RangeError(`folder ${ino} is not on the portal`)
}
