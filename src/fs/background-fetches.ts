/**
 * Files that shall be here though nobody reads them now, fetched in the background a few at a time. What fails is kept
 * with its reason and tried again; whoever waits is told when nothing is left to fetch.
 */
import { DriveError, errorCode, errorText, hasCode, type ErrorCode } from '../base/errors.js'
import type { Clock } from '../base/clock.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { ServiceLoop, type Service } from '../base/service.js'
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

/** Why a file could not be fetched, since its first failure; times are wall time. */
export interface FetchFailure {
  readonly code: ErrorCode
  readonly text: string
  readonly sinceMs: number
  readonly nextTryMs: number
}

const TOGETHER = 2 // leaves a connection for who waits (bitrix24-rest.md section 16)
const RETRY_MS = 30_000 // a failed background download is nobody's hurry

export class BackgroundFetches implements Service {
  readonly #o: BackgroundFetchesOptions
  readonly #loop: ServiceLoop
  /** In order of asking. */
  readonly #wanted = new Set<Ino>()
  readonly #active = new Set<Ino>()
  /** Of files whose last attempt failed: those are neither wanted nor active, or tried again now. */
  readonly #failures = new Map<Ino, FetchFailure>()
  readonly #idleWaiters = new Set<() => void>()

  constructor(options: BackgroundFetchesOptions) {
    this.#o = options
    this.#loop = new ServiceLoop({ name: 'background fetches', clock: options.clock, log: options.log, turn: (signal) => this.#turn(signal) })
  }

  start(): void {
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

  /** What failed is tried again now. */
  hurry(): void {
    for (const ino of this.#failures.keys()) this.#wanted.add(ino)
    this.#loop.wake()
  }

  /** Files that are not all here yet, failed ones included. */
  get pending(): number {
    return new Set([...this.#wanted, ...this.#active, ...this.#failures.keys()]).size
  }

  get failures(): ReadonlyMap<Ino, FetchFailure> {
    return this.#failures
  }

  /** Resolves when nothing is pending; 'cancelled' by the signal. */
  async waitUntilIdle(signal: AbortSignal): Promise<void> {
    if (this.pending === 0) return
    await new Promise<void>((resolve, reject) => {
      const onIdle = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = (): void => {
        this.#idleWaiters.delete(onIdle)
        reject(new DriveError('cancelled', 'the wait for downloads was cancelled'))
      }
      this.#idleWaiters.add(onIdle)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
    })
  }

  async #turn(signal: AbortSignal): Promise<number> {
    const { clock } = this.#o
    for (const [ino, { nextTryMs }] of this.#failures) if (nextTryMs <= clock.nowMs()) this.#wanted.add(ino)
    while (this.#wanted.size > 0 && !signal.aborted) {
      const next = [...this.#wanted].slice(0, TOGETHER)
      await Promise.all(next.map((ino) => this.#fetch(ino, signal)))
    }
    return this.#failures.size === 0 ? Infinity : RETRY_MS
  }

  async #fetch(ino: Ino, signal: AbortSignal): Promise<void> {
    this.#wanted.delete(ino)
    this.#active.add(ino)
    try {
      await this.#hydrate(ino, signal)
      this.#failures.delete(ino)
    } catch (error) {
      if (hasCode(error, 'not-found', 'vanished')) this.#failures.delete(ino)
      else if (!signal.aborted) this.#noteFailure(ino, error)
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

  #noteFailure(ino: Ino, error: unknown): void {
    const nowMs = this.#o.clock.nowMs()
    const failure = { code: errorCode(error), text: errorText(error) }
    this.#o.log.info({ ino, ...failure }, 'a background download failed and is tried again later')
    this.#failures.set(ino, { ...failure, sinceMs: this.#failures.get(ino)?.sinceMs ?? nowMs, nextTryMs: nowMs + RETRY_MS })
  }

  #tellIdle(): void {
    if (this.pending > 0) return
    for (const tell of this.#idleWaiters) tell()
    this.#idleWaiters.clear()
  }
}
