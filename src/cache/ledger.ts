/**
 * The account of the cache's space: what every content takes, who may be evicted and in which order, and the two bounds
 * (the limit and the disk's free space). lru-cache keeps the order only; it cannot skip dirty, open or pinned content, so
 * those are not in it (DESIGN.md 6a.9). Nothing is added before room was reserved for it.
 */
import { statfs } from 'node:fs/promises'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../base/clock.js'
import { errorText } from '../base/errors.js'
import type { ContentId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { Serial } from './serial.js'

export interface CacheUsage {
  /** Everything that takes space, pinned and dirty included; never above the limit. */
  readonly usedBytes: number
  readonly limitBytes: number
  /** Of `usedBytes`: pinned. A content that is pinned and dirty counts in both. */
  readonly pinnedBytes: number
  /** Of `usedBytes`: not yet sent. */
  readonly dirtyBytes: number
}

interface Account {
  allocatedBytes: number
  dirty: boolean
  pinned: boolean
  /** Somebody has the content open, or its file turned out not to be evictable. */
  held: boolean
}

const BLOCK_BYTES = 4096 // what a file system gives at least; ten thousand tiny files take what they take
const LARGEST_BATCH = 32 // evictions at a time: they share a commit
const FREE_SPACE_AGE_MS = 1_000 // others fill the disk too

export function roundedToBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES
}

export class Ledger {
  readonly #directory: string
  readonly #clock: Clock
  readonly #log: Log
  readonly #evict: (id: ContentId) => Promise<boolean>
  /** Nothing is added before it resolves. */
  readonly #ready: () => Promise<void>
  /** Makes whoever has room reserved and does not need it give it back. */
  readonly #reclaim: () => Promise<void>
  #limitBytes: number
  #freeSpaceFloorBytes: number

  readonly #accounts = new Map<ContentId, Account>()
  /** Exactly the evictable contents with their bytes, least recently used last to be iterated by `rkeys`. */
  readonly #order = new LRUCache<ContentId, number>({ maxSize: Number.MAX_SAFE_INTEGER, sizeCalculation: (bytes) => bytes })
  /** Sums over `#accounts`. */
  #usedBytes = 0
  #pinnedBytes = 0
  #dirtyBytes = 0
  /** Promised to writers and not yet in `#usedBytes`. */
  #reservedBytes = 0
  /** What the disk had free at `#freeSinceMs`, less what was reserved since. */
  #freeBytes = 0
  #freeSinceMs = Number.NEGATIVE_INFINITY
  readonly #making = new Serial()

  constructor(options: { directory: string; clock: Clock; log: Log; limitBytes: number; freeSpaceFloorBytes: number; evict: (id: ContentId) => Promise<boolean>; ready: () => Promise<void>; reclaim: () => Promise<void> }) {
    this.#directory = options.directory
    this.#clock = options.clock
    this.#log = options.log
    this.#limitBytes = options.limitBytes
    this.#freeSpaceFloorBytes = options.freeSpaceFloorBytes
    this.#evict = options.evict
    this.#ready = options.ready
    this.#reclaim = options.reclaim
  }

