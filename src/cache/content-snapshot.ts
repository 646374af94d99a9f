/**
 * What an upload reads: a reflink copy where the file system can make one, else the live file, which is compared with
 * its stamp afterwards (fuse-engine.md fact 5: size and times prove "unchanged" only after a sync). Holds the content
 * until it is disposed of.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DriveError, systemCode } from '../base/errors.js'
import type { ContentId } from '../base/ids.js'
import type { CacheFile } from './cache-file.js'

/** What a snapshot needs of its content. */
export interface Snapshotted {
  readonly id: ContentId
  readonly writeSequence: number
  retain(): void
  release(): Promise<void>
}

export interface Snapshot {
  readonly sizeBytes: number
  /** The local writes it contains. */
  readonly writeSequence: number
  /** Exactly `sizeBytes` bytes, from the start, as often as wanted; fails when the file got shorter. */
  open(): AsyncIterable<Uint8Array>
  /** It is the live file, which may be written to between one reading and the next. */
  readonly isLive: boolean
  /** What was read so far is what the content still is. */
  unchanged(): boolean
  /** SHA-256, lower-case hexadecimal. */
  digest(): Promise<string>
  dispose(): Promise<void>
}

// What file systems answer that cannot share blocks, and one that has no room even for the inode.
const CANNOT_SHARE: ReadonlySet<string> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOTTY', 'ENOSYS', 'EINVAL', 'EXDEV', 'ENOSPC'])
const PIECE_BYTES = 256 * 1024

/** `stamp` is of just after a sync; undefined for a content without a file. */
export async function takeSnapshot(source: { content: Snapshotted; file: CacheFile; sizeBytes: number; stamp: string | undefined; directory: string }): Promise<Snapshot> {
  const { content, file, sizeBytes, stamp } = source
  const { writeSequence } = content
  content.retain()
  let copy: string | undefined
  try {
    copy = stamp === undefined ? undefined : await reflink(file.path, join(source.directory, `${content.id}-${writeSequence}-${process.hrtime.bigint()}`))
  } catch (error) {
    await content.release()
    throw error
  }
  let disposed = false
  const pieces = (): AsyncIterable<Uint8Array> => (sizeBytes === 0 ? nothing() : readPieces(copy ?? file.path, sizeBytes))
  return {
    sizeBytes,
    writeSequence,
    isLive: copy === undefined,
    open: pieces,
    unchanged: () => content.writeSequence === writeSequence && file.stampNow() === stamp,
    digest: async () => {
      const hash = createHash('sha256')
      for await (const piece of pieces()) hash.update(piece)
      return hash.digest('hex')
    },
    dispose: async () => {
      if (disposed) return
      disposed = true
      if (copy !== undefined) await rm(copy, { force: true })
      await content.release()
    },
  }
}

/** The path of the copy, undefined where the file system cannot share blocks. */
async function reflink(from: string, to: string): Promise<string | undefined> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL)
    return to
  } catch (error) {
    await rm(to, { force: true })
    if (CANNOT_SHARE.has(systemCode(error) ?? '')) return undefined
    throw error
  }
}

async function* readPieces(path: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  const file = await open(path, constants.O_RDONLY)
  try {
    for (let offset = 0; offset < sizeBytes; ) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes - offset))
      const { bytesRead } = await file.read(piece, 0, piece.length, offset)
      if (bytesRead === 0) throw new DriveError('conflict', 'the file got shorter while it was being sent; it is sent again')
      yield piece.subarray(0, bytesRead)
      offset += bytesRead
    }
  } finally {
    await file.close()
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- an empty sequence has nothing to wait for
async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* []
}
