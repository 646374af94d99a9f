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
import { isWhole, writeBytesState, writeClean, writeDirty, writeOrigin, writeTrusted, type RemoteOrigin } from './content-rows.js'
import { takeSnapshot, type Snapshot } from './content-snapshot.js'
import type { Ledger } from './ledger.js'
import type { LoadedState } from './reconcile-file.js'
import { Serial } from './serial.js'
import { planAllocation } from './plan-allocation.js'
import { diskError, isDiskFull } from './system-failure.js'

/** What a content needs of the cache it belongs to. */
export interface ContentHome {
  readonly store: Store
  readonly log: Log
  readonly bootId: string
  readonly ledger: Ledger
  readonly snapshotDirectory: string
  /** Nobody holds the content any more. */
  retire(content: Content): Promise<void>
}

const ZEROS = new Uint8Array(1024 * 1024) // one piece of an explicit run of zeros

export class Content {
  readonly id: ContentId
  readonly #home: ContentHome
  readonly #file: CacheFile
  /** Held by whatever changes bytes, size or ranges. */
  readonly #lock = new Serial()

  #holders = 0
  #dropped = false
  #origin: RemoteOrigin | null
  #sizeBytes: number
  /** Always inside [0, size). */
  #ranges: ByteRanges
  /** Bytes of the file that were ever written, ranges that were discarded included: what it takes on the disk. */
  #written: ByteRanges
  /** May differ from `#written` for sparse files; corrected from the file itself by `absorb`. */
  #allocatedBytes: number
  #dirty: boolean
  #suspect: boolean
  #pinned: boolean
  #generation: number
  /** The row says dirty, complete and not synced: a write may go on. */
  #marked: boolean
  /** Why the local bytes cannot be trusted; nothing is read or sent then. */
  #damage: DriveError | undefined
  #writeSequence = 0
  /** Counts every change of bytes, size or ranges; raised before the change. */
  #changes = 0
  /** The `#changes` that the row and the disk have. */
  #persistedAt: number
  #syncedAt: number
  #persistedSynced: boolean
  /** The file's stamp when it was last known to hold what we think; null after our own changes. */
  #stamp: string | null

  constructor(home: ContentHome, id: ContentId, file: CacheFile, state: LoadedState) {
    this.#home = home
    this.id = id
    this.#file = file
    this.#origin = state.origin
    this.#sizeBytes = state.sizeBytes
    this.#ranges = state.ranges
    this.#written = state.ranges
    this.#allocatedBytes = state.allocatedBytes
    this.#dirty = state.isDirty
    this.#suspect = state.isSuspect
    this.#pinned = state.isPinned
    this.#generation = state.generation
    this.#damage = state.damage
    this.#stamp = state.stamp
    this.#marked = state.isMarked
    this.#persistedAt = state.isAsRow ? 0 : -1
    this.#syncedAt = state.synced ? 0 : -1
    this.#persistedSynced = state.synced
  }

