/**
 * Rows and directories in memory, bounded (lru-cache). Everything here is committed state: a change reaches it after its
 * commit, and a read begun before a commit never fills it. Also remembers which rows our own requests have changed, and
 * which rows have gone, since a listing was asked for.
 */
import { LRUCache } from 'lru-cache'
import type { Ino, RemoteId } from '../base/ids.js'
import type { Committing } from '../store/store.js'
import type { Item } from './item.js'

// What native answers do not need: a person's folders at work, and those that another engine is asked about.
const ITEMS_KEPT = 20_000 // about 14 MB of rows
const NAMES_KEPT = 50_000 // about 5 MB
const DIRECTORIES_KEPT = 2_000

/** Names of a directory in the order of their making. */
export type Children = ReadonlyMap<string, Ino>

/** One name of a directory that comes (with its ino) or goes (null). */
export interface NameEdit {
  readonly parent: Ino
  readonly name: string
  readonly ino: Ino | null
  readonly isFolder: boolean
}

/** What a change of rows means to those who keep copies of them. */
export interface RowsChanged {
  readonly inos: readonly Ino[]
  readonly names: readonly NameEdit[]
  /** Folders whose listing is not known whole any more, or may be taken for another folder's of the portal (C22). */
  readonly unlisted: readonly Ino[]
}

export class RowCache {
  readonly #items = new LRUCache<Ino, Item>({ max: ITEMS_KEPT })
  /** By their names when they were read; a folder larger than the bound is kept alone. */
  readonly #children = new LRUCache<Ino, Map<string, Ino>>({
    max: DIRECTORIES_KEPT,
    maxSize: NAMES_KEPT,
    sizeCalculation: ({ size }) => Math.min(Math.max(size, 1), NAMES_KEPT),
  })
  #listener: ((change: RowsChanged) => void) | undefined
  /** Grows with every committed change. */
  #changes = 0
  /** Change count at which our own request about the row was last confirmed or given up, or a remote id lost its row. */
  readonly #confirmed = new LRUCache<Ino | RemoteId, number>({ max: ITEMS_KEPT })

  /** Hears of each change after its commit, before whoever made it. */
  onChange(listener: (change: RowsChanged) => void): void {
    this.#listener = listener
  }

  item(ino: Ino): Item | undefined {
    return this.#items.get(ino)
  }

  children(parent: Ino): Children | undefined {
    return this.#children.get(parent)
  }

  get changes(): number {
    return this.#changes
  }

  /** Keeps what was read, unless something was committed since the read began. */
  keepItems(items: readonly Item[], since: number): void {
    if (since !== this.#changes) return
    for (const item of items) this.#items.set(item.ino, item)
  }

  keepChildren(parent: Ino, children: Map<string, Ino>, since: number): void {
    if (since === this.#changes) this.#children.set(parent, children)
  }

  confirmedSince(of: Ino | RemoteId, mark: number): boolean {
    return (this.#confirmed.get(of) ?? -1) > mark
  }

  /** After the commit: these rows are read anew, and these names come and go. */
  changed(tx: Committing, inos: readonly Ino[], names: readonly NameEdit[], unlisted: readonly Ino[] = []): void {
    tx.afterCommit(() => {
      this.#told(inos, names, unlisted)
      for (const ino of inos) this.#items.delete(ino)
    })
  }

  /** After the commit: the row is exactly this, and new. */
  made(tx: Committing, item: Item, name: NameEdit): void {
    tx.afterCommit(() => {
      this.#told([], [name], [])
      this.#items.set(item.ino, item)
    })
  }

  /** After the commit: the row, should it be known by then, has become what `next` makes of it. */
  becomes(tx: Committing, ino: Ino, next: (before: Item) => Item): void {
    tx.afterCommit(() => {
      this.#told([ino], [], [])
      const known = this.#items.peek(ino)
      if (known !== undefined) this.#items.set(ino, next(known))
    })
  }

  #told(inos: readonly Ino[], names: readonly NameEdit[], unlisted: readonly Ino[]): void {
    this.#listener?.({ inos, names, unlisted })
    this.#changes += 1
    for (const { parent, name, ino } of names) {
      const children = this.#children.get(parent)
      if (ino === null) children?.delete(name)
      else children?.set(name, ino)
    }
  }

  /**
   * From now on, and after the commit too, a listing asked for before must not be applied to the row, nor make one for the
   * id that lost its own. From now on, because a work that applies one may share our commit, and sees our rows; should we
   * be rolled back, it only looks once more.
   */
  confirmed(tx: Committing, of: Ino | RemoteId): void {
    this.#confirmed.set(of, this.#changes + 1)
    tx.afterCommit(() => {
      this.#changes += 1
      this.#confirmed.set(of, this.#changes)
    })
  }
}
