/**
 * Closed files reach the disk in the background, soon and together: close(2) waits for no disk, and a thousand files that
 * are closed one after another must not make each other wait for a thousand commits of the disk's journal. What is sent
 * is synced before by itself; this is for what waits to be sent when the power fails (DESIGN.md 6a.3).
 */
import type { Clock } from '../base/clock.js'
import { errorCode, errorText } from '../base/errors.js'
import { Limiter } from '../base/limiter.js'
import type { Log } from '../base/log.js'
import type { Content } from '../cache/content.js'
import type { Store } from '../store/store.js'

export interface LateSyncOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly onSynced: () => void
}

const GATHER_MS = 1_000 // far below the 5 to 30 s after which the kernel writes by itself
const SYNCS_AT_ONCE = 4 // each sits on a thread that others wait for

export class LateSync {
  readonly #o: LateSyncOptions
  readonly #limiter = new Limiter(SYNCS_AT_ONCE)
  /** Held until they are synced. */
  #gathered = new Set<Content>()
  #cancel: (() => void) | undefined
  readonly #syncing = new Set<Promise<void>>()

  constructor(options: LateSyncOptions) {
    this.#o = options
  }

  /** The content was closed with changes. */
  add(content: Content): void {
    if (this.#gathered.has(content)) return
    content.retain()
    this.#gathered.add(content)
    this.#cancel ??= this.#o.clock.setTimer(GATHER_MS, () => {
      this.#start()
    })
  }

  /** Everything that was added is on the disk, or told as a failure. */
  async settle(): Promise<void> {
    this.#start()
    await Promise.all(this.#syncing)
  }

  #start(): void {
    this.#cancel?.()
    this.#cancel = undefined
    const contents = this.#gathered
    this.#gathered = new Set()
    for (const content of contents) {
      const syncing = this.#limiter.run(() => this.#sync(content))
      this.#syncing.add(syncing)
      void syncing.finally(() => this.#syncing.delete(syncing))
    }
  }

  async #sync(content: Content): Promise<void> {
    try {
      if (content.isDropped) return
      await content.sync()
      await this.#o.store.transact((tx) => content.persist(tx))
    } catch (error) {
      this.#o.log.error({ code: errorCode(error), error: errorText(error), content: content.id }, 'a closed file could not be synced to disk')
    } finally {
      await content.release()
    }
    this.#o.onSynced()
  }
}
