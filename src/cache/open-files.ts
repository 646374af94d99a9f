/**
 * Descriptors of cache files, bounded: thousands of contents may be held while only some have a descriptor
 * (fuse-engine.md: one per inode runs into EMFILE). The least recently used idle one is closed first.
 */
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { constants } from 'node:fs'
import { dirname } from 'node:path'
import { nativeFilesIfAny } from '../base/native-addon.js'
import { isMissing } from './system-failure.js'

interface OpenFile {
  readonly handle: Promise<FileHandle>
  users: number
  /** Set by `forget`: the last user closes it. */
  forgotten: boolean
}

export class OpenFiles {
  readonly #limit: number
  readonly #native = nativeFilesIfAny()
  /** In order of use, oldest first. Everything here is open or opening; nothing forgotten is here. */
  readonly #files = new Map<string, OpenFile>()
  readonly #closing = new Set<Promise<void>>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Runs `work` on the file, which must exist. */
  use<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
    return this.#use(path, () => open(path, constants.O_RDWR), work)
  }

  /** Runs `work` on a file that is made now; fails with EEXIST when there is one. */
  make<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
    return this.#use(path, () => createPrivate(path), work)
  }

  /** Makes a file, with this time where one is given, and leaves it closed. False: it was not made so, and `make` knows more ways, or why not. */
  makeClosed(path: string, mtimeSeconds?: number): Promise<boolean> {
    return this.#native?.makeFile(path, mtimeSeconds) ?? Promise.resolve(false)
  }

  /** Closes the descriptor, at once or after its last user. Resolves when it is closed. */
  async forget(path: string): Promise<void> {
    const file = this.#files.get(path)
    if (file === undefined) return
    this.#files.delete(path)
    file.forgotten = true
    if (file.users === 0) await this.#close(file)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.keys()].map((path) => this.forget(path)))
    await Promise.all(this.#closing)
  }

  async #use<T>(path: string, opening: () => Promise<FileHandle>, work: (file: FileHandle) => Promise<T>): Promise<T> {
    let file = this.#files.get(path)
    if (file === undefined) {
      file = { handle: opening(), users: 0, forgotten: false }
    } else {
      this.#files.delete(path)
    }
    this.#files.set(path, file)
    file.users += 1
    try {
      return await work(await this.#opened(path, file))
    } finally {
      file.users -= 1
      if (file.users === 0 && file.forgotten) await this.#close(file)
      else this.#closeOldest()
    }
  }

  async #opened(path: string, file: OpenFile): Promise<FileHandle> {
    try {
      return await file.handle
    } catch (error) {
      if (this.#files.get(path) === file) this.#files.delete(path)
      throw error
    }
  }

  #closeOldest(): void {
    if (this.#files.size <= this.#limit) return
    for (const [path, file] of this.#files) {
      if (file.users > 0) continue
      this.#files.delete(path)
      const closing = this.#close(file).finally(() => this.#closing.delete(closing))
      this.#closing.add(closing)
      return
    }
  }

  /** Never fails: a failed open has nothing to close, and what was written is in the kernel's hands already. */
  async #close(file: OpenFile): Promise<void> {
    const handle = await file.handle.catch(() => undefined)
    await handle?.close().catch(() => undefined)
  }
}

async function createPrivate(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL
  try {
    return await open(path, flags, 0o600)
  } catch (error) {
    if (!isMissing(error)) throw error
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    return open(path, flags, 0o600)
  }
}
