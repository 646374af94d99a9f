/**
 * One content's file: bytes in, bytes out, sync, stamp. It is made at its first byte, always as a new inode, because old
 * passthrough handles may still reach an earlier one (fuse-engine.md fact 4). Knows nothing of ranges or rows.
 */
import { statSync } from 'node:fs'
import { open, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from '../base/errors.js'
import type { OpenFiles } from './open-files.js'
import { isMissing } from './system-failure.js'

export interface FileFacts {
  readonly sizeBytes: number
  /** What it takes on the disk, delayed allocation included. */
  readonly allocatedBytes: number
  /** Size, mtime and ctime: differs after any change that was followed by a sync (fact 5). */
  readonly stamp: string
}

const SYNC_ATTEMPTS = 4 // a program that stores all the time is waited for no longer: it will be asked again

export class CacheFile {
  readonly path: string
  readonly #files: OpenFiles
  /** False until the first byte: what may lie at the path is a leftover. */
  #exists: boolean
  #directorySynced = false

  constructor(path: string, files: OpenFiles, exists: boolean) {
    this.path = path
    this.#files = files
    this.#exists = exists
  }

  get exists(): boolean {
    return this.#exists
  }

  /** Fills `target` from `offset`; answers how many bytes there were before the end of the file. 0 when the file is missing. */
  async readInto(target: Uint8Array, offset: number): Promise<number> {
    if (!this.#exists) return 0
    try {
      return await this.#files.use(this.path, (file) => readFully(file, target, offset))
    } catch (error) {
      if (isMissing(error)) return 0
      throw error
    }
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#use(async (file) => {
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten
      }
    })
  }

  /** Sets the length; makes the file if there is none. */
  async setLength(sizeBytes: number): Promise<void> {
    await this.#use((file) => file.truncate(sizeBytes))
  }

  /** Makes the file if there is none yet. */
  async make(): Promise<void> {
    await this.#use(() => Promise.resolve())
  }

  /**
   * After it, the bytes survive a power loss, and so does the file's own entry. Answers facts under which exactly the
   * synced bytes are in the file: had anything been stored around the sync, the stamp would have moved (fact 5).
   */
  async sync(): Promise<FileFacts | undefined> {
    let before = await this.facts()
    for (let attempt = 0; before !== undefined && attempt < SYNC_ATTEMPTS; attempt += 1) {
      await this.#files.use(this.path, (file) => file.datasync())
      const after = await this.facts()
      if (after?.stamp === before.stamp) break
      before = after
    }
    if (before !== undefined && !this.#directorySynced) {
      await syncDirectory(dirname(this.path))
      await syncDirectory(dirname(dirname(this.path)))
      this.#directorySynced = true
    }
    return before
  }

  async facts(): Promise<FileFacts | undefined> {
    return this.#exists ? fileFacts(this.path) : undefined
  }

  /** The stamp at this instant, for a comparison that nothing may come between. */
  stampNow(): string | undefined {
    if (!this.#exists) return undefined
    const found = statSync(this.path, { bigint: true, throwIfNoEntry: false })
    return found === undefined ? undefined : stampOf(found)
  }

  /** The bytes are worth nothing any more: the next write starts a new file. */
  async abandon(): Promise<void> {
    this.#exists = false
    await this.#files.forget(this.path)
  }

  async closeDescriptor(): Promise<void> {
    await this.#files.forget(this.path)
  }

  async #use<T>(work: (file: FileHandle) => Promise<T>): Promise<T> {
    if (this.#exists) return this.#files.use(this.path, work)
    await this.#files.forget(this.path)
    try {
      await this.#files.make(this.path, () => Promise.resolve())
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
      await rm(this.path, { force: true }) // a leftover is seldom, and looking for it costs every small file a trip to the disk
      await this.#files.make(this.path, () => Promise.resolve())
    }
    this.#exists = true
    return this.#files.use(this.path, work)
  }
}

/**
 * Syncs the file at `path` and its entry, then runs `record`, which asks `isSame` whether that very file is still there
 * (it may have been evicted and filled anew meanwhile; an open file keeps its inode number from being used again).
 */
export async function withSyncedFile(path: string, record: (isSame: () => boolean) => Promise<void>): Promise<void> {
  const file = await open(path)
  try {
    await file.datasync()
    await syncDirectory(dirname(path))
    await syncDirectory(dirname(dirname(path)))
    const { ino } = await file.stat({ bigint: true })
    await record(() => statSync(path, { bigint: true, throwIfNoEntry: false })?.ino === ino)
  } finally {
    await file.close()
  }
}

/** Undefined when there is no such file. */
export async function fileFacts(path: string): Promise<FileFacts | undefined> {
  try {
    const found = await stat(path, { bigint: true })
    return { sizeBytes: Number(found.size), allocatedBytes: Number(found.blocks) * 512, stamp: stampOf(found) }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function stampOf(found: { size: bigint; mtimeNs: bigint; ctimeNs: bigint }): string {
  return `${String(found.size)}:${String(found.mtimeNs)}:${String(found.ctimeNs)}`
}

async function readFully(file: FileHandle, target: Uint8Array, offset: number): Promise<number> {
  let done = 0
  while (done < target.length) {
    const { bytesRead } = await file.read(target, done, target.length - done, offset + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
