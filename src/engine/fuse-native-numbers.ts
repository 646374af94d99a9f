/** Numbers as fuse-native carries them: attributes and figures as arrays of 32 bits, large ones as two. Pure. */
import type { Attributes, FileKind, SpaceFigures } from '../fs/operations.js'
import type { FuseNativeRecord, RawArgument } from './fuse-native-binding.js'
import { FILE_TYPE, PERMISSION_BITS } from './wire-layout.js'

const WORD = 2 ** 32
const LARGEST_WORD = WORD - 1
const PREFERRED_IO_BYTES = 128 * 1024

export const NO_STAT = new Uint32Array(18)
export const NO_SPACE = new Uint32Array(11)

/** st_mode, st_uid, st_gid, size (2), st_dev, st_nlink, st_ino, st_rdev, st_blksize, blocks (2), atime, mtime, ctime (2 each, ms). */
export function statArray(attributes: Attributes): Uint32Array {
  const { kind, mode, uid, gid, sizeBytes, linkCount, ino, blocks, atimeMs, mtimeMs, ctimeMs } = attributes
  const file = [modeOf(kind, mode), uid, gid, ...pair(sizeBytes), 0, linkCount, ino % WORD, 0, PREFERRED_IO_BYTES, ...pair(blocks)]
  return Uint32Array.from([...file, ...pair(time(atimeMs)), ...pair(time(mtimeMs)), ...pair(time(ctimeMs))])
}

/** What a listing needs: libfuse 2 takes only the kind and the inode's number of it. */
export function listedStatArray(kind: FileKind, ino: number): Uint32Array {
  const array = new Uint32Array(18)
  array[0] = modeOf(kind, 0)
  array[7] = ino % WORD
  return array
}

/** bsize, frsize, blocks, bfree, bavail, files, ffree, favail, fsid, flag, namemax. Blocks grow until their count fits. */
export function spaceArray(figures: SpaceFigures): Uint32Array {
  let scale = 1
  while (figures.blocks / scale > LARGEST_WORD) scale *= 2
  const blockSize = figures.blockSizeBytes * scale
  const blocks = [figures.blocks, figures.blocksFree, figures.blocksAvailable].map((count) => Math.floor(count / scale))
  const files = [figures.files, figures.filesFree, figures.filesFree].map((count) => Math.min(count, LARGEST_WORD))
  return Uint32Array.from([blockSize, blockSize, ...blocks, ...files, 0, 0, figures.nameMaxBytes])
}

/** A position or a size that comes as its low and its high half. */
export function wide(low: RawArgument | undefined, high: RawArgument | undefined): number {
  return Number(low) + Number(high) * WORD
}

// fuse_thread_locals_t of fuse-native 2.2.6 where pointers and times have 8 bytes: after nine words of 8 (self, op, op_fn,
// path, dest, linkname, info, buf, offset), len, mode, dev, uid and gid come atime and mtime, in milliseconds.
const ATIME_AT = 104
const MTIME_AT = 112

/**
 * fuse-native hands out the access time twice and never the modification time, which stands in the request's record.
 * Undefined when the record is not laid out as known: a wrong time would be kept as the file's.
 */
export function recordedTimes(record: FuseNativeRecord, atimeLow: number): { atimeMs: number; mtimeMs: number } | undefined {
  if (record.length < MTIME_AT + 8 || record.readUInt32LE(ATIME_AT) !== atimeLow) return undefined
  return { atimeMs: Number(record.readBigInt64LE(ATIME_AT)), mtimeMs: Number(record.readBigInt64LE(MTIME_AT)) }
}

const modeOf = (kind: FileKind, mode: number): number => FILE_TYPE[kind] | (mode & PERMISSION_BITS)
const pair = (value: number): [number, number] => [value % WORD, Math.floor(value / WORD)]
/** fuse-native divides without a sign: times before 1970 would be far in the future. */
const time = (ms: number): number => Math.max(Math.floor(ms), 0)
