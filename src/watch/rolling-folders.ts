/**
 * Which folders are listed whole next while nobody uses them: what a sweep has named first, then those listed longest ago,
 * so that each has its turn (absence shows in no other way). A pass covers what was listed before a moment, and is hurried.
 */
import type { Clock } from '../base/clock.js'
import type { Ino } from '../base/ids.js'
import type { Item } from '../mirror/item.js'
import { baseCounts } from '../mirror/listed-folders.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { BATCH_COMMANDS } from './fetch-listings.js'
import { pageStarts } from './folder-listing.js'
import { isWatched } from './hot-folders.js'

export interface RollingFoldersOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly clock: Clock
}

/** A folder and how many items it is taken to have: that many pages are asked for at once. */
export interface Due {
  readonly folder: Item
  readonly items: number
}

const HURRY_MS = 3_600_000
const TRIED_MS = 3_600_000 // one that cannot be listed stays the oldest, and must not take the place of the others
const JUST_LISTED_MS = 60_000 // that it is as it was a moment ago is not written down

export class RollingFolders {
  readonly #o: RollingFoldersOptions
  /** What is to be listed anew was listed before this; undefined: no pass is under way. */
  #passBeforeMs: number | undefined
  #passBeganMs = Number.NEGATIVE_INFINITY
  /** Looked at, and as old as before: until when they are left. */
  readonly #tried = new Map<Ino, number>()
  readonly #named = new Set<Ino>()

  constructor(options: RollingFoldersOptions) {
    this.#o = options
  }

  /** A pass is under way that began within the hour: what it leaves to later has its turn like any other. */
  get isHurried(): boolean {
    return this.#passBeforeMs !== undefined && this.#o.clock.monotonicMs() - this.#passBeganMs < HURRY_MS
  }

  /** Folders that a sweep named and that were not listed since. */
  get named(): number {
    return this.#named.size
  }

  name(folders: readonly Ino[]): void {
    for (const ino of folders) this.#named.add(ino)
  }

  startPass(): void {
    this.#passBeforeMs = this.#o.clock.nowMs()
    this.#passBeganMs = this.#o.clock.monotonicMs()
    this.#tried.clear()
  }

  /** As many as fill so many commands, without `except`, which this look has anyway. Listed less than `leastAgeMs` ago is not due yet. */
  async next(commands: number, options: { except: ReadonlySet<Ino>; leastAgeMs: number }): Promise<readonly Due[]> {
    if (commands === 0) return []
    const folders = await this.#candidates(commands, options)
    const counts = await baseCounts(this.#o.store.read, folders.map(({ ino }) => ino))
    const due: Due[] = []
    let room = commands
    for (const folder of folders) {
      const items = counts.get(folder.ino) ?? 0
      const pages = pageStarts(items).length
      if (pages > room && (due.length > 0 || commands < BATCH_COMMANDS)) continue // its turn comes: it stays the oldest
      due.push({ folder, items })
      room -= pages
      if (room <= 0) break
    }
    return due
  }

  /** The look is over, whatever came of it. */
  async looked(due: readonly Due[]): Promise<void> {
    const { clock } = this.#o
    const isJustListed = ({ listedMs }: Item): boolean => clock.nowMs() - (listedMs ?? 0) < JUST_LISTED_MS
    const after = new Map((await this.#o.mirror.getMany(due.map(({ folder }) => folder.ino))).map((item) => [item.ino, item]))
    for (const { folder } of due) {
      this.#named.delete(folder.ino)
      if (after.get(folder.ino)?.listedMs === folder.listedMs) this.#tried.set(folder.ino, clock.monotonicMs() + (isJustListed(folder) ? JUST_LISTED_MS : TRIED_MS))
    }
  }

  async #candidates(limit: number, { except, leastAgeMs }: { except: ReadonlySet<Ino>; leastAgeMs: number }): Promise<readonly Item[]> {
    const named = await this.#namedFolders(limit, except)
    const has = new Set([...except, ...named.map(({ ino }) => ino)])
    const others = await this.#oldest(limit + except.size, leastAgeMs)
    return [...named, ...others.filter(({ ino }) => !has.has(ino))]
  }

  async #namedFolders(limit: number, except: ReadonlySet<Ino>): Promise<readonly Item[]> {
    const inos = [...this.#named].filter((ino) => !except.has(ino)).slice(0, limit)
    const found = new Map((await this.#o.mirror.getMany(inos)).map((item) => [item.ino, item]))
    const folders: Item[] = []
    for (const ino of inos) {
      const folder = found.get(ino)
      if (folder !== undefined && isWatched(folder)) folders.push(folder)
      else this.#named.delete(ino)
    }
    return folders
  }

  async #oldest(limit: number, leastAgeMs: number): Promise<readonly Item[]> {
    const { mirror, clock } = this.#o
    for (const [ino, untilMs] of this.#tried) if (untilMs <= clock.monotonicMs()) this.#tried.delete(ino)
    const listedBefore = async (beforeMs: number): Promise<readonly Item[]> =>
      (await mirror.listedFolders(limit + this.#tried.size, beforeMs)).filter(({ ino }) => !this.#tried.has(ino)).slice(0, limit)
    if (this.#passBeforeMs !== undefined) {
      const left = await listedBefore(this.#passBeforeMs)
      if (left.length > 0) return left
      this.#passBeforeMs = undefined
    }
    return listedBefore(clock.nowMs() - leastAgeMs)
  }
}
