/**
 * The bytes of one content: its file, its length, which ranges of it are here, what it takes on the disk, and the loan of
 * the file to direct writers. Everything that changes is run by its owner one at a time, after `takeOver`.
 */
import { ByteRanges, type ByteRange } from '../base/byte-ranges.js'
import { DriveError } from '../base/errors.js'
import type { ContentId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Store } from '../store/store.js'
import type { CacheFile, FileFacts } from './cache-file.js'
import type { BytesNow, ContentRecord } from './content-record.js'
import { isWhole } from './content-rows.js'
import { DirectWrites, type FileFigures } from './direct-writes.js'
import type { FileLender } from './file-lender.js'
import { Footprint } from './footprint.js'
import type { Ledger } from './ledger.js'
import { Loan } from './loan.js'
import { planAllocation } from './plan-allocation.js'
import type { LoadedState } from './reconcile-file.js'
import { diskError, isDiskFull } from './system-failure.js'

const ZEROS = new Uint8Array(1024 * 1024) // one piece of an explicit run of zeros

/** What bytes need of the cache they belong to. */
export interface BytesHome {
  readonly store: Store
  readonly log: Log
  readonly ledger: Ledger
  readonly lender: FileLender
  /** All of the content is here now. */
  completed(id: ContentId): void
  /** Some of it is about not to be here any more. */
  losing(id: ContentId): void
}

export class ContentBytes {
  readonly #id: ContentId
  readonly #home: BytesHome
  readonly #file: CacheFile
  readonly #record: ContentRecord
  readonly #footprint: Footprint
  readonly #loan: Loan
  /** While somebody may write to the file directly. */
  #direct: DirectWrites | undefined

  #sizeBytes: number
  /** Always inside [0, size). */
  #ranges: ByteRanges
  /** Why the local bytes cannot be trusted; nothing is read or sent then. */
  #damage: DriveError | undefined

