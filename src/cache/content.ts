/**
 * One content while somebody holds it: which bytes are here, reading, filling, writing. Order everywhere: bytes, then
 * rows, then the answer; a row never claims bytes that may be missing, so growth is persisted late and shrinking first.
 * Methods that take a Transaction never wait for the content's own lock (a writer inside it may wait for a transaction).
 * A local write needs the whole content here, so downloads never meet written bytes.
 */
import { ByteRanges, type ByteRange } from '../base/byte-ranges.js'
import { DriveError } from '../base/errors.js'
import type { ContentId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Store, Transaction } from '../store/store.js'
import type { CacheFile } from './cache-file.js'
import { ContentRecord } from './content-record.js'
import { isWhole, type RemoteOrigin } from './content-rows.js'
import { takeSnapshot, type Snapshot } from './content-snapshot.js'
import { Footprint } from './footprint.js'
import type { Ledger } from './ledger.js'
import { planAllocation } from './plan-allocation.js'
import type { LoadedState } from './reconcile-file.js'
import { Serial } from './serial.js'
import { diskError, isDiskFull } from './system-failure.js'

/** What a content needs of the cache it belongs to. */
export interface ContentHome {
  readonly store: Store
  readonly log: Log
  readonly bootId: string
  readonly ledger: Ledger
  readonly snapshotDirectory: string
  /** All of the content is here now, or not any more. */
  presenceChanged(id: ContentId): void
  /** Nobody holds the content any more. */
  retire(content: Content): Promise<void>
}

const ZEROS = new Uint8Array(1024 * 1024) // one piece of an explicit run of zeros

export class Content {
  readonly id: ContentId
  readonly #home: ContentHome
  readonly #file: CacheFile
  readonly #record: ContentRecord
  readonly #footprint: Footprint
  /** Held by whatever changes bytes, size or ranges. */
  readonly #lock = new Serial()

  #holders = 0
  #dropped = false
  #pinned: boolean
  #sizeBytes: number
  /** Always inside [0, size). */
  #ranges: ByteRanges
  /** Why the local bytes cannot be trusted; nothing is read or sent then. */
  #damage: DriveError | undefined