  usage(): CacheUsage {
    return { usedBytes: this.#usedBytes, limitBytes: this.#limitBytes, pinnedBytes: this.#pinnedBytes, dirtyBytes: this.#dirtyBytes }
  }

  /** What could still be added if everything evictable were evicted, by the limit alone. */
  get allowanceBytes(): number {
    return Math.max(0, this.#limitBytes - this.#usedBytes - this.#reservedBytes + this.#order.calculatedSize)
  }

  get limitBytes(): number {
    return this.#limitBytes
  }

  /** Whether so much could be added, by the limit and by the disk, without anything being promised. */
  async couldAdd(bytes: number): Promise<boolean> {
    await this.#lookAtDiskIfOld()
    return this.#excess(bytes) <= this.#order.calculatedSize
  }

  allocatedBytes(id: ContentId): number {
    return this.#accounts.get(id)?.allocatedBytes ?? 0
  }

  setLimits(limits: { limitBytes?: number; freeSpaceFloorBytes?: number }): void {
    this.#limitBytes = limits.limitBytes ?? this.#limitBytes
    this.#freeSpaceFloorBytes = limits.freeSpaceFloorBytes ?? this.#freeSpaceFloorBytes
  }

  /** Enters a content as its row has it; least recently used first. */
  enter(id: ContentId, account: { allocatedBytes: number; dirty: boolean; pinned: boolean }): void {
    this.#change(id, () => ({ ...account, held: false }))
  }

  /** The content is open from now on, with what its row says. */
  hold(id: ContentId, flags: { dirty: boolean; pinned: boolean }): void {
    this.#change(id, (account) => ({ ...account, ...flags, held: true }))
  }

  /** The content is closed: evictable again, and the most recently used. */
  letGo(id: ContentId): void {
    this.#change(id, (account) => ({ ...account, held: false }))
    this.touch(id)
  }

  /** Keeps a closed content from being evicted for the life of the process. */
  bar(id: ContentId): void {
    this.#change(id, (account) => ({ ...account, held: true }))
  }

  setAllocated(id: ContentId, bytes: number): void {
    this.#change(id, (account) => ({ ...account, allocatedBytes: roundedToBlocks(bytes) }))
  }

  setDirty(id: ContentId, dirty: boolean): void {
    this.#change(id, (account) => ({ ...account, dirty }))
  }

  setPinned(id: ContentId, pinned: boolean): void {
    this.#change(id, (account) => ({ ...account, pinned }))
  }

  touch(id: ContentId): void {
    this.#order.get(id)
  }

  /** The content is gone, or nothing of it takes space and nobody holds it. */
  remove(id: ContentId): void {
    this.#change(id, () => undefined)
  }

  /**
   * Promises room for `bytes` more, evicting least recently used contents if need be; false (and nothing evicted) when
   * that cannot be. What was promised ends by `settle` or `giveBack`.
   */
  async reserve(bytes: number): Promise<boolean> {
    if (bytes <= 0) return true
    await this.#ready()
    await this.#lookAtDiskIfOld()
    if (this.#take(bytes)) return true
    return this.#making.run(() => this.#makeRoom(bytes))
  }

  /** Whether there is room for so much without evicting anything, by what is known of the disk. */
  hasFree(bytes: number): boolean {
    return this.#excess(bytes) <= 0
  }

  giveBack(bytes: number): void {
    this.#reservedBytes -= bytes
    this.#freeBytes += bytes
  }

  /** What was reserved is in the file now, which takes `allocatedBytes`. */
  settle(id: ContentId, reservedBytes: number, allocatedBytes: number): void {
    this.#reservedBytes -= reservedBytes
    this.setAllocated(id, allocatedBytes)
  }

  /** Evicts until the bounds hold again (after a lower limit, or growth that nobody could refuse). */
  async keepBounds(): Promise<void> {
    await this.#making.run(async () => {
      await this.#lookAtDisk()
      await this.#evictWhile(() => this.#excess(0))
    })
  }

  #take(bytes: number): boolean {
    if (this.#excess(bytes) > 0) return false
    this.#reservedBytes += bytes
    this.#freeBytes -= bytes
    return true
  }

  /** How many bytes must go before `bytes` more fit; 0 or less: they fit. */
  #excess(bytes: number): number {
    return Math.max(this.#usedBytes + this.#reservedBytes + bytes - this.#limitBytes, this.#freeSpaceFloorBytes + bytes - this.#freeBytes)
  }

  async #makeRoom(bytes: number): Promise<boolean> {
    await this.#lookAtDisk()
    if (this.#excess(bytes) > this.#order.calculatedSize) {
      await this.#reclaim()
      await this.#lookAtDisk()
    }
    if (this.#excess(bytes) > this.#order.calculatedSize) return false
    await this.#evictWhile(() => this.#excess(bytes))
    return this.#take(bytes)
  }

  /** Evicts in batches, so that their rows share a commit; each content is tried once. */
  async #evictWhile(excess: () => number): Promise<void> {
    const tried = new Set<ContentId>()
    while (excess() > 0) {
      const victims = this.#victims(excess(), tried)
      if (victims.length === 0) return
      await Promise.all(
        victims.map(async ([id, bytes]) => {
          tried.add(id)
          if (await this.#evict(id)) this.#freeBytes += bytes
        }),
      )
    }
  }

  #victims(excess: number, tried: ReadonlySet<ContentId>): readonly (readonly [ContentId, number])[] {
    const victims: (readonly [ContentId, number])[] = []
    let bytes = 0
    for (const id of this.#order.rkeys()) {
      if (bytes >= excess || victims.length === LARGEST_BATCH) break
      if (tried.has(id)) continue
      const size = this.allocatedBytes(id)
      victims.push([id, size])
      bytes += size
    }
    return victims
  }

  async #lookAtDiskIfOld(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#freeSinceMs > FREE_SPACE_AGE_MS) await this.#lookAtDisk()
  }

  async #lookAtDisk(): Promise<void> {
    try {
      const { bavail, bsize } = await statfs(this.#directory)
      this.#freeBytes = bavail * bsize - this.#reservedBytes
    } catch (error) {
      // Without the figure only the limit bounds; a disk that is really full says so itself.
      this.#log.warn({ error: errorText(error) }, 'the free space of the cache disk is unknown')
      this.#freeBytes = Number.MAX_SAFE_INTEGER
    }
    this.#freeSinceMs = this.#clock.monotonicMs()
  }

  #change(id: ContentId, next: (account: Account) => Account | undefined): void {
    const before = this.#accounts.get(id)
    const after = next(before ?? { allocatedBytes: 0, dirty: false, pinned: false, held: false })
    this.#add(before, -1)
    this.#add(after, 1)
    if (after === undefined || (after.allocatedBytes === 0 && !after.held)) this.#accounts.delete(id)
    else this.#accounts.set(id, after)
    const bytes = after === undefined || after.held || after.dirty || after.pinned ? 0 : after.allocatedBytes
    if (bytes === 0) this.#order.delete(id)
    else if (this.#order.peek(id) !== bytes) this.#order.set(id, bytes)
  }

  #add(account: Account | undefined, sign: 1 | -1): void {
    if (account === undefined) return
    this.#usedBytes += sign * account.allocatedBytes
    if (account.pinned) this.#pinnedBytes += sign * account.allocatedBytes
    if (account.dirty) this.#dirtyBytes += sign * account.allocatedBytes
  }
}
