/**
 * What shall be here though nobody reads it now: pinned files and folders ("always keep here"), and placeholders that were
 * renamed (R7). Has them fetched in the background, and gives space back on request. Pins are rows and survive; the wish
 * after a rename does not.
 */
import { DriveError, errorCode, errorText } from '../base/errors.js'
import type { ContentId, Ino } from '../base/ids.js'
import type { Service } from '../base/service.js'
import { untilCancelled } from '../base/until-cancelled.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import { seemsGone } from '../watch/folder-failure.js'
import type { Watch } from '../watch/watch.js'
import { BackgroundFetches, type BackgroundFetchesOptions } from './background-fetches.js'
import { contentRow } from './content-holding.js'

export interface KeeperOptions extends BackgroundFetchesOptions {
  readonly watch: Pick<Watch, 'ensureListed'>
  /** Files that were closed a moment ago are synced and looked at now, and nobody here holds them after it. */
  readonly letGoOfClosed: () => Promise<void>
}

/** What `free` did with one path. */
export type FreeOutcome = 'freed' | 'not-here' | 'unsent' | 'open'

const RETRY_MS = 30_000

export class Keeper implements Service {
  readonly fetches: BackgroundFetches
  readonly #o: KeeperOptions
  readonly #stopping = new AbortController()
  /** Walks through pinned folders that are under way; none throws. */
  readonly #walks = new Set<Promise<void>>()
  /** What is pinned was not all looked through. */
  #isWalkDue = true
  /** Why not, when a listing failed. */
  #walkError: unknown
  #cancelRetry: (() => void) | undefined

  constructor(options: KeeperOptions) {
    this.#o = options
    this.fetches = new BackgroundFetches(options)
  }

  start(): void {
    this.fetches.start()
    this.hurry()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DriveError('cancelled', 'the keeper is stopping'))
    this.#cancelRetry?.()
    await this.fetches.stop()
    await Promise.all(this.#walks)
  }

  /** The portal is there again, or somebody waits: what failed is tried now. */
  hurry(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    if (this.#isWalkDue) this.#begin(this.#wantPinned())
    this.fetches.hurry()
  }

  /** Resolves when all that is to be here is here; 'cancelled' by the signal, or what kept a pinned folder from being listed ('offline' …). */
  async waitUntilHere(signal: AbortSignal): Promise<void> {
    this.hurry()
    while (this.#walks.size > 0) await untilCancelled(Promise.all(this.#walks), signal)
    if (this.#isWalkDue) throw this.#walkError
    await this.fetches.waitUntilIdle(signal)
  }

  /** Keeps the file, or everything in the folder now and later, here. Throws what kept a folder from being listed now; it is kept all the same. */
  async pin(item: Item): Promise<void> {
    await this.#setFlag(item.ino, true)
    try {
      await this.#keepBelow(item.ino)
    } catch (error) {
      this.#noteWalkFailure(error)
      throw error
    }
  }

  async unpin(item: Item): Promise<void> {
    await this.#setFlag(item.ino, false)
    for (const below of await this.#subtree(item.ino)) {
      if (below.ino !== item.ino && below.pinned) await this.#setFlag(below.ino, false)
    }
    const contents = (await this.#subtree(item.ino)).flatMap(({ contentId }) => (contentId === null ? [] : [contentId]))
    if (await this.isPinned(item.ino)) return // a folder above keeps it
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

  /** New or changed files below a pinned folder are to be kept as well. */
  follow(deltas: readonly MirrorDelta[]): void {
    this.#begin(this.#keepNew(deltas))
  }

  async #keepNew(deltas: readonly MirrorDelta[]): Promise<void> {
    for (const delta of deltas) {
      if (delta.kind !== 'appeared' && delta.kind !== 'content' && delta.kind !== 'moved') continue
      if (await this.isPinned(delta.ino)) await this.#keepBelow(delta.ino)
    }
  }

  async #wantPinned(): Promise<void> {
    this.#isWalkDue = false
    for (const item of await this.#o.mirror.pinnedItems()) await this.#keepBelow(item.ino)
  }

  #begin(walk: Promise<void>): void {
    const walking: Promise<void> = walk
      .catch((error: unknown) => {
        this.#noteWalkFailure(error)
      })
      .finally(() => this.#walks.delete(walking))
    this.#walks.add(walking)
  }

  #noteWalkFailure(error: unknown): void {
    if (this.#stopping.signal.aborted) return
    this.#o.log.info({ code: errorCode(error), error: errorText(error) }, 'what is pinned could not be looked through, and is again later')
    this.#isWalkDue = true
    this.#walkError = error
    this.#cancelRetry ??= this.#o.clock.setTimer(RETRY_MS, () => {
      this.hurry()
    })
  }

  /** Lists what is pinned and not listed yet, and marks and wants every file below. */
  async #keepBelow(ino: Ino): Promise<void> {
    const item = await this.#o.mirror.get(ino)
    if (item === undefined || item.deleted || item.excluded) return
    if (item.kind === 'folder') {
      if (item.listedMs === null) await this.#list(ino)
      for (const child of (await this.#o.mirror.children(ino)).values()) await this.#keepBelow(child)
      return
    }
    const contentId = item.contentId ?? (await contentRow(this.#o, ino))
    await this.#o.store.transact((tx) => this.#o.cache.setPinned(tx, [contentId], true))
    this.fetches.want(ino)
  }

  /** A folder that cannot be looked into keeps nobody from the others: the watch tells of it. */
  async #list(ino: Ino): Promise<void> {
    try {
      await this.#o.watch.ensureListed(ino, this.#stopping.signal)
    } catch (error) {
      if (!seemsGone(error)) throw error
    }
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