  get origin(): RemoteOrigin | null {
    return this.#origin
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** What is here. */
  get ranges(): ByteRanges {
    return this.#ranges
  }

  get allocatedBytes(): number {
    return this.#allocatedBytes
  }

  get isComplete(): boolean {
    return isWhole(this.#ranges, this.#sizeBytes)
  }

  get isDirty(): boolean {
    return this.#dirty
  }

  /** After a reboot: local bytes that were never synced; never to be sent over a good version (DESIGN.md 6a.3). */
  get isSuspect(): boolean {
    return this.#suspect
  }

  get isPinned(): boolean {
    return this.#pinned
  }

  get isSynced(): boolean {
    return this.#syncedAt === this.#changes
  }

  /** Dirty marks ever made, over all processes. */
  get generation(): number {
    return this.#generation
  }

  /** Counts every local write in this process; an upload compares it before and after. */
  get writeSequence(): number {
    return this.#writeSequence
  }

  /** The next write needs a `markDirty` first; `write` makes one of its own where the caller did not. */
  get needsDirtyMark(): boolean {
    return !this.#marked
  }

  /** The row does not say yet what is here. */
  get needsPersist(): boolean {
    return this.#persistedAt !== this.#changes || this.#persistedSynced !== this.isSynced
  }

  get isHeld(): boolean {
    return this.#holders > 0
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
      const changes = this.#changes
      const bytes = Buffer.allocUnsafe(end - offset)
      if ((await this.#file.readInto(bytes, offset)) === bytes.length) return bytes
      // Short: cut by a truncation meanwhile, or the file was damaged from outside.
      if (changes === this.#changes) throw await this.#foundShort()
    }
  }

  /**
   * Keeps downloaded bytes where nothing is yet. False when there is no room: then the caller serves them without
   * keeping. Never touches bytes that are here, so never local ones.
   */
  fill(offset: number, bytes: Uint8Array): Promise<boolean> {
    return this.#lock.run(async () => {
      const wanted = { start: offset, end: Math.min(offset + bytes.length, this.#sizeBytes) }
      const gaps = this.#ranges.missing(wanted)
      if (gaps.length === 0) return true
      const growth = this.#growth(gaps)
      if (!(await this.#home.ledger.reserve(growth))) return false
      this.#changes += 1
      this.#stamp = null
      try {
        for (const gap of gaps) await this.#file.write(bytes.subarray(gap.start - offset, gap.end - offset), gap.start)
      } catch (error) {
        this.#home.ledger.giveBack(growth)
        if (isDiskFull(error)) return false
        throw diskError(error, 'keeping downloaded bytes')
      }
      this.#grew(gaps, growth)
      return true
    })
  }

  /** Downloaded bytes that turned out to be of another version: no longer claimed, in memory at once and then in the row. */
  async discard(ranges: ByteRanges): Promise<void> {
    if (this.#dirty) return
    await this.#lock.run(async () => {
      this.#changes += 1
      this.#ranges = ranges.ranges.reduce((left, range) => left.remove(range), this.#ranges)
      await this.#home.store.transact((tx) => this.persist(tx))
    })
  }

  /** Durable "dirty" mark: commits before the first write of a generation, with everything the row has to say. */
  async markDirty(tx: Transaction): Promise<void> {
    const complete = this.isComplete
    const changes = this.#changes
    await writeDirty(tx, this.id)
    await writeBytesState(tx, this.id, { ...this.#bytesState(), synced: false, stamp: null }, this.#home.bootId)
    tx.afterCommit(() => {
      this.#dirty = true
      this.#marked = complete
      this.#generation += 1
      this.#persistedAt = changes
      this.#persistedSynced = false
      this.#home.ledger.setDirty(this.id, true)
    })
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
      const plan = planAllocation({ offset, lengthBytes, mode, sizeBytes: this.#sizeBytes, written: this.#written })
      for (const { start, end } of plan.zero) {
        for (let at = start; at < end; at += ZEROS.length) await this.#write(at, ZEROS.subarray(0, Math.min(ZEROS.length, end - at)))
      }
      // The room is promised for now only: real blocks would take a call that Node does not have.
      if (!(await this.#home.ledger.reserve(plan.roomBytes))) throw cacheFull()
      this.#home.ledger.giveBack(plan.roomBytes)
      if (plan.sizeBytes > this.#sizeBytes) await this.#truncate(plan.sizeBytes)
    })
  }

  /** What is here into the row; `synced` only if nothing changed since `sync`. */
  async persist(tx: Transaction): Promise<void> {
    const changes = this.#changes
    const state = this.#bytesState()
    // A row that says "synced" must not be overtaken by a write: the next one marks first.
    if (state.synced) this.#marked = false
    await writeBytesState(tx, this.id, state, this.#home.bootId)
    tx.afterCommit(() => {
      this.#persistedAt = changes
      this.#persistedSynced = state.synced
      if (state.synced) this.#marked = false
    })
  }

  /** As `persist`, said for its other use: after `sync`. */
  markSynced(tx: Transaction): Promise<void> {
    return this.persist(tx)
  }

  /** The bytes, the length and the file's own entry survive a power loss; the row says so after `markSynced`. */
  async sync(): Promise<void> {
    const changes = await this.#lock.run(() => Promise.resolve(this.#changes))
    const facts = await this.#file.sync()
    if (changes !== this.#changes) return
    this.#syncedAt = changes
    this.#stamp = facts?.stamp ?? null
  }

  /**
   * Looks whether the file was changed behind our back, by passthrough or native writes: takes over its size, and
   * answers whether anything changed since the last look. The first look after our own change is the baseline.
   */
  absorb(): Promise<boolean> {
    return this.#lock.run(async () => {
      const facts = await this.#file.facts()
      if (facts === undefined || !this.isComplete || facts.stamp === this.#stamp) return false
      const changed = this.#stamp !== null || facts.sizeBytes !== this.#sizeBytes
      this.#stamp = facts.stamp
      this.#setAllocated(facts.allocatedBytes)
      if (!changed) return false
      this.#noteWrite()
      this.#stamp = facts.stamp
      this.#sizeBytes = facts.sizeBytes
      this.#ranges = ByteRanges.whole(facts.sizeBytes)
      this.#written = this.#ranges
      return true
    })
  }

  /** The path of a complete content's file, made if it has none: for an engine that reads and writes it natively. */
  backingPath(): Promise<string> {
    return this.#lock.run(async () => {
      if (!this.isComplete) throw new DriveError('invalid', 'only a complete content can be opened natively', { fields: { content: this.id } })
      if (this.#damage !== undefined) throw this.#damage
      if (!this.#file.exists) await this.#file.make()
      return this.#file.path
    })
  }

  /** What an upload sends, synced and (where the file system can) frozen. The caller disposes of it. */
  snapshot(): Promise<Snapshot> {
    return this.#lock.run(async () => {
      if (this.#damage !== undefined) throw this.#damage
      if (!this.isComplete) throw new DriveError('invalid', 'only a complete content can be sent', { fields: { content: this.id } })
      const facts = await this.#file.sync()
      this.#syncedAt = this.#changes
      this.#stamp = facts?.stamp ?? null
      return takeSnapshot({ content: this, file: this.#file, sizeBytes: this.#sizeBytes, stamp: facts?.stamp, directory: this.#home.snapshotDirectory })
    })
  }

  /**
   * The portal has the bytes as they were at `writeSequence`: clean if nothing was written since, also not behind our
   * back. The origin is the new one in any case. Answers whether the content is clean.
   */
  async markClean(tx: Transaction, writeSequence: number, origin: RemoteOrigin): Promise<boolean> {
    const clean = writeSequence === this.#writeSequence && this.#damage === undefined && (this.#stamp === null || this.#file.stampNow() === this.#stamp)
    await this.rebase(tx, origin)
    if (!clean) return false
    this.#marked = false // a write from here on has its mark committed after this transaction
    await this.persist(tx)
    await writeClean(tx, this.id)
    tx.afterCommit(() => {
      this.#marked = false
      this.#dirty = false
      this.#suspect = false
      this.#home.ledger.setDirty(this.id, false)
    })
    return true
  }

  /** The content is a copy of these remote bytes from now on. */
  async rebase(tx: Transaction, origin: RemoteOrigin): Promise<void> {
    await writeOrigin(tx, this.id, origin)
    tx.afterCommit(() => {
      this.#origin = origin
    })
  }

  /** For the cache: the pin changed. */
  notePinned(pinned: boolean): void {
    this.#pinned = pinned
  }

  /** For the cache: the row is gone; the file goes with the last holder. */
  noteDropped(): void {
    this.#dropped = true
  }

  get isDropped(): boolean {
    return this.#dropped
  }

  closeDescriptor(): Promise<void> {
    return this.#file.closeDescriptor()
  }

  /** Resolves when no change of the content is under way. */
  settled(): Promise<void> {
    return this.#lock.settled()
  }

  async #write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#assertWritable()
    if (bytes.length === 0) return
    this.#noteWrite()
    await this.#ensureMarked()
    const range = { start: offset, end: offset + bytes.length }
    const growth = this.#growth([range])
    if (!(await this.#home.ledger.reserve(growth))) throw cacheFull()
    try {
      await this.#file.write(bytes, offset)
    } catch (error) {
      this.#home.ledger.giveBack(growth)
      // What was written behind the end would show up in a hole later.
      if (this.#file.exists) await this.#file.setLength(this.#sizeBytes)
      throw diskError(error, 'writing')
    }
    const holeStart = Math.min(offset, this.#sizeBytes)
    this.#sizeBytes = Math.max(this.#sizeBytes, range.end)
    this.#ranges = this.#ranges.add({ start: holeStart, end: offset })
    this.#grew([range], growth)
  }

  async #truncate(sizeBytes: number): Promise<void> {
    const before = { sizeBytes: this.#sizeBytes, ranges: this.#ranges }
    if (!this.has({ start: 0, end: Math.min(sizeBytes, before.sizeBytes) })) {
      throw new DriveError('invalid', 'a content can only be cut where everything before the cut is here', { fields: { content: this.id } })
    }
    if (sizeBytes > 0) this.#assertWritable(sizeBytes)
    this.#noteWrite()
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
    await this.#ensureMarked()
    await this.#file.setLength(sizeBytes)
    this.#ranges = this.#ranges.add({ start: this.#sizeBytes, end: sizeBytes })
    this.#sizeBytes = sizeBytes
  }

  /** Memory, row, file: at no time does a row claim more than the file has. */
  async #shrink(sizeBytes: number): Promise<void> {
    const cut = { start: sizeBytes, end: Number.MAX_SAFE_INTEGER }
    this.#sizeBytes = sizeBytes
    this.#ranges = this.#ranges.remove(cut)
    const restored = sizeBytes === 0
    await this.#home.store.transact(async (tx) => {
      await this.markDirty(tx)
      if (restored) await writeTrusted(tx, this.id)
    })
    if (this.#file.exists) await this.#file.setLength(sizeBytes)
    const kept = this.#written.remove(cut)
    this.#setAllocated(Math.max(0, this.#allocatedBytes - (this.#written.totalBytes - kept.totalBytes)))
    this.#written = kept
    if (restored) {
      this.#suspect = false
      this.#damage = undefined
    }
  }

  #assertWritable(keptBytes = this.#sizeBytes): void {
    if (this.#damage !== undefined) throw this.#damage
    if (!this.has({ start: 0, end: Math.min(keptBytes, this.#sizeBytes) })) {
      throw new DriveError('invalid', 'a content is written only when all of it is here', { fields: { content: this.id } })
    }
  }

  /** Before the change: whoever compares sees that something is under way. */
  #noteWrite(): void {
    this.#writeSequence += 1
    this.#changes += 1
    this.#stamp = null
  }

  async #ensureMarked(): Promise<void> {
    if (!this.#marked) await this.#home.store.transact((tx) => this.markDirty(tx))
  }

  #growth(ranges: readonly ByteRange[]): number {
    return ranges.reduce((sum, range) => sum + this.#written.missing(range).reduce((bytes, { start, end }) => bytes + end - start, 0), 0)
  }

  #grew(ranges: readonly ByteRange[], growth: number): void {
    for (const range of ranges) {
      this.#ranges = this.#ranges.add(range)
      this.#written = this.#written.add(range)
    }
    this.#allocatedBytes += growth
    this.#home.ledger.settle(this.id, growth, this.#allocatedBytes)
  }

  #setAllocated(bytes: number): void {
    this.#allocatedBytes = bytes
    this.#home.ledger.setAllocated(this.id, bytes)
  }

  #bytesState(): { sizeBytes: number; ranges: ByteRanges; allocatedBytes: number; synced: boolean; stamp: string | null } {
    return { sizeBytes: this.#sizeBytes, ranges: this.#ranges, allocatedBytes: this.#allocatedBytes, synced: this.isSynced, stamp: this.#stamp }
  }

  async #foundShort(): Promise<DriveError> {
    const fields = { content: this.id, path: this.#file.path }
    if (this.#dirty && this.isComplete) return this.#spoil(fields)
    this.#home.log.warn(fields, 'a cache file lost bytes; they will be fetched again')
    this.#changes += 1
    this.#ranges = ByteRanges.empty
    this.#written = ByteRanges.empty
    await this.#file.abandon()
    this.#setAllocated(0)
    return new DriveError('internal', 'the cache file lost its bytes; they are fetched again', { fields })
  }

  #spoil(fields: object): DriveError {
    this.#home.log.error(fields, 'a cache file with unsent edits was damaged from outside')
    this.#damage = new DriveError('internal', 'the cache file that held your unsent edits was damaged by something else', { fields: { ...fields } })
    return this.#damage
  }
}

function cacheFull(): DriveError {
  return new DriveError('cache-full', 'the cache is full of open, pinned or unsent files: let uploads finish, free some files or raise cacheLimit')
}
