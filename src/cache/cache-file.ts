/**
 * One content's file: bytes in, bytes out, sync, stamp. It is made at its first byte, or with its content, always as a new inode, because old
 * passthrough handles may still reach an earlier one (fuse-engine.md fact 4). Knows nothing of ranges or rows.
 */
import { statSync } from 'node:fs'
import { open, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from '../base/errors.js'
import { hasWriters } from '../base/native-addon.js'
import { syncDirectory } from '../base/sync-directory.js'
import type { OpenFiles } from './open-files.js'
import { isMissing } from './system-failure.js'

export interface FileFacts {
  readonly sizeBytes: number
  /** What it takes on the disk, delayed allocation included. */
  readonly allocatedBytes: number
  /** Size, mtime and ctime: differs after any change that was followed by a sync (fact 5). */
  readonly stamp: string
  readonly mtimeMs: number
  /** Nobody has changed the file since `markUntouched`. */
  readonly isUntouched: boolean
}

// A time that no write gives a file: two writes may fall into one tick of the kernel's clock, but not into 1970.
const UNTOUCHED_S = 1
const UNTOUCHED_NS = 1_000_000_000n

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
    if (!this.#exists) await this.#use(() => Promise.resolve())
  }

  /** Makes the file, which there is not yet; `isUntouched` as by `markUntouched`. Nothing is opened, so that it takes one trip. */
  async makeNew(isUntouched: boolean): Promise<void> {
    if (await this.#files.makeClosed(this.path, isUntouched ? UNTOUCHED_S : undefined)) this.#exists = true
    else if (isUntouched) await this.markUntouched()
    else await this.make()
  }

  /**
   * After it, the bytes survive a power loss, and so does the file's own entry. Answers facts under which exactly the
   * synced bytes are in the file: had anything been stored around the sync, the stamp would have moved (fact 5).
   */
  async sync(): Promise<FileFacts | undefined> {
    let before = await this.facts()
    for (let attempt = 0; before !== undefined && attempt < SYNC_ATTEMPTS; attempt += 1) {
      await this.#files.use(this.path, (file) => file.sync())
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

  /** As `sync` would: everything of the file system is on the disk, whoever did it. */
  noteDirectorySynced(): void {
    this.#directorySynced = true
  }

  async facts(): Promise<FileFacts | undefined> {
    return this.#exists ? fileFacts(this.path) : undefined
  }

  /** At this instant; for a file in use this costs less than to ask for it elsewhere. */
  factsNow(): FileFacts | undefined {
    const found = this.#exists ? statSync(this.path, { bigint: true, throwIfNoEntry: false }) : undefined
    return found === undefined ? undefined : factsOf(found)
  }

  /**
   * From now on any change shows in the file's mtime, also one that is made past us: a write, or the first store to a page
   * of a mapping that was synced since. What was stored before to a page that is writable already is not told apart.
   */
  async markUntouched(): Promise<void> {
    await this.#use((file) => file.utimes(UNTOUCHED_S, UNTOUCHED_S))
  }

  /** As `sync`, and `markUntouched`: later changes show, those before are in the synced file. */
  async syncUntouched(): Promise<FileFacts | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.factsNow()?.isUntouched !== true) await this.markUntouched()
      const facts = await this.sync()
      if (facts === undefined || facts.isUntouched || attempt === SYNC_ATTEMPTS) return facts
    }
  }

  /** Somebody has the file open for writing, or mapped so, or nobody can tell. Not to be asked while it is used here. */
  async isWrittenElsewhere(): Promise<boolean> {
    await this.closeDescriptor()
    return this.#exists && hasWriters(this.path)
  }

  /** The stamp at this instant, for a comparison that nothing may come between. */
  stampNow(): string | undefined {
    return this.factsNow()?.stamp
  }

  /** The bytes are worth nothing any more: the next write starts a new file. */
  async abandon(): Promise<void> {
    this.#exists = false
    await this.#files.forget(this.path)
  }

  /** What lies at the path and does not count would be taken for written bytes as soon as the row says that something was written. */
  async removeLeftover(): Promise<void> {
    if (this.#exists) return
    await this.#files.forget(this.path)
    await rm(this.path, { force: true })
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
    await file.sync()
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
    return factsOf(await stat(path, { bigint: true }))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function factsOf(found: { size: bigint; blocks: bigint; mtimeNs: bigint; ctimeNs: bigint }): FileFacts {
  return {
    sizeBytes: Number(found.size),
    allocatedBytes: Number(found.blocks) * 512,
    stamp: stampOf(found),
    mtimeMs: Number(found.mtimeNs / 1_000_000n),
    isUntouched: found.mtimeNs === UNTOUCHED_NS,
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
