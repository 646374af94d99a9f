/**
 * Bytes that shall be here though nobody reads them now: pinned files and folders ("always keep here"), and placeholders
 * that were renamed (R7). Fetches them in the background, a few at a time, and gives space back on request. Pins are rows
 * and survive; the wish after a rename does not.
 */
import { errorCode, errorText, hasCode } from '../base/errors.js'
import type { ContentId, Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Clock } from '../base/clock.js'
import { ServiceLoop, type Service } from '../base/service.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Hydrator } from '../hydrate/hydrator.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { Store } from '../store/store.js'
import type { Watch } from '../watch/watch.js'
import { contentRow, holdContent } from './content-holding.js'

export interface KeeperOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly cache: ContentCache
  readonly hydrator: Hydrator
  readonly watch: Pick<Watch, 'ensureListed'>
  readonly clock: Clock
  readonly log: Log
  /** How much of an item is on this disk has changed. */
  readonly onPresence: (item: Item) => void
  /** Files that were closed a moment ago are synced and looked at now, and nobody here holds them after it. */
  readonly letGoOfClosed: () => Promise<void>
}

/** What `free` did with one path. */
export type FreeOutcome = 'freed' | 'not-here' | 'unsent' | 'open'

const TOGETHER = 2 // leaves a connection for who waits (bitrix24-rest.md section 16)
const RETRY_MS = 30_000 // a failed background download is nobody's hurry

export class Keeper implements Service {
  readonly #o: KeeperOptions
  readonly #loop: ServiceLoop
  /** Files to fetch, in order of asking. */
  readonly #wanted = new Set<Ino>()
  /** Failed ones, back in the queue after RETRY_MS. */
  readonly #later = new Set<Ino>()

  constructor(options: KeeperOptions) {
    this.#o = options
    this.#loop = new ServiceLoop({ name: 'keeper', clock: options.clock, log: options.log, turn: (signal) => this.#turn(signal) })
  }

  start(): void {
    void this.#wantPinned()
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** The file's bytes are to be here soon. */
  want(ino: Ino): void {
    this.#wanted.add(ino)
    this.#loop.wake()
  }

  /** Keeps the file, or everything in the folder now and later, here. */
  async pin(item: Item): Promise<void> {
    await this.#setFlag(item.ino, true)
    await this.#keepBelow(item.ino)
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
  async follow(deltas: readonly MirrorDelta[]): Promise<void> {
    for (const delta of deltas) {
      if (delta.kind !== 'appeared' && delta.kind !== 'content' && delta.kind !== 'moved') continue
      if (await this.isPinned(delta.ino)) await this.#keepBelow(delta.ino)
    }
  }

  async #wantPinned(): Promise<void> {
    try {
      for (const item of await this.#o.mirror.pinnedItems()) await this.#keepBelow(item.ino)
    } catch (error) {
      if (!hasCode(error, 'cancelled')) this.#o.log.error({ code: errorCode(error), error: errorText(error) }, 'pinned items could not be looked through')
    }
  }

  /** Lists what is pinned and not listed yet, and marks and wants every file below. */
  async #keepBelow(ino: Ino): Promise<void> {
    const item = await this.#o.mirror.get(ino)
    if (item === undefined || item.deleted || item.excluded) return
    if (item.kind === 'folder') {
      if (item.listedMs === null) await this.#o.watch.ensureListed(ino, new AbortController().signal)
      for (const child of (await this.#o.mirror.children(ino)).values()) await this.#keepBelow(child)
      return
    }
    const contentId = item.contentId ?? (await contentRow(this.#o, ino))
    await this.#o.store.transact((tx) => this.#o.cache.setPinned(tx, [contentId], true))
    this.want(ino)
  }

  async #turn(signal: AbortSignal): Promise<number> {
    while (this.#wanted.size > 0 && !signal.aborted) {
      const next = [...this.#wanted].slice(0, TOGETHER)
      await Promise.all(next.map((ino) => this.#fetch(ino, signal)))
    }
    const again = this.#later.size > 0
    for (const ino of this.#later) this.#wanted.add(ino)
    this.#later.clear()
    return again ? RETRY_MS : Infinity
  }

  async #fetch(ino: Ino, signal: AbortSignal): Promise<void> {
    this.#wanted.delete(ino)
    try {
      const item = await this.#o.mirror.get(ino)
      if (item === undefined || item.deleted || item.kind === 'folder' || (await isInTrash(this.#o.store.read, item.parent))) return
      const content = await holdContent(this.#o, ino)
      try {
        await this.#o.hydrator.hydrate(content, { priority: 'background', signal })
      } finally {
        await content.release()
      }
      this.#o.onPresence(item)
    } catch (error) {
      if (signal.aborted || hasCode(error, 'not-found', 'vanished')) return
      this.#o.log.info({ ino, code: errorCode(error), error: errorText(error) }, 'a background download failed and is tried again later')
      this.#later.add(ino)
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

