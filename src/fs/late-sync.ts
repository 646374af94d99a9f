/**
 * Closed files reach the disk in the background, soon and together: close(2) waits for no disk, and a thousand files that
 * are closed one after another must not make each other wait for a thousand commits of the disk's journal. What is sent
 * is synced before by itself; this is for what waits to be sent when the power fails (DESIGN.md 6a.3).
 */
import type { Clock } from '../base/clock.js'
import { errorCode, errorText } from '../base/errors.js'
import type { Content } from '../cache/content.js'
import { TogetherSync, type TogetherOptions } from '../cache/sync-together.js'

export interface LateSyncOptions extends TogetherOptions {
  readonly clock: Clock
  readonly onSynced: () => void
}

const GATHER_MS = 1_000 // far below the 5 to 30 s after which the kernel writes by itself

export class LateSync {
  readonly #o: LateSyncOptions
  readonly #together: TogetherSync
  /** Held until they are synced, each with what ends the waiting for its drop. */
  readonly #gathered = new Map<Content, () => void>()
  #cancel: (() => void) | undefined
  /** One round at a time. */
  #running: Promise<void> | undefined

  constructor(options: LateSyncOptions) {
    this.#o = options
    this.#together = new TogetherSync(options)
  }

  /** The content was closed with changes. */
  add(content: Content): void {
    if (content.isDropped || this.#gathered.has(content)) return
    content.retain()
    const forget = content.whenDropped(() => {
      this.#gathered.delete(content)
      forget()
      void this.#letGo(content)
    })
    this.#gathered.set(content, forget)
    this.#schedule()
  }

  /** Everything that was added is on the disk, or told as a failure; nothing is added any more. */
  async close(): Promise<void> {
    await this.settle()
    this.#cancel?.() // what it was set for was deleted meanwhile
    await this.#together.close()
  }

  /** What was added until now is on the disk, or told as a failure, and let go. */
  async settle(): Promise<void> {
    while (this.#gathered.size > 0 || this.#running !== undefined) {
      if (this.#running === undefined) this.#start()
      await this.#running
    }
  }

  #schedule(): void {
    if (this.#gathered.size === 0 || this.#running !== undefined) return
    this.#cancel ??= this.#o.clock.setTimer(GATHER_MS, () => {
      this.#start()
    })
  }

  #start(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#running = this.#round().finally(() => {
      this.#running = undefined
      this.#schedule()
    })
  }

  async #round(): Promise<void> {
    const contents = [...this.#gathered.keys()]
    for (const forget of this.#gathered.values()) forget()
    this.#gathered.clear()
    await this.#together.sync(contents)
    for (const content of contents) await this.#letGo(content)
    this.#o.onSynced()
  }

  async #letGo(content: Content): Promise<void> {
    try {
      await content.release()
    } catch (error) {
      this.#o.log.error({ code: errorCode(error), error: errorText(error), content: content.id }, 'a closed file could not be let go')
    }
  }
}
