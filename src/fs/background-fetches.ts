/**
 * Files that shall be here though nobody reads them now, fetched in the background a few at a time. What fails is kept
 * with its reason and tried again, ever more rarely; whoever waits is told when nothing is left to fetch.
 */
import { errorCode, errorText, hasCode, mayPass, type ErrorCode } from '../base/errors.js'
import type { Clock } from '../base/clock.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { ServiceLoop, type Service } from '../base/service.js'
import { Waiters } from '../base/waiters.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Hydrator } from '../hydrate/hydrator.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { Store } from '../store/store.js'
import { holdContent } from './content-holding.js'

export interface BackgroundFetchesOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly cache: ContentCache
  readonly hydrator: Hydrator
  readonly clock: Clock
  readonly log: Log
  /** How much of an item is on this disk has changed. */
  readonly onPresence: (item: Item) => void
}

/** Why a file could not be fetched; times are wall time. */
export interface FetchFailure {
  readonly code: ErrorCode
  readonly text: string
  /** Of the first of the failures. */
  readonly sinceMs: number
  readonly nextTryMs: number
}

interface Failed extends FetchFailure {
  readonly pauseMs: number
  /** Monotonic. */
  readonly dueMs: number
}

const TOGETHER = 2 // leaves a connection for who waits (bitrix24-rest.md section 16)
/** A failed background download is nobody's hurry, and a file that never comes must cost next to nothing in an idle hour. */
export const FETCH_AGAIN_MS = 30_000
export const SELDOM_AGAIN_MS = 3_600_000

const WISHED_FOR_MS = 480_000 // between the last two attempts for what is not pinned: nobody could end its wish

export class BackgroundFetches implements Service {
  readonly #o: BackgroundFetchesOptions
  readonly #loop: ServiceLoop
  /** In order of asking. */
  readonly #wanted = new Set<Ino>()
  readonly #active = new Set<Ino>()
  /** Of files whose last attempt failed, also while they are wanted or active again. */
  readonly #failures = new Map<Ino, Failed>()
  /** Wished for once, by a rename, and not pinned. */
  readonly #wishes = new Set<Ino>()
  readonly #idleWaiters = new Waiters()
  readonly #stopping = new AbortController()

  constructor(options: BackgroundFetchesOptions) {
    this.#o = options
    this.#loop = new ServiceLoop({ name: 'background fetches', clock: options.clock, log: options.log, turn: (signal) => this.#turn(signal) })
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop.stop()
  }

  /** The file's bytes are to be here, and stay wanted until they are. */
  want(ino: Ino): void {
    this.#wishes.delete(ino)
    this.#wanted.add(ino)
    this.#loop.wake()
  }

  /** As `want`, until it turns out that they cannot be had. */
  wish(ino: Ino): void {
    if (!this.#isPending(ino)) this.#wishes.add(ino)
    this.#wanted.add(ino)
    this.#loop.wake()
  }

  /** Nobody wants them any more; what is on its way may still come. */
  forget(inos: Iterable<Ino>): void {
    for (const ino of inos) {
      this.#wanted.delete(ino)
      this.#failures.delete(ino)
      if (this.#active.has(ino)) this.#wishes.add(ino)
    }
    this.#tellIdle()
  }

  /** What failed is tried again now. */
  hurry(): void {
    for (const [ino, failed] of this.#failures) {
      this.#failures.set(ino, { ...failed, pauseMs: 0 })
      this.#wanted.add(ino)
    }
    this.#loop.wake()
  }

  /** How many files are not all here yet, failed ones included. */
  get pending(): number {
    let count = this.#wanted.size
    for (const ino of this.#active) if (!this.#wanted.has(ino)) count += 1
    for (const ino of this.#failures.keys()) if (!this.#wanted.has(ino) && !this.#active.has(ino)) count += 1
    return count
  }

  get failures(): ReadonlyMap<Ino, FetchFailure> {
    return this.#failures
  }

  /** Resolves when nothing is pending; 'cancelled' by the signal or the stop. */
  async waitUntilIdle(signal: AbortSignal): Promise<void> {
    if (!this.#isIdle) await this.#idleWaiters.wait([signal, this.#stopping.signal])
  }

  get #isIdle(): boolean {
    return this.#wanted.size === 0 && this.#active.size === 0 && this.#failures.size === 0
  }

  #isPending(ino: Ino): boolean {
    return this.#wanted.has(ino) || this.#active.has(ino) || this.#failures.has(ino)
  }

  async #turn(signal: AbortSignal): Promise<number> {
    const nowMs = this.#o.clock.monotonicMs()
    for (const [ino, { dueMs }] of this.#failures) if (dueMs <= nowMs) this.#wanted.add(ino)
    while (this.#wanted.size > 0 && !signal.aborted) {
      const reached = await Promise.all(this.#next().map((ino) => this.#fetch(ino, signal)))
      if (reached.includes(false)) return FETCH_AGAIN_MS // nobody else will come through either
    }
    const due = [...this.#failures.values()].map(({ dueMs }) => dueMs)
    return due.length === 0 ? Infinity : Math.max(0, due.reduce((one, other) => Math.min(one, other)) - this.#o.clock.monotonicMs())
  }

  #next(): readonly Ino[] {
    const next: Ino[] = []
    for (const ino of this.#wanted) {
      next.push(ino)
      if (next.length === TOGETHER) break
    }
    return next
  }

  /** False when the portal is away: the file stays wanted. */
  async #fetch(ino: Ino, signal: AbortSignal): Promise<boolean> {
    this.#wanted.delete(ino)
    this.#active.add(ino)
    try {
      await this.#hydrate(ino, signal)
      this.#settle(ino)
      return true
    } catch (error) {
      if (signal.aborted) return false
      if (hasCode(error, 'offline')) {
        this.#wanted.add(ino)
        return false
      }
      if (hasCode(error, 'not-found', 'vanished') || (this.#wishes.has(ino) && (!mayPass(error) || (this.#failures.get(ino)?.pauseMs ?? 0) >= WISHED_FOR_MS))) this.#settle(ino)
      else this.#noteFailure(ino, error)
      return true
    } finally {
      this.#active.delete(ino)
      this.#tellIdle()
    }
  }

  async #hydrate(ino: Ino, signal: AbortSignal): Promise<void> {
    const item = await this.#o.mirror.get(ino)
    if (item === undefined || item.deleted || item.kind === 'folder' || (await isInTrash(this.#o.store.read, item.parent))) return
    const content = await holdContent(this.#o, ino)
    try {
      await this.#o.hydrator.hydrate(content, { priority: 'background', signal })
    } finally {
      await content.release()
    }
    this.#o.onPresence(item)
  }

  #settle(ino: Ino): void {
    this.#failures.delete(ino)
    this.#wishes.delete(ino)
  }

  #noteFailure(ino: Ino, error: unknown): void {
    const { clock, log } = this.#o
    const failure = { code: errorCode(error), text: errorText(error) }
    const before = this.#failures.get(ino)
    const pauseMs = Math.min(before === undefined || before.pauseMs === 0 ? FETCH_AGAIN_MS : before.pauseMs * 2, SELDOM_AGAIN_MS)
    log.info({ ino, ...failure, pauseMs }, 'a background download failed and is tried again later')
    this.#failures.set(ino, { ...failure, sinceMs: before?.sinceMs ?? clock.nowMs(), nextTryMs: clock.nowMs() + pauseMs, pauseMs, dueMs: clock.monotonicMs() + pauseMs })
  }

  #tellIdle(): void {
    if (this.#isIdle) this.#idleWaiters.now()()
  }
}
