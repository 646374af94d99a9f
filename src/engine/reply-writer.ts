/**
 * Builds one reply in memory that is used again for the next: replies are written to the kernel before the next one is
 * built. Large contents are handed over instead of copied.
 */
import type { Attributes, DirectoryEntry, Entry, Opened, SpaceFigures } from '../fs/operations.js'
import { FILE_TYPE, MAX_WRITE_BYTES, OPENED, PERMISSION_BITS, SIZE } from './wire-layout.js'

// Programs that size their buffers by st_blksize should make few, large requests: each costs a hop into JavaScript.
const PREFERRED_IO_BYTES = 128 * 1024
const LONGEST_VALIDITY_S = 2 ** 31
// No listing is longer than the largest read; the margin takes the other replies.
const REPLY_BYTES = MAX_WRITE_BYTES + 4096

export class ReplyWriter {
  readonly #buffer = Buffer.alloc(REPLY_BYTES)
  readonly #view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, REPLY_BYTES)
  #at = 0
  #handedOver: Uint8Array | undefined

  reset(): void {
    this.#at = 0
    this.#handedOver = undefined
  }

  get bytes(): Uint8Array {
    return this.#handedOver ?? this.#buffer
  }

  get lengthBytes(): number {
    return this.#handedOver?.byteLength ?? this.#at
  }

  /** The reply is exactly these bytes, which are not copied. */
  handOver(bytes: Uint8Array): void {
    this.#handedOver = bytes
  }

  u16(value: number): void {
    this.#view.setUint16(this.#at, value, true)
    this.#at += 2
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true)
    this.#at += 4
  }

  /** Any whole number up to 2^53 in size; negative ones as two's complement. */
  u64(value: number): void {
    this.#view.setUint32(this.#at, value, true)
    this.#view.setUint32(this.#at + 4, Math.floor(value / 2 ** 32), true)
    this.#at += 8
  }

  zeros(byteCount: number): void {
    this.#buffer.fill(0, this.#at, this.#at + byteCount)
    this.#at += byteCount
  }

  text(text: string): void {
    this.#at += this.#buffer.write(text, this.#at, 'utf8')
  }

  /** fuse_entry_out: nodeid, generation, entry_valid, attr_valid, the two's nanoseconds, attributes. */
  entry(entry: Entry): void {
    this.u64(entry.node)
    this.u64(0) // generation: node ids are never used again
    this.u64(wholeSeconds(entry.entryMs))
    this.u64(wholeSeconds(entry.attributesMs))
    this.u32(nanoseconds(entry.entryMs))
    this.u32(nanoseconds(entry.attributesMs))
    this.attributes(entry.attributes)
  }

  /** fuse_attr_out: attr_valid, its nanoseconds, padding, attributes. */
  attributesOut(attributes: Attributes, attributesMs: number): void {
    this.u64(wholeSeconds(attributesMs))
    this.u32(nanoseconds(attributesMs))
    this.u32(0)
    this.attributes(attributes)
  }

  /** fuse_attr. */
  attributes(attributes: Attributes): void {
    const { atimeMs, mtimeMs, ctimeMs } = attributes
    this.u64(attributes.ino)
    this.u64(attributes.sizeBytes)
    this.u64(attributes.blocks)
    this.u64(seconds(atimeMs))
    this.u64(seconds(mtimeMs))
    this.u64(seconds(ctimeMs))
    this.u32(nanosecondsOf(atimeMs))
    this.u32(nanosecondsOf(mtimeMs))
    this.u32(nanosecondsOf(ctimeMs))
    this.u32(FILE_TYPE[attributes.kind] | (attributes.mode & PERMISSION_BITS))
    this.u32(attributes.linkCount)
    this.u32(attributes.uid)
    this.u32(attributes.gid)
    this.u32(0) // rdev
    this.u32(PREFERRED_IO_BYTES)
    this.u32(0) // flags
  }

  /** fuse_open_out: fh, open_flags, backing_id. */
  opened(opened: Opened, kind: 'file' | 'directory'): void {
    const keep = kind === 'directory' ? OPENED.keepCache | OPENED.cacheDirectory : OPENED.keepCache
    this.u64(opened.handle)
    const backingId = opened.backingId ?? 0
    this.u32(backingId > 0 ? OPENED.passthrough : (opened.directIo ? OPENED.directIo : 0) | (opened.keepCache ? keep : 0))
    this.u32(backingId)
  }

  /** fuse_dirent: ino, off, namelen, type, name, padding to 8 bytes. `nameBytes` is the length of the name in UTF-8. */
  directoryEntry(entry: DirectoryEntry, nameBytes: number): void {
    this.u64(entry.ino)
    this.u64(entry.nextOffset)
    this.u32(nameBytes)
    this.u32(FILE_TYPE[entry.kind] >>> 12)
    this.text(entry.name)
    this.zeros(paddedNameBytes(nameBytes) - nameBytes)
  }

  /** fuse_kstatfs: blocks, bfree, bavail, files, ffree, bsize, namelen, frsize, padding, spare[6]. */
  space(figures: SpaceFigures): void {
    this.u64(figures.blocks)
    this.u64(figures.blocksFree)
    this.u64(figures.blocksAvailable)
    this.u64(figures.files)
    this.u64(figures.filesFree)
    this.u32(figures.blockSizeBytes)
    this.u32(figures.nameMaxBytes)
    this.u32(figures.blockSizeBytes)
    this.zeros(28)
  }
}

export const paddedNameBytes = (nameBytes: number): number => (nameBytes + 7) & ~7

/** What one entry takes in a READDIR or READDIRPLUS reply. */
export function directoryEntryBytes(nameBytes: number, plus: boolean): number {
  return (plus ? SIZE.entryOut : 0) + SIZE.directoryEntry + paddedNameBytes(nameBytes)
}

// Validities: never negative, and short enough for the kernel's clock.
const wholeSeconds = (ms: number): number => Math.floor(Math.min(Math.max(ms, 0) / 1000, LONGEST_VALIDITY_S))
const nanoseconds = (ms: number): number => (Number.isFinite(ms) ? nanosecondsOf(Math.max(ms, 0)) : 0)

const seconds = (ms: number): number => Math.floor(ms / 1000)
// Below a whole second also when rounding; milliseconds may carry a fraction.
const nanosecondsOf = (ms: number): number => Math.min(Math.round((ms - seconds(ms) * 1000) * 1e6), 999_999_999)
