/**
 * What shall be here though nobody reads it now: pinned files and folders ("always keep here"), and placeholders that were
 * renamed (R7). Has them fetched in the background, and gives space back on request. Pins are rows and survive; the wish
 * after a rename does not.
 */
import type { ContentId, Ino } from '../base/ids.js'
import type { Service } from '../base/service.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import { BackgroundFetches, type BackgroundFetchesOptions } from './background-fetches.js'
import { PinnedWalks, type PinnedWalksOptions } from './pinned-walks.js'

export interface KeeperOptions extends BackgroundFetchesOptions, Pick<PinnedWalksOptions, 'watch' | 'isPaused'> {
  /** Files that were closed a moment ago are synced and looked at now, and nobody here holds them after it. */
  readonly letGoOfClosed: () => Promise<void>
}

/** What `free` did with one path. */
export type FreeOutcome = 'freed' | 'not-here' | 'unsent' | 'open'

export class Keeper implements Service {
  readonly fetches: BackgroundFetches
  readonly #o: KeeperOptions
  readonly #walks: PinnedWalks

  constructor(options: KeeperOptions) {
    this.#o = options
    this.fetches = new BackgroundFetches(options)
    this.#walks = new PinnedWalks({ ...options, fetches: this.fetches, isPinned: (ino) => this.isPinned(ino) })
  }

  start(): void {
    this.fetches.start()
    this.#walks.hurry()
  }

  async stop(): Promise<void> {
    await this.#walks.stop()
    await this.fetches.stop()
  }

  /** The portal is there again, a pause is over, or somebody waits: what failed is tried now. */
  hurry(): void {
    this.#walks.hurry()
    this.fetches.hurry()
  }

  /** Resolves when all that is to be here is here; 'cancelled' by the signal or the stop. */
  async waitUntilHere(signal: AbortSignal): Promise<void> {
    await this.#walks.waitUntilDone(signal)
    this.fetches.hurry()
    await this.fetches.waitUntilIdle(signal)
  }

  /** New or changed files below a pinned folder are to be kept as well. */
  follow(deltas: readonly MirrorDelta[]): void {
    this.#walks.follow(deltas)
  }

  /** Keeps the file, or everything in the folder now and later, here. Throws what kept a folder from being listed now; it is kept all the same. */
  async pin(item: Item): Promise<void> {
    await this.#setFlag(item.ino, true)
    await this.#walks.below(item.ino)
  }

  async unpin(item: Item): Promise<void> {
    await this.#setFlag(item.ino, false)
    for (const below of await this.#subtree(item.ino)) {
      if (below.ino !== item.ino && below.pinned) await this.#setFlag(below.ino, false)
    }
    if (await this.isPinned(item.ino)) return // a folder above keeps it
    const below = await this.#subtree(item.ino)
    this.fetches.forget(below.map(({ ino }) => ino))
    const contents = below.flatMap(({ contentId }) => (contentId === null ? [] : [contentId]))
    await this.#o.store.transact((tx) => this.#o.cache.setPinned(tx, contents, false))
  }

  /** The item itself or a folder above it is pinned. */
  async isPinned(ino: Ino): Promise<boolean> {
    for (let at: Ino | null = ino; at !== null; ) {
      const item: Item | undefined = await this.#o.mirror.get(at)
      if (item?.pinned === true) return true
      at = item?.parent ?? null
    }
    return false
  }

  /** Gives the space of one file back; a pin of its own ends. */
  async free(item: Item): Promise<FreeOutcome> {
    if (item.pinned) await this.unpin(item)
    if (item.contentId === null) return 'not-here'
    const before = (await this.#o.cache.summary([item.contentId])).get(item.contentId)
    if (before === undefined || before.presentBytes === 0) return 'not-here'
    if (before.dirty) return 'unsent'
    if (!(await this.#o.cache.evict(item.contentId)) && !(await this.#evictAfterLook(item.contentId))) return 'open'
    this.#o.onPresence(item)
    return 'freed'
  }

  /** A file that was closed a moment ago may still be held for its sync, or looked at for what is written past us. */
  async #evictAfterLook(content: ContentId): Promise<boolean> {
    await this.#o.letGoOfClosed()
    return this.#o.cache.evict(content)
  }

  /** Files at or below the item. */
  async filesBelow(ino: Ino): Promise<readonly Item[]> {
    return (await this.#subtree(ino)).filter(({ kind }) => kind === 'file')
  }

  async #subtree(ino: Ino): Promise<readonly Item[]> {
    return this.#o.store.transact((tx) => this.#o.mirror.subtreeIn(tx, ino))
  }

  async #setFlag(ino: Ino, pinned: boolean): Promise<void> {
    await this.#o.store.transact(async (tx) => {
      await this.#o.mirror.update(tx, await this.#o.mirror.needIn(tx, ino), { pinned })
    })
  }
}

