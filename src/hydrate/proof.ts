/**
 * The look that proves a download which one look before it could not: of several answers, or begun with a look that was
 * read ahead. One at a time. A failed one is tried again only while somebody waits for the whole; the next download begins
 * with a look.
 */
import type { Priority } from '../drive/drive.js'
import type { RemoteSource } from './remote-source.js'

export class Proof {
  readonly #source: RemoteSource
  readonly #onFailed: (error: unknown) => void
  #isRunning = false
  #hasFailed = false

  constructor(options: { source: RemoteSource; onFailed: (error: unknown) => void }) {
    this.#source = options.source
    this.#onFailed = options.onFailed
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Nobody waits for it, and it has not failed. */
  get isWorthTrying(): boolean {
    return this.#source.needsProof && !this.#hasFailed
  }

  noteDownload(): void {
    this.#hasFailed = false
  }

  /** Resolves when it is done or has failed. */
  async run(priority: Priority, isPatient = false): Promise<void> {
    this.#isRunning = true
    try {
      await this.#source.prove({ priority }, isPatient)
    } catch (error) {
      this.#hasFailed = true
      this.#onFailed(error)
    } finally {
      this.#isRunning = false
    }
  }

  /** Somebody waits for it now. */
  hurry(): void {
    this.#source.hurryProof()
  }
}
