/**
 * Looks at files on the portal before, between and after their downloads. A look costs a request of its own only where
 * nothing else is going on: those that wait together go together, and those of files that a walk will open next go along.
 * An answer read ahead may be outdated when it is used, and says so; a fresh one was asked for after the call.
 */
import type { Clock } from '../base/clock.js'
import { errorText } from '../base/errors.js'
import type { ContentId, RemoteId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { CallOptions, Drive, RemoteFile } from '../drive/drive.js'
import { KeptLooks } from './kept-looks.js'
import { LookQueue, gone } from './look-queue.js'
import type { Walks } from './walks.js'

export interface Look {
  readonly file: RemoteFile
  /** Asked for before anybody wanted it: proves nothing about what was taken before, and needs a look afterwards. */
  readonly isAhead: boolean
}

/** An answer that takes longer than this may never come: another request is worth it. */
const LONGEST_COMING_MS = 5_000

export class Looks {
  readonly #walks: Walks
  readonly #log: Log
  readonly #kept: KeptLooks
  readonly #queue: LookQueue
  /** Guesses one after another: the second reader of a walk finds what the first has asked for. */
  #turn: Promise<unknown> = Promise.resolve()
  readonly #tasks = new Set<Promise<void>>()

  constructor(options: { drive: Drive; walks: Walks; clock: Clock; log: Log }) {
    this.#walks = options.walks
    this.#log = options.log
    this.#kept = new KeptLooks(options.clock)
    this.#queue = new LookQueue({
      ...options,
      onAhead: (id, file, askedMs) => {
        this.#kept.keep(id, file, askedMs)
      },
    })
  }

  /** Before the first bytes of a small file that somebody reads. Fails as `getFile` does. */
  async first(contentId: ContentId, id: RemoteId, call: CallOptions): Promise<Look> {
    const known = await this.#known(id, call)
    if (known !== undefined) return known
    const { answer } = await this.#inTurn(async () => {
      if (this.#isKnown(id)) return { answer: undefined }
      const ahead = await this.#walks.unexpected(contentId)
      const asked = this.#queue.ask(id, call)
      this.#queue.lookAhead(ahead.filter((other) => !this.#isKnown(other)))
      return { answer: asked } // in an object, so that the next turn does not wait for the portal
    })
    const file = answer === undefined ? undefined : await answer
    return file === undefined ? ((await this.#known(id, call)) ?? { file: await this.fresh(id, call), isAhead: false }) : { file, isAhead: false }
  }

  /** The file as the portal has it after this call. */
  fresh(id: RemoteId, call: CallOptions): Promise<RemoteFile> {
    return this.#queue.ask(id, call)
  }

  /** As `fresh`, for whom a few seconds do not matter: goes together with others. */
  patient(id: RemoteId, call: CallOptions): Promise<RemoteFile> {
    return this.#queue.ask(id, call, true)
  }

  /** Somebody waits now for a look that was patient. */
  hurry(id: RemoteId): void {
    this.#queue.hurry(id)
  }

  /** Everybody who waits gets `cancelled`; resolves when nothing runs. */
  async stop(): Promise<void> {
    await this.#queue.stop()
    await this.#turn
    await Promise.all(this.#tasks)
  }

  #isKnown(id: RemoteId): boolean {
    return this.#kept.has(id) || this.#queue.isUnsent(id) || this.#queue.coming(id, LONGEST_COMING_MS) !== undefined
  }

  /** What was read ahead, or is about to be. Who joins a question that was not sent yet has a fresh answer. */
  async #known(id: RemoteId, call: CallOptions): Promise<Look | undefined> {
    if (this.#queue.isUnsent(id)) {
      this.#goOn(id)
      return { file: await this.#queue.ask(id, call), isAhead: false }
    }
    const coming = this.#queue.coming(id, LONGEST_COMING_MS)
    if (coming !== undefined) await orAborted(coming, call.signal)
    const file = this.#kept.take(id)
    if (file === undefined) return undefined
    this.#goOn(id)
    return { file, isAhead: true }
  }

  /** A guess was right: the walk goes on. */
  #goOn(id: RemoteId): void {
    const task = this.#inTurn(async () => {
      const ahead = await this.#walks.expected(id)
      this.#queue.lookAhead(ahead.filter((other) => !this.#isKnown(other)))
    })
      .catch((error: unknown) => {
        this.#log.error({ error: errorText(error) }, 'the files that a walk will open next could not be guessed')
      })
      .finally(() => this.#tasks.delete(task))
    this.#tasks.add(task)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined) // the caller has the failure; the next only waits
    return result
  }
}

/** Rejects with the signal's reason as soon as it aborts. */
function orAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(gone(signal))
    }
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    void work.then(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
  })
}
