/**
 * Loads the native addon (native/README.md) and wraps what it offers for ordinary files: sharing blocks, holes, syncs. The
 * engine types its own part of the addon in `engine/fuse-addon.ts`.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DriveError, errorText, hasCode } from './errors.js'

const ADDON_PATH = join('native', 'out', 'elastic_drive.node')

/** Fails with `unsupported` when the addon was not built or cannot be loaded into this Node. */
export function loadNativeAddon(): unknown {
  const here = dirname(fileURLToPath(import.meta.url))
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, ADDON_PATH)
    if (!existsSync(file)) continue
    try {
      const addon: unknown = createRequire(import.meta.url)(file)
      return addon
    } catch (error) {
      throw new DriveError('unsupported', `The native addon cannot be loaded: ${errorText(error)}`, { cause: error })
    }
  }
  throw new DriveError('unsupported', 'The native addon is not built: run native/build.')
}

/**
 * Whether somebody has the file open for writing, or mapped so, through whatever name. True where that cannot be known:
 * file systems without leases, a file that is not ours.
 */
export function hasWriters(path: string): boolean {
  return (loadNativeAddon() as { hasWriters(path: string): number }).hasWriters(path) !== 0
}

/** Undefined where the addon cannot be loaded: everything it does can be done without it, or need not be done. */
export function nativeFilesIfAny(): NativeFiles | undefined {
  try {
    return new NativeFiles()
  } catch (error) {
    if (hasCode(error, 'unsupported')) return undefined
    throw error
  }
}

/** System calls of the addon answer a result ≥ 0 or a negative errno. */
interface FileCalls {
  reflink(source: number, destination: number): Promise<number>
  makeFile(path: string, mtimeSeconds: number): Promise<number>
  syncFileSystem(file: number): Promise<number>
  fallocate(file: number, mode: number, offset: number, lengthBytes: number): Promise<number>
  seek(file: number, offset: number, whence: number): Promise<number>
}

const KEEP_SIZE = 1
const PUNCH_HOLE = 2
const SEEK_DATA = 3
const SEEK_HOLE = 4

const { errno } = constants
// What a file system answers that cannot do such a thing, as opposed to one that failed at it.
const CANNOT: readonly number[] = [errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EXDEV, errno.EINVAL]

/** Operations on open files of this disk that Node does not have. Descriptors are numbers (`FileHandle.fd`). */
export class NativeFiles {
  readonly #calls: FileCalls

  constructor(addon: unknown = loadNativeAddon()) {
    this.#calls = addon as FileCalls
  }

  /** Makes `destination` share all blocks of `source`; false where the file system cannot. */
  async reflink(source: number, destination: number): Promise<boolean> {
    return done(await this.#calls.reflink(source, destination), 'share blocks')
  }

  /** Makes an empty file, with this time where one is given, in one trip to another thread. False: it was not made so; why not is for the long way to tell. */
  async makeFile(path: string, mtimeSeconds = -1): Promise<boolean> {
    return (await this.#calls.makeFile(path, mtimeSeconds)) >= 0
  }

  /** All that was written to the file system of `file`, by whomever, survives a power loss. Some of it failed: `internal`. */
  async syncFileSystem(file: number): Promise<boolean> {
    return done(await this.#calls.syncFileSystem(file), 'sync the file system')
  }

  /** Gives the blocks back; the bytes read as zeros. False where the file system cannot. */
  async punchHole(file: number, offset: number, lengthBytes: number): Promise<boolean> {
    return done(await this.#calls.fallocate(file, PUNCH_HOLE | KEEP_SIZE, offset, lengthBytes), 'punch a hole')
  }

  /** fallocate(2) with its own mode bits; false where the file system cannot. */
  async fallocate(file: number, mode: number, offset: number, lengthBytes: number): Promise<boolean> {
    return done(await this.#calls.fallocate(file, mode, offset, lengthBytes), 'allocate')
  }

  /** The first byte at or after `offset` that is data; undefined when none is. */
  async nextData(file: number, offset: number): Promise<number | undefined> {
    return this.#seek(file, offset, SEEK_DATA)
  }

  /** The first byte at or after `offset` in a hole (the end of the file is one); undefined beyond the end. */
  async nextHole(file: number, offset: number): Promise<number | undefined> {
    return this.#seek(file, offset, SEEK_HOLE)
  }

  async #seek(file: number, offset: number, whence: number): Promise<number | undefined> {
    const found = await this.#calls.seek(file, offset, whence)
    if (found === -errno.ENXIO) return undefined
    if (found < 0) throw failure(-found, 'seek')
    return found
  }
}

function done(result: number, what: string): boolean {
  if (result >= 0) return true
  if (CANNOT.includes(-result)) return false
  throw failure(-result, what)
}

function failure(code: number, what: string): DriveError {
  const full = code === errno.ENOSPC || code === errno.EDQUOT
  return new DriveError(full ? 'disk-full' : 'internal', `Could not ${what}: errno ${code}.`, { fields: { errno: code } })
}
