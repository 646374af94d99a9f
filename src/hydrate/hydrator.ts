/**
 * Remote bytes into the cache, when somebody waits for them. One transfer for each content; what concerns all of them is
 * here: how many background downloads run at once, whether the portal serves ranges, pause and stop. A read waits for
 * exactly its bytes; what nobody waits for is bounded and can be cut.
 */
import type { Clock } from '../base/clock.js'
import { DriveError } from '../base/errors.js'
import type { ContentId, RemoteId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Content } from '../cache/content.js'
import type { Drive, Priority, RemoteFile } from '../drive/drive.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { Looks } from './looks.js'
import type { TransferHost } from './transfer-host.js'
import { Transfer } from './transfer.js'
import { Walks } from './walks.js'

export interface HydratorOptions {
  readonly drive: Drive
  readonly cache: ContentCache
  readonly mirror: Mirror
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly stallDeadlineMs: () => number
  /** A look found a newer version than the content's; called for each look that does. */
  readonly onVersionMoved: (remote: RemoteFile) => void
  /** Stops what nobody sits in front of; call `pauseChanged` when its answer changes. */
  readonly isPaused?: () => boolean
}

export interface TransferProgress {
  readonly contentId: ContentId
  readonly fileId: RemoteId
  readonly doneBytes: number
  readonly sizeBytes: number
  readonly waiting: number
}

const BACKGROUND_STREAMS = 3 // the rest of the connections is for people
const IDLE_TRANSFERS = 4 // remembered for a reader that comes back: its windows, and what the cache had no room for
const WHOLE_ONLY_FOR_MS = 600_000 // a front end is seldom reconfigured
const READ_ATTEMPTS = 3 // a cache file that loses its bytes again and again is no cache

export class Hydrator {
  readonly #clock: Clock
  readonly #isPaused: () => boolean
  readonly #looks: Looks
  readonly #host: TransferHost
  /** By content; least recently idle first. */
  readonly #transfers = new Map<ContentId, Transfer>()
  /** Transfers that wait for a background stream, in order. */
  readonly #queue = new Set<{ pump(): void }>()
  #backgroundStreams = 0
  #wholeOnlyUntilMs = Number.NEGATIVE_INFINITY
  #stopped = false

  constructor(options: HydratorOptions) {
    this.#clock = options.clock
    this.#isPaused = options.isPaused ?? (() => false)
    this.#looks = new Looks({ drive: options.drive, walks: new Walks(options), clock: options.clock, log: options.log })
    this.#host = {
      drive: options.drive,
      looks: this.#looks,
      store: options.store,
      clock: options.clock,
      log: options.log,
      stallDeadlineMs: options.stallDeadlineMs,
      onVersionMoved: options.onVersionMoved,
      isPaused: this.#isPaused,
      servesWholeOnly: () => this.#clock.monotonicMs() < this.#wholeOnlyUntilMs,
      noteWholeOnly: () => {
        this.#wholeOnlyUntilMs = this.#clock.monotonicMs() + WHOLE_ONLY_FOR_MS
      },
      cacheLimitBytes: () => options.cache.usage().limitBytes,
      takeSlot: (waiting) => this.#takeSlot(waiting),
      freeSlot: () => {
        this.#freeSlot()
      },
      onIdle: (content) => {
        this.#keepIdle(content)
      },
    }
  }

  /**
   * Bytes [offset, offset + lengthBytes) clipped at the content's size: from the cache, else when they have arrived.
   * Never fails for lack of room in the cache. `deadline`, `offline`, `vanished`, `interrupted` and what the drive says.
   */
  async read(content: Content, offset: number, lengthBytes: number, options: { signal: AbortSignal }): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt += 1) {
      const range = { start: offset, end: Math.min(offset + lengthBytes, content.sizeBytes) }
      if (range.end <= range.start) return new Uint8Array(0)
      if (content.has(range)) {
        this.#known(content)?.noteRead(range)
      } else {
        const bytes = await this.#transfer(content).read(range, options.signal)
        if (bytes !== undefined) return bytes
      }
      try {
        return await content.read(range.start, range.end - range.start)
      } catch (error) {
        // Cut meanwhile, discarded meanwhile, or the file lost its bytes: look again.
        if (attempt === READ_ATTEMPTS || content.has(range)) throw error
      }
    }
  }

  /**
   * Resolves when everything of the content is here and proved to be one version. `cache-full` when there is no room.
   * With priority `interactive` the stall deadline holds; anything else waits as long as it takes, also for a pause's end.
   */
  async hydrate(content: Content, options: { priority: Priority; signal?: AbortSignal }): Promise<void> {
    if (content.isComplete && !this.#transfers.has(content.id)) return
    await this.#transfer(content).hydrate(options.priority, options.signal)
  }

  /** A reader closed its handle: a download nobody waits for and nobody hydrates is cut. */
  readerGone(content: Content): void {
    const transfer = this.#known(content)
    if (transfer?.isIdle === true) this.#transfers.delete(content.id)
    else transfer?.readerGone()
  }

  pauseChanged(): void {
    for (const transfer of [...this.#transfers.values()]) transfer.pauseChanged()
  }

  /** What is under way, for people. */
  transfers(): readonly TransferProgress[] {
    return [...this.#transfers.values()].flatMap((transfer) => {
      const { content } = transfer
      if (transfer.isIdle || content.origin === null) return []
      return [{ contentId: content.id, fileId: content.origin.fileId, doneBytes: content.ranges.totalBytes, sizeBytes: content.sizeBytes, waiting: transfer.waiting }]
    })
  }

  /** Everybody who waits gets `cancelled`; resolves when nothing runs and no content is held any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([this.#looks.stop(), ...[...this.#transfers.values()].map((transfer) => transfer.stop())])
    this.#transfers.clear()
  }

  /** The transfer of exactly this live object; what is known of an earlier one is forgotten with it. */
  #known(content: Content): Transfer | undefined {
    const transfer = this.#transfers.get(content.id)
    return transfer?.content === content ? transfer : undefined
  }

  #transfer(content: Content): Transfer {
    if (this.#stopped) throw new DriveError('cancelled', 'the drive is being unmounted')
    const known = this.#known(content)
    if (known !== undefined) return known
    const transfer = new Transfer(this.#host, content)
    this.#transfers.set(content.id, transfer)
    return transfer
  }

  #takeSlot(transfer: { pump(): void }): boolean {
    if (this.#isPaused()) return false
    if (this.#backgroundStreams >= BACKGROUND_STREAMS) {
      this.#queue.add(transfer)
      return false
    }
    this.#queue.delete(transfer)
    this.#backgroundStreams += 1
    return true
  }

  #freeSlot(): void {
    this.#backgroundStreams -= 1
    for (const transfer of [...this.#queue]) {
      if (this.#backgroundStreams >= BACKGROUND_STREAMS) return
      this.#queue.delete(transfer)
      transfer.pump()
    }
  }

  /** A few are remembered; a complete content needs no transfer any more. */
  #keepIdle(content: Content): void {
    const transfer = this.#known(content)
    if (transfer === undefined) return
    this.#transfers.delete(content.id)
    if (content.isComplete) return
    this.#transfers.set(content.id, transfer)
    const idle = [...this.#transfers.values()].filter((other) => other === transfer || other.isIdle)
    for (const oldest of idle.slice(0, Math.max(0, idle.length - IDLE_TRANSFERS))) this.#transfers.delete(oldest.content.id)
  }
}
