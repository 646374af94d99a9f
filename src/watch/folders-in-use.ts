/**
 * Folders that somebody works in: opened, or a child opened or created, within the last 10 minutes; at most 50, the most
 * recent ones (DESIGN.md section 7). They are looked at often, and whether there are any decides how busy the watch is.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../base/clock.js'
import type { Ino } from '../base/ids.js'

const IN_USE_MS = 10 * 60_000
const MOST_FOLDERS = 50

export class FoldersInUse {
  readonly #clock: Clock
  /** When each was used last; most recent first. */
  readonly #used = new LRUCache<Ino, number>({ max: MOST_FOLDERS })

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(folder: Ino): void {
    this.#used.set(folder, this.#clock.monotonicMs())
  }

  /** Most recent first. */
  list(): readonly Ino[] {
    const since = this.#clock.monotonicMs() - IN_USE_MS
    return [...this.#used.entries()].filter(([, usedMs]) => usedMs >= since).map(([ino]) => ino)
  }
}