  constructor(home: ContentHome, id: ContentId, file: CacheFile, state: LoadedState) {
    this.id = id
    this.#home = home
    this.#file = file
    this.#pinned = state.isPinned
    this.#sizeBytes = state.sizeBytes
    this.#ranges = state.ranges
    this.#damage = state.damage
    this.#footprint = new Footprint(id, home.ledger, state.ranges, state.allocatedBytes)
    this.#record = new ContentRecord({ id, store: home.store, ledger: home.ledger, bootId: home.bootId }, state, () => ({
      sizeBytes: this.#sizeBytes,
      ranges: this.#ranges,
      allocatedBytes: this.#footprint.allocatedBytes,
    }))
  }

  /** Null: local only. */
  get origin(): RemoteOrigin | null {
    return this.#record.origin
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** What is here. */
  get ranges(): ByteRanges {
    return this.#ranges
  }

  get allocatedBytes(): number {
    return this.#footprint.allocatedBytes
  }

  get isComplete(): boolean {
    return isWhole(this.#ranges, this.#sizeBytes)
  }

  get isDirty(): boolean {
    return this.#record.isDirty
  }

  /** After a reboot: local bytes that were never synced; never to be sent over a good version (DESIGN.md 6a.3). */
  get isSuspect(): boolean {
    return this.#record.isSuspect
  }

  get isPinned(): boolean {
    return this.#pinned
  }

  get isSynced(): boolean {
    return this.#record.isSynced
  }

  /** Dirty marks ever made, over all processes. */
  get generation(): number {
    return this.#record.generation
  }

  /** Counts every local write in this process; an upload compares it before and after. */
  get writeSequence(): number {
    return this.#record.writeSequence
  }

  /** The next write needs a `markDirty` first; `write` makes one of its own where the caller did not. */
  get needsDirtyMark(): boolean {
    return !this.#record.isMarked
  }

  /** The row does not say yet what is here. */
  get needsPersist(): boolean {
    return this.#record.needsPersist
  }

  get isHeld(): boolean {
    return this.#holders > 0
  }

  /** The row is gone; the file goes with the last holder. */
  get isDropped(): boolean {
    return this.#dropped
  }

  retain(): void {
    this.#holders += 1
  }

  async release(): Promise<void> {
    this.#holders -= 1
    if (this.#holders === 0) await this.#home.retire(this)
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
      if (!this.has({ start: offset, end })) throw new DriveError('invalid', 'these bytes are not in the cache', { fields: { content: this.id } })
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
  fill(offset: number, bytes: Uint8Array): Promise<boolean> {
    return this.#lock.run(async () => {
      const gaps = this.#ranges.missing({ start: offset, end: Math.min(offset + bytes.length, this.#sizeBytes) })
      if (gaps.length === 0) return true
      try {
        const kept = await this.#footprint.grow(gaps, async () => {
          this.#record.noteChange()
          for (const gap of gaps) await this.#file.write(bytes.subarray(gap.start - offset, gap.end - offset), gap.start)
        })
        if (kept) for (const gap of gaps) this.#ranges = this.#ranges.add(gap)
        if (this.isComplete) this.#home.presenceChanged(this.id)
        return kept
      } catch (error) {
        if (isDiskFull(error)) return false
        throw diskError(error, 'keeping downloaded bytes')
      }
    })
  }

  /** Downloaded bytes that turned out to be of another version: no longer claimed, in memory at once and then in the row. */
  async discard(ranges: ByteRanges): Promise<void> {
    if (this.isDirty) return
    await this.#lock.run(async () => {
      this.#record.noteChange()
      this.#home.presenceChanged(this.id)
      this.#ranges = ranges.ranges.reduce((left, range) => left.remove(range), this.#ranges)
      await this.#home.store.transact((tx) => this.persist(tx))
    })
  }

  /** Durable "dirty" mark: commits before the first write of a generation, with everything the row has to say. */
  markDirty(tx: Transaction): Promise<void> {
    return this.#record.markDirty(tx)
  }

  /** Local bytes into a complete content; a gap behind the old end reads as zeros. `cache-full`, `disk-full`. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#lock.run(() => this.#write(offset, bytes))
  }

  /** Needs [0, sizeBytes) here; 0 replaces everything (O_TRUNC) and makes even a placeholder complete. */
  truncate(sizeBytes: number): Promise<void> {
    return this.#lock.run(() => this.#truncate(sizeBytes))
  }

  /** fallocate(2) with mode 0, KEEP_SIZE, PUNCH_HOLE or ZERO_RANGE; anything else is `unsupported`. */
  allocate(offset: number, lengthBytes: number, mode: number): Promise<void> {
    return this.#lock.run(async () => {
      const plan = planAllocation({ offset, lengthBytes, mode, sizeBytes: this.#sizeBytes, written: this.#footprint.written })
      for (const { start, end } of plan.zero) {
        for (let at = start; at < end; at += ZEROS.length) await this.#write(at, ZEROS.subarray(0, Math.min(ZEROS.length, end - at)))
      }
      // The room is promised for now only: real blocks would take a call that Node does not have.
      if (!(await this.#footprint.hasRoomFor(plan.roomBytes))) throw cacheFull()
      if (plan.sizeBytes > this.#sizeBytes) await this.#truncate(plan.sizeBytes)
    })
  }

  /** What is here into the row, also after `sync`: it says `synced` only if nothing changed since. */
  persist(tx: Transaction): Promise<void> {
    return this.#record.persist(tx)
  }

  /** The bytes, the length and the file's own entry survive a power loss; the row says so after `markSynced`. */
  async sync(): Promise<void> {
    const changes = await this.#lock.run(() => Promise.resolve(this.#record.changes))
    const facts = await this.#file.sync()
    this.#record.noteSynced(changes, facts?.stamp ?? null)
  }

  /**
   * Looks whether the file was changed behind our back, by passthrough or native writes: takes over its size, and
   * answers whether anything changed since the last look. The first look after our own change is the baseline.
   */
  absorb(): Promise<boolean> {
    return this.#lock.run(async () => {
      const facts = await this.#file.facts()
      const known = this.#record.stamp
      if (facts === undefined || !this.isComplete || facts.stamp === known) return false
      const changed = known !== null || facts.sizeBytes !== this.#sizeBytes
      if (changed) {
        this.#record.noteWrite()
        this.#sizeBytes = facts.sizeBytes
        this.#ranges = ByteRanges.whole(facts.sizeBytes)
      }
      this.#record.noteStamp(facts.stamp)
      this.#footprint.measured(this.#ranges, facts.allocatedBytes)
      return changed
    })
  }

  /** The path of a complete content's file, made if it has none: for an engine that reads and writes it natively. */
  backingPath(): Promise<string> {
    return this.#lock.run(async () => {
      this.#assertWhole('opened natively')
      if (!this.#file.exists) await this.#file.make()
      return this.#file.path
    })
  }

  /** What an upload sends, synced and (where the file system can) frozen. The caller disposes of it. */
  snapshot(): Promise<Snapshot> {
    return this.#lock.run(async () => {
      this.#assertWhole('sent')
      const facts = await this.#file.sync()
      this.#record.noteSynced(this.#record.changes, facts?.stamp ?? null)
      return takeSnapshot({ content: this, file: this.#file, sizeBytes: this.#sizeBytes, stamp: facts?.stamp, directory: this.#home.snapshotDirectory })
    })
  }

  /**
   * The portal has the bytes as they were at `writeSequence`: clean if nothing was written since, also not behind our
   * back. The origin is the new one in any case. Answers whether the content is clean (once the transaction commits).
   */
  async markClean(tx: Transaction, writeSequence: number, origin: RemoteOrigin): Promise<boolean> {
    const { stamp } = this.#record
    const isUntouched = stamp === null || this.#file.stampNow() === stamp
    const clean = writeSequence === this.writeSequence && this.#damage === undefined && isUntouched
    await this.#record.rebase(tx, origin)
    if (clean) await this.#record.markClean(tx)
    return clean
  }

  /** The content is a copy of these remote bytes from now on. */
  rebase(tx: Transaction, origin: RemoteOrigin): Promise<void> {
    return this.#record.rebase(tx, origin)
  }

  /** For the cache: the pin changed. */
  notePinned(pinned: boolean): void {
    this.#pinned = pinned
  }

  /** For the cache: the row is gone. */
  noteDropped(): void {
    this.#dropped = true
  }

  closeDescriptor(): Promise<void> {
    return this.#file.closeDescriptor()
  }

  async #write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#assertWhole('written')
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

  async #truncate(sizeBytes: number): Promise<void> {
    const before = { sizeBytes: this.#sizeBytes, ranges: this.#ranges }
    if (!this.has({ start: 0, end: Math.min(sizeBytes, before.sizeBytes) })) {
      throw new DriveError('invalid', 'a content can only be cut where everything before the cut is here', { fields: { content: this.id } })
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
    await this.#home.store.transact(async (tx) => {
      await this.#record.markDirty(tx)
      if (sizeBytes === 0) await this.#record.trust(tx)
    })
    if (this.#file.exists) await this.#file.setLength(sizeBytes)
    this.#footprint.cut(sizeBytes)
    if (sizeBytes === 0) this.#damage = undefined
  }

  #assertWhole(wish: string): void {
    if (this.#damage !== undefined) throw this.#damage
    if (!this.isComplete) throw new DriveError('invalid', `only a complete content can be ${wish}`, { fields: { content: this.id } })
  }

  async #foundShort(): Promise<DriveError> {
    const fields = { content: this.id, path: this.#file.path }
    this.#home.presenceChanged(this.id)
    if (this.isDirty && this.isComplete) {
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
