/**
 * One file of a disk that loses power: what is durable, what was done since its last sync, and what of that a crash leaves.
 * Promised is only what POSIX and the file systems in use promise: fsync keeps bytes, size and times; fdatasync keeps bytes
 * and size, and the times only where the size had to be written; anything else stays whole, in part, or not at all, bytes
 * (pages of 4 KiB) without the size or the times and the other way round. What a truncation frees is not written over
 * before the truncation itself is on the disk.
 */
import type { Random } from '../../src/base/random.js'
import type { FileTimes, Recorded } from './recording.js'

const PAGE_BYTES = 4_096
const NOTHING: FileTimes = { mtimeNs: 0n, ctimeNs: 0n }

export interface LeftFile {
  readonly bytes: Buffer
  readonly times: FileTimes
}

export class DiskFile {
  #durable: LeftFile = { bytes: Buffer.alloc(0), times: NOTHING }
  #pending: Recorded[] = []

  note(event: Recorded): void {
    this.#pending.push(event)
  }

  sync(): void {
    this.#durable = this.whole()
    this.#pending = []
  }

  syncData(): void {
    const before = this.#durable
    this.sync()
    if (this.#durable.bytes.length === before.bytes.length && before.times !== NOTHING) this.#durable = { bytes: this.#durable.bytes, times: before.times }
  }

  /** As a process sees it. */
  whole(): LeftFile {
    return this.#replay(this.#pending.length, () => true)
  }

  /** As a crash leaves it. */
  torn(random: Random): LeftFile {
    const count = this.#pending.length
    if (count === 0) return this.#durable
    const kept = Math.floor(random.fraction() * (count + 1)) // how far size and times came
    switch (Math.floor(random.fraction() * 6)) {
      case 0:
        return this.#durable
      case 1:
        return this.whole()
      case 2: // in order, the last write cut at any byte
        return this.#prefix(kept, random)
      case 3: // size and times, none of the bytes
        return this.#replay(kept, () => false)
      case 4: // the bytes, as far as they fit, without size and times
        return this.#replay(0, () => true)
      default: // pages in any order
        return this.#replay(kept, () => random.fraction() < 0.5)
    }
  }

  #prefix(kept: number, random: Random): LeftFile {
    const left = this.#replay(kept, () => true, kept)
    const last = this.#pending[kept - 1]
    if (last?.kind !== 'write') return left
    const before = this.#replay(kept - 1, () => true, kept - 1).bytes
    const end = Math.min(last.offset + last.length, left.bytes.length)
    const cut = Math.min(last.offset + Math.floor(random.fraction() * last.length), end)
    left.bytes.fill(0, cut, end)
    if (cut < before.length) before.copy(left.bytes, cut, cut, end)
    return left
  }

  /** `inode`: so many changes reached the size and the times; `until`: later writes reached nothing. */
  #replay(inode: number, isKept: () => boolean, until = this.#pending.length): LeftFile {
    let bytes: Buffer = Buffer.from(this.#durable.bytes)
    let { times } = this.#durable
    for (const [index, event] of this.#pending.slice(0, until).entries()) {
      const isRecorded = index < inode
      if (isRecorded) {
        bytes = resized(bytes, event.sizeBytes)
        times = event.times
      } else if (event.kind === 'truncate' && event.sizeBytes < bytes.length) break
      if (event.kind === 'write') {
        for (let at = 0; at < event.length; ) {
          const length = Math.min(PAGE_BYTES - ((event.offset + at) % PAGE_BYTES), event.length - at)
          if (isKept()) event.data.copy(bytes, event.offset + at, at, at + length) // copy() ends at the size
          at += length
        }
      } else if (event.kind === 'allocate' && isRecorded && event.length > 0) {
        bytes.fill(0, Math.min(event.offset, bytes.length), Math.min(event.offset + event.length, bytes.length))
      }
    }
    return { bytes, times }
  }
}

function resized(bytes: Buffer, sizeBytes: number): Buffer {
  if (sizeBytes === bytes.length) return bytes
  const other = Buffer.alloc(sizeBytes)
  bytes.copy(other)
  return other
}