  constructor(home: BytesHome, id: ContentId, file: CacheFile, state: LoadedState, record: ContentRecord) {
    this.#id = id
    this.#home = home
    this.#file = file
    this.#record = record
    this.#sizeBytes = state.sizeBytes
    this.#ranges = state.ranges
    this.#damage = state.damage
    this.#footprint = new Footprint(id, home.ledger, state.ranges, state.allocatedBytes)
    this.#loan = new Loan(id, home.ledger, home.lender)
    if (state.isOpened) this.#direct = new DirectWrites(file, state.stamp)
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Of the file as it is now, while it is lent or open for direct writing. */
  figures(): FileFigures | undefined {
    return this.#direct?.figures() ?? this.#loan.figures()
  }

  get direct(): DirectWrites | undefined {
    return this.#direct
  }

  /** The kernel may be given the file: whole, there, and from now on looked at. `record` makes that durable before anything is written. */
  async openDirectly(record: (stamp: string | null) => Promise<void>): Promise<void> {
    this.assertWhole('opened for direct writing')
    const isNew = !this.#file.exists
    await this.#file.make()
    const stamp = this.#file.factsNow()?.stamp ?? null
    // The row says it from the start, of a new content or since an earlier process.
    if (this.#direct !== undefined) {
      if (isNew) this.#direct = new DirectWrites(this.#file, stamp)
      return
    }
    await record(stamp)
    await this.#file.markUntouched()
    this.#direct = new DirectWrites(this.#file, stamp)
  }

  closeDirectly(): void {
    this.#direct = undefined
  }

  get ranges(): ByteRanges {
    return this.#ranges
  }

  get allocatedBytes(): number {
    return this.#footprint.allocatedBytes
  }

  /** For the row. */
  get now(): BytesNow {
    return { sizeBytes: this.#sizeBytes, ranges: this.#ranges, allocatedBytes: this.#footprint.allocatedBytes }
  }

  get isComplete(): boolean {
    return isWhole(this.#ranges, this.#sizeBytes)
  }

  get isDamaged(): boolean {
    return this.#damage !== undefined
  }

  /** Somebody may have written what is not known here. */
  get needsTakeOver(): boolean {
    return this.#loan.isOut || this.#direct !== undefined
  }

  has(range: ByteRange): boolean {
    return this.#ranges.contains(range)
  }

  /**
   * Bytes that must be here, clipped at the size. `invalid` when they are not; `internal` when the cache file turns out
   * to be damaged: clean bytes are then no longer claimed (ask `has` again), dirty ones stay damaged.
   */
  async read(offset: number, lengthBytes: number): Promise<Uint8Array> {
    for (;;) {
      if (this.#damage !== undefined) throw this.#damage
      const end = Math.min(offset + lengthBytes, this.#sizeBytes)
      if (end <= offset) return new Uint8Array(0)
      if (!this.has({ start: offset, end })) throw new DriveError('invalid', 'these bytes are not in the cache', { fields: { content: this.#id } })
      const { changes } = this.#record
      const bytes = Buffer.allocUnsafe(end - offset)
      if ((await this.#file.readInto(bytes, offset)) === bytes.length) return bytes
      // Short: cut by a truncation meanwhile, or the file was damaged from outside.
      if (changes === this.#record.changes) throw await this.#foundShort()
    }
  }

  /**
   * Keeps downloaded bytes where nothing is yet. False when there is no room: then the caller serves them without
   * keeping. Never touches bytes that are here, so never local ones.
   */
  async fill(offset: number, bytes: Uint8Array): Promise<boolean> {
    const gaps = this.#ranges.missing({ start: offset, end: Math.min(offset + bytes.length, this.#sizeBytes) })
    if (gaps.length === 0) return true
    try {
      const kept = await this.#footprint.grow(gaps, async () => {
        this.#record.noteChange()
        for (const gap of gaps) await this.#file.write(bytes.subarray(gap.start - offset, gap.end - offset), gap.start)
      })
      if (kept) for (const gap of gaps) this.#ranges = this.#ranges.add(gap)
      if (this.isComplete) this.#home.completed(this.#id)
      return kept
    } catch (error) {
      if (isDiskFull(error)) return false
      throw diskError(error, 'keeping downloaded bytes')
    }
  }

  /** fallocate(2) with mode 0, KEEP_SIZE, PUNCH_HOLE or ZERO_RANGE; anything else is `unsupported`. */
  async allocate(offset: number, lengthBytes: number, mode: number): Promise<void> {
    const plan = planAllocation({ offset, lengthBytes, mode, sizeBytes: this.#sizeBytes, written: this.#footprint.written })
    for (const { start, end } of plan.zero) {
      for (let at = start; at < end; at += ZEROS.length) await this.write(at, ZEROS.subarray(0, Math.min(ZEROS.length, end - at)))
    }
    // The room is promised for now only: real blocks would take a call that Node does not have.
    if (!(await this.#footprint.hasRoomFor(plan.roomBytes))) throw cacheFull()
    if (plan.sizeBytes > this.#sizeBytes) await this.truncate(plan.sizeBytes)
  }

  /** Lends the file, if there is nothing to be said against it. */
  async lend(isNew: boolean): Promise<void> {
    // Room is reserved for growth only, so there must be no holes to fill.
    const isSolid = this.#footprint.written.contains({ start: 0, end: this.#sizeBytes })
    if (this.#damage !== undefined || !this.isComplete || !this.#record.isMarked || !isSolid || !this.#file.exists || this.#direct !== undefined) return
    await this.#loan.lend({ sizeBytes: this.#sizeBytes, isNew }, () => {
      this.#record.noteWrite()
    })
  }

  /** Room is needed elsewhere. */
  reclaimLoan(): void {
    this.#loan.reclaim()
  }

  /** Ends a loan; what was written directly is known here after it. */
  takeOver(): void {
    const news = this.#direct?.look()
    if (news !== undefined) {
      this.#record.noteWrite()
      this.measured(news)
    }
    if (!this.#loan.isOut) return
    if (this.#loan.recall()) {
      this.#record.noteWrite()
      const facts = this.#file.factsNow()
      if (facts !== undefined) this.measured(facts)
    }
    this.#loan.settle()
  }

  /** The file was asked, and is whole. */
  measured({ sizeBytes, allocatedBytes }: FileFacts): void {
    this.#sizeBytes = sizeBytes
    this.#ranges = ByteRanges.whole(sizeBytes)
    this.#footprint.measured(this.#ranges, allocatedBytes)
  }

  /** These ranges are not claimed any more. */
  unclaim(ranges: ByteRanges): void {
    this.#record.noteChange()
    this.#home.losing(this.#id)
    this.#ranges = ranges.ranges.reduce((left, range) => left.remove(range), this.#ranges)
  }

  /** Local bytes into a complete content; a gap behind the old end reads as zeros. `cache-full`, `disk-full`. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.assertWhole('written')
    if (bytes.length === 0) return
    this.#record.noteWrite()
    await this.#record.ensureMarked()
    const range = { start: offset, end: offset + bytes.length }
    if (!(await this.#footprint.grow([range], () => this.#writeFile(bytes, offset)))) throw cacheFull()
    this.#ranges = this.#ranges.add({ start: Math.min(offset, this.#sizeBytes), end: range.end })
    this.#sizeBytes = Math.max(this.#sizeBytes, range.end)
  }

  async #writeFile(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      await this.#file.write(bytes, offset)
    } catch (error) {
      // What got behind the end before the failure would show up in a hole later.
      if (this.#file.exists) await this.#file.setLength(this.#sizeBytes)
      throw diskError(error, 'writing')
    }
  }

  /** Needs [0, sizeBytes) here; 0 replaces everything (O_TRUNC) and makes even a placeholder complete. */
  async truncate(sizeBytes: number): Promise<void> {
    const before = { sizeBytes: this.#sizeBytes, ranges: this.#ranges }
    if (!this.has({ start: 0, end: Math.min(sizeBytes, before.sizeBytes) })) {
      throw new DriveError('invalid', 'a content can only be cut where everything before the cut is here', { fields: { content: this.#id } })
    }
    if (sizeBytes > 0 && this.#damage !== undefined) throw this.#damage
    this.#record.noteWrite()
    try {
      if (sizeBytes > before.sizeBytes) await this.#extend(sizeBytes)
      else await this.#shrink(sizeBytes)
    } catch (error) {
      this.#sizeBytes = before.sizeBytes
      this.#ranges = before.ranges
      throw diskError(error, 'changing the length of a file')
    }
  }

  async #extend(sizeBytes: number): Promise<void> {
    await this.#record.ensureMarked()
    await this.#file.setLength(sizeBytes)
    this.#ranges = this.#ranges.add({ start: this.#sizeBytes, end: sizeBytes })
    this.#sizeBytes = sizeBytes
  }

  /** Memory, row, file: at no time does a row claim more than the file has. */
  async #shrink(sizeBytes: number): Promise<void> {
    this.#sizeBytes = sizeBytes
    this.#ranges = this.#ranges.remove({ start: sizeBytes, end: Number.MAX_SAFE_INTEGER })
    await this.#file.removeLeftover()
    await this.#home.store.transact(async (tx) => {
      await this.#record.markDirty(tx)
      if (sizeBytes === 0) await this.#record.trust(tx)
    })
    if (this.#file.exists) await this.#file.setLength(sizeBytes)
    this.#footprint.cut(sizeBytes)
    if (sizeBytes === 0) this.#damage = undefined
  }

  /** `invalid`, or what is wrong with the bytes. */
  assertWhole(wish: string): void {
    if (this.#damage !== undefined) throw this.#damage
    if (!this.isComplete) throw new DriveError('invalid', `only a complete content can be ${wish}`, { fields: { content: this.#id } })
  }

  async #foundShort(): Promise<DriveError> {
    const fields = { content: this.#id, path: this.#file.path }
    this.#home.losing(this.#id)
    if (this.#record.isDirty && this.isComplete) {
      this.#home.log.error(fields, 'a cache file with unsent edits was damaged from outside')
      this.#damage = new DriveError('internal', 'the cache file that held your unsent edits was damaged by something else', { fields })
      return this.#damage
    }
    this.#home.log.warn(fields, 'a cache file lost bytes; they will be fetched again')
    this.#record.noteChange()
    this.#ranges = ByteRanges.empty
    await this.#file.abandon()
    this.#footprint.measured(ByteRanges.empty, 0)
    return new DriveError('internal', 'the cache file lost its bytes; they are fetched again', { fields })
  }
}

function cacheFull(): DriveError {
  return new DriveError('cache-full', 'the cache is full of open, pinned or unsent files: let uploads finish, free some files or raise cacheLimit')
}
