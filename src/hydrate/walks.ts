/**
 * Guesses which small files of a folder will be opened next. Two files opened one soon after the other that stand near
 * each other, as readdir or as their names order them, are a walk, which will want those behind them too. Eight readers
 * that share a walk come a little out of order. Asks nothing of the portal; what it names is a guess and nothing more.
 */
import type { Clock } from '../base/clock.js'
import type { ContentId, Ino, RemoteId } from '../base/ids.js'
import type { ContentCache } from '../cache/content-cache.js'
import { filesAfter, type WalkOrder } from '../mirror/files-after.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { WHOLE_FILE_BYTES } from './plan-window.js'

const NEAR_FILES = 16 // how far from each other parallel readers are, with files between that are here already
const PAUSE_MS = 10_000 // between two files of one walk
const AHEAD = 49 // with the file that is asked about a whole batch
const LOW = 32 // so few guesses left, and the next are due: a real portal may need a second for fifty
const SCANNED_PAGES = 3 // of files that are here already
const MOST_WALKS = 16
const MOST_DONE = 256

interface Walk {
  last: Item
  lastMs: number
  order: WalkOrder | undefined
  /** Guessed up to here; undefined when nothing is left behind it. */
  end: Item | undefined
  /** Guessed and not opened yet. */
  readonly ahead: Map<RemoteId, Item>
  /** Opened lately: not guessed again while their bytes are coming. */
  readonly done: Set<RemoteId>
  isPlanning: boolean
}

export class Walks {
  readonly #store: Store
  readonly #mirror: Mirror
  readonly #cache: ContentCache
  readonly #clock: Clock
  /** By folder, least recently used first. */
  readonly #walks = new Map<Ino, Walk>()

  constructor(options: { store: Store; mirror: Mirror; cache: ContentCache; clock: Clock }) {
    this.#store = options.store
    this.#mirror = options.mirror
    this.#cache = options.cache
    this.#clock = options.clock
  }

  /** A file is opened that was not guessed; answers what to expect now. */
  async unexpected(contentId: ContentId): Promise<readonly RemoteId[]> {
    const item = await this.#mirror.byContent(contentId)
    if (item?.base === undefined || item.base === null || item.parent === null) return []
    const known = this.#live(item.parent)
    const walk: Walk = known ?? { last: item, lastMs: 0, order: undefined, end: undefined, ahead: new Map(), done: new Set(), isPlanning: false }
    const before = walk.last
    this.#note(item.parent, walk, item, item.base.id)
    if (known === undefined || before.ino === item.ino) return []
    const sequence = await this.#sequence(walk.order, before, item)
    walk.order = sequence?.order
    return sequence === undefined ? [] : this.#guess(walk, sequence.order, sequence.first, AHEAD)
  }

  /** A file is opened that was guessed; answers what to expect further on, when it is time for that. */
  async expected(id: RemoteId): Promise<readonly RemoteId[]> {
    const [folder, walk] = [...this.#walks].find(([, { ahead }]) => ahead.has(id)) ?? []
    const item = walk?.ahead.get(id)
    if (walk === undefined || folder === undefined || item === undefined) return []
    this.#note(folder, walk, item, id)
    const { order, end } = walk
    if (order === undefined || end === undefined || walk.isPlanning || walk.ahead.size > LOW) return []
    return this.#guess(walk, order, end, AHEAD + 1)
  }

  #live(folder: Ino): Walk | undefined {
    const walk = this.#walks.get(folder)
    return walk !== undefined && this.#clock.monotonicMs() - walk.lastMs <= PAUSE_MS ? walk : undefined
  }

  #note(folder: Ino, walk: Walk, item: Item, id: RemoteId): void {
    walk.last = item
    walk.lastMs = this.#clock.monotonicMs()
    walk.ahead.delete(id)
    walk.done.add(id)
    for (const oldest of walk.done) if (walk.done.size > MOST_DONE) walk.done.delete(oldest)
    this.#walks.delete(folder)
    this.#walks.set(folder, walk)
    for (const oldest of this.#walks.keys()) if (this.#walks.size > MOST_WALKS) this.#walks.delete(oldest)
  }

  /** In which order the two stand near each other, and which of them is first. */
  async #sequence(likely: WalkOrder | undefined, one: Item, other: Item): Promise<{ readonly order: WalkOrder; readonly first: Item } | undefined> {
    for (const order of likely === 'name' ? (['name', 'readdir'] as const) : (['readdir', 'name'] as const)) {
      for (const [first, second] of [[one, other], [other, one]] as const) {
        const next = await filesAfter(this.#store.read, first, order, NEAR_FILES)
        if (next.some(({ ino }) => ino === second.ino)) return { order, first }
      }
    }
    return undefined
  }

  /** Up to `count` files behind `from` that are small and not here. */
  async #guess(walk: Walk, order: WalkOrder, from: Item, count: number): Promise<readonly RemoteId[]> {
    const guessed = new Map<RemoteId, Item>()
    walk.isPlanning = true
    try {
      walk.end = from
      for (let page = 0; page < SCANNED_PAGES && walk.end !== undefined && guessed.size < count; page += 1) {
        const next: readonly Item[] = await filesAfter(this.#store.read, walk.end, order, 2 * count)
        const missing = await this.#notHere(next)
        const taken = missing.filter(({ id }) => !walk.ahead.has(id) && !walk.done.has(id)).slice(0, count - guessed.size)
        for (const { id, item } of taken) guessed.set(id, item)
        walk.end = guessed.size === count ? taken.at(-1)?.item : next.at(-1)
      }
    } finally {
      walk.isPlanning = false
    }
    for (const [id, item] of guessed) walk.ahead.set(id, item)
    return [...guessed.keys()]
  }

  async #notHere(items: readonly Item[]): Promise<readonly { readonly id: RemoteId; readonly item: Item }[]> {
    const contents = await this.#cache.summary(items.flatMap(({ contentId }) => (contentId === null ? [] : [contentId])))
    return items.flatMap((item) => {
      const isSmall = item.sizeBytes > 0 && item.sizeBytes <= WHOLE_FILE_BYTES
      const isHere = item.contentId !== null && (contents.get(item.contentId)?.presentBytes ?? 0) > 0
      return item.base === null || !isSmall || isHere ? [] : [{ id: item.base.id, item }]
    })
  }
}
