/**
 * Where the downloaded bytes of one content go: into the cache while it has room, else past it, held for a moment for
 * readers nearby. Records now and then what is here, so that a kill costs little.
 */
import { errorText } from '../base/errors.js'
import type { Log } from '../base/log.js'
import type { Content } from '../cache/content.js'
import type { Store } from '../store/store.js'
import { PassThrough } from './pass-through.js'
import type { RemoteSource } from './remote-source.js'

const PERSIST_BYTES = 32 * 1024 * 1024 // what a kill may cost

export class Intake {
  readonly passed = new PassThrough()
  readonly #content: Content
  readonly #source: RemoteSource
  readonly #store: Store
  readonly #log: Log
  /** The file can never be kept whole, and parts of it are of no use. */
  readonly #isHopeless: () => boolean
  #unpersistedBytes = 0
  #isKeeping = true

  constructor(options: { content: Content; source: RemoteSource; store: Store; log: Log; isHopeless: () => boolean }) {
    this.#content = options.content
    this.#source = options.source
    this.#store = options.store
    this.#log = options.log
    this.#isHopeless = options.isHopeless
  }

  /** The cache had room for the last bytes. */
  get isKeeping(): boolean {
    return this.#isKeeping
  }

  /** `new`: kept, and some of it was not here before. `known`: it was all here. `passed`: no room. */
  async take(offset: number, bytes: Uint8Array): Promise<'new' | 'known' | 'passed'> {
    const range = { start: offset, end: offset + bytes.length }
    const isNew = !this.#content.has(range)
    this.#isKeeping = !this.#isHopeless() && (await this.#content.fill(offset, bytes))
    if (!this.#isKeeping) {
      this.passed.add(offset, bytes)
      return 'passed'
    }
    this.#source.took(range)
    this.#unpersistedBytes += bytes.length
    if (this.#unpersistedBytes >= PERSIST_BYTES) await this.#persist()
    return isNew ? 'new' : 'known'
  }

  async #persist(): Promise<void> {
    this.#unpersistedBytes = 0
    try {
      await this.#store.transact((tx) => this.#content.persist(tx))
    } catch (error) {
      this.#log.error({ content: this.#content.id, error: errorText(error) }, 'what was downloaded could not be recorded')
    }
  }
}
