/**
 * Many contents to the disk at once. A sync of the whole file system costs one commit of its journal, where each file's own
 * sync costs one for each, during which nobody can make a file; few files are better synced alone, because what other
 * programs write is none of our business.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { errorCode, errorText } from '../base/errors.js'
import { Limiter } from '../base/limiter.js'
import type { Log } from '../base/log.js'
import { NativeFiles } from '../base/native-addon.js'
import type { Store } from '../store/store.js'
import { writeBytesStates } from './content-rows.js'
import type { Content } from './content.js'

const MANY = 32
const SYNCS_AT_ONCE = 4 // parallel syncs share a journal commit

export interface TogetherOptions {
  /** Of the cache. */
  readonly directory: string
  readonly store: Store
  readonly log: Log
}

export class TogetherSync {
  readonly #store: Store
  readonly #log: Log
  readonly #limiter = new Limiter(SYNCS_AT_ONCE)
  /** Open from before the first write on: the kernel tells of what failed since an opening. Undefined where there is no such sync. */
  readonly #whole: Promise<{ readonly directory: FileHandle; readonly native: NativeFiles } | undefined>

  constructor({ directory, store, log }: TogetherOptions) {
    this.#store = store
    this.#log = log
    this.#whole = openWhole(directory).catch((error: unknown) => {
      log.info({ code: errorCode(error), error: errorText(error) }, 'closed files are synced one by one')
      return undefined
    })
  }

  /** Syncs contents that the caller holds, and says so in their rows. What fails is logged. */
  async sync(contents: readonly Content[]): Promise<void> {
    const wanted = contents.filter((content) => !content.isDropped)
    const left = wanted.length < MANY ? wanted : await this.#syncWhole(wanted)
    await Promise.all(left.map((content) => this.#limiter.run(() => this.#syncAlone(content))))
    try {
      await this.#store.transact(async (tx) => {
        const persisting = wanted.filter((content) => !content.isDropped && content.needsPersist).map((content) => content.beginPersist())
        if (persisting.length === 0) return
        await writeBytesStates(tx, persisting.map(({ values }) => values))
        for (const begun of persisting) begun.done(tx)
      })
    } catch (error) {
      this.#log.error({ code: errorCode(error), error: errorText(error), contents: wanted.length }, 'what is on the disk could not be recorded')
    }
  }

  async close(): Promise<void> {
    await (await this.#whole)?.directory.close()
  }

  /** Answers those that have to be synced alone. */
  async #syncWhole(contents: readonly Content[]): Promise<readonly Content[]> {
    const whole = await this.#whole
    if (whole === undefined) return contents
    const begun: { readonly content: Content; readonly end: () => Promise<boolean> }[] = []
    for (const content of contents) begun.push({ content, end: await content.beginSync() })
    try {
      if (!(await whole.native.syncFileSystem(whole.directory.fd))) return contents
    } catch (error) {
      // Whose bytes failed is not told: each is asked.
      this.#log.warn({ code: errorCode(error), error: errorText(error) }, 'the file system of the cache could not be synced as a whole')
      return contents
    }
    const left: Content[] = []
    for (const { content, end } of begun) if (!(await end())) left.push(content)
    return left
  }

  async #syncAlone(content: Content): Promise<void> {
    try {
      await content.sync()
    } catch (error) {
      this.#log.error({ code: errorCode(error), error: errorText(error), content: content.id }, 'a closed file could not be synced to disk')
    }
  }
}

async function openWhole(directory: string): Promise<{ readonly directory: FileHandle; readonly native: NativeFiles }> {
  const native = new NativeFiles()
  return { directory: await open(directory), native }
}
