/**
 * Writes to one content's file that go past everybody here, because the kernel was given the file (passthrough): what has
 * changed is found by looking at it. Writes and stores show in the file's times once it was marked untouched
 * (cache-file.ts), so what a look misses is only what the next sync puts into the file anyway.
 */
import type { CacheFile, FileFacts } from './cache-file.js'

export interface FileFigures {
  readonly sizeBytes: number
  /** When the file was written to; undefined when that is in the item's row already, or never was. */
  readonly mtimeMs: number | undefined
}

export class DirectWrites {
  readonly #file: CacheFile
  /** The file's stamp at the last look. */
  #seen: string | null
  /** Of writes that were found and are not in any row yet. */
  #modifiedMs: number | undefined

  constructor(file: CacheFile, stamp: string | null) {
    this.#file = file
    this.#seen = stamp
  }

  /** The facts, when something was written since the last look. */
  look(): FileFacts | undefined {
    const facts = this.#changed()
    if (facts === undefined) return undefined
    this.#seen = facts.stamp
    this.#modifiedMs = facts.mtimeMs
    return facts
  }

  /** Something was written since the last look. */
  get hasNews(): boolean {
    return this.#changed() !== undefined
  }

  figures(): FileFigures | undefined {
    const facts = this.#file.factsNow()
    if (facts === undefined) return undefined
    return { sizeBytes: facts.sizeBytes, mtimeMs: this.#isNews(facts) ? facts.mtimeMs : this.#modifiedMs }
  }

  /** The times of what was found are in the row. */
  noteRecorded(): void {
    this.#modifiedMs = undefined
  }

  #changed(): FileFacts | undefined {
    const facts = this.#file.factsNow()
    return facts !== undefined && this.#isNews(facts) ? facts : undefined
  }

  #isNews({ stamp, isUntouched }: FileFacts): boolean {
    return !isUntouched && stamp !== this.#seen
  }
}
