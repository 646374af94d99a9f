/**
 * One content while somebody holds it: which bytes are here, reading, filling, writing. Order everywhere: bytes, then
 * rows, then the answer; a row never claims bytes that may be missing, so growth is persisted late and shrinking first.
 * Methods that take a Transaction never wait for the content's own lock (a writer inside it may wait for a transaction).
 * A local write needs the whole content here, so downloads never meet written bytes.
 */
import type { ByteRange, ByteRanges } from '../base/byte-ranges.js'
import type { ContentId } from '../base/ids.js'
import type { Transaction } from '../store/store.js'
import type { CacheFile } from './cache-file.js'
import { ContentBytes, type BytesHome } from './content-bytes.js'
import { ContentRecord, type Persisting } from './content-record.js'
import { isSameOrigin, type RemoteOrigin } from './content-rows.js'
import type { FileFigures } from './direct-writes.js'
import { takeSnapshot, type Snapshot } from './content-snapshot.js'
import type { LoadedState } from './reconcile-file.js'
import { Serial } from './serial.js'

/** `unlinked`: by a program here. `replaced`: for anything else, as a newer version on the portal. */
export type DropReason = 'unlinked' | 'replaced'

/** What a content needs of the cache it belongs to. */
export interface ContentHome extends BytesHome {
  readonly bootId: string
  readonly snapshotDirectory: string
  /** Nobody holds the content any more. */
  retire(content: Content): Promise<void>
}

export class Content {
  readonly id: ContentId
  readonly #home: ContentHome
  readonly #file: CacheFile
  readonly #record: ContentRecord
  readonly #bytes: ContentBytes
  /** Held by whatever changes bytes, size or ranges. */
  readonly #lock = new Serial()

  #holders = 0
  #dropped: DropReason | undefined
  readonly #whenDropped = new Set<() => void>()
  #pinned: boolean

  constructor(home: ContentHome, id: ContentId, file: CacheFile, state: LoadedState) {
    this.id = id
    this.#home = home
    this.#file = file
    this.#pinned = state.isPinned
    this.#record = new ContentRecord({ id, store: home.store, ledger: home.ledger, bootId: home.bootId }, state, () => this.#bytes.now)
    this.#bytes = new ContentBytes(home, id, file, state, this.#record)
  }

  /** Null: local only. */
  get origin(): RemoteOrigin | null {
    return this.#record.origin
  }

  get sizeBytes(): number {
    return this.#bytes.sizeBytes
  }

  /** Of the file as it is now, while others write to it: what they write is not known here before `settle`. */
  figures(): FileFigures | undefined {
    return this.#bytes.figures()
  }

  /** The kernel may have been given the file for writing. */
  get isOpenedDirectly(): boolean {
    return this.#bytes.direct !== undefined
  }

  /** Something was written directly that nobody has looked at yet. */
  get hasNews(): boolean {
    return this.#bytes.direct?.hasNews === true
  }

  /** What is here. */
  get ranges(): ByteRanges {
    return this.#bytes.ranges
  }

  get allocatedBytes(): number {
    return this.#bytes.allocatedBytes
  }

  get isComplete(): boolean {
    return this.#bytes.isComplete
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

  /** What was written, also directly, went to the portal before it was recorded by whoever keeps the item's row. */
  get isSent(): boolean {
    return this.#record.isSent
  }

  /** The next write needs a `markDirty` first; `write` makes one of its own where the caller did not. */
  get needsDirtyMark(): boolean {
    return !this.#record.isMarked
  }

  /** The row does not say yet what is here. */
  get needsPersist(): boolean {
    return this.#record.needsPersist
  }

  /** And that mark has to be on the disk, unless all bytes are to go first (DESIGN.md 6a.3). */
  get needsDurableMark(): boolean {
    return this.#record.rowSaysSynced && this.sizeBytes > 0
  }

  get isHeld(): boolean {
    return this.#holders > 0
  }

  /** The row is gone; the file goes with the last holder. */
  get isDropped(): boolean {
    return this.#dropped !== undefined
  }

  /** Nobody wants what may still be written to it. */
  get isUnlinked(): boolean {
    return this.#dropped === 'unlinked'
  }

  retain(): void {
    this.#holders += 1
  }

  async release(): Promise<void> {
    this.#holders -= 1
    if (this.#holders === 0) await this.#home.retire(this)
  }

  has(range: ByteRange): boolean {
    return this.#bytes.has(range)
  }

  /**
   * Bytes that must be here, clipped at the size. `invalid` when they are not; `internal` when the cache file turns out
   * to be damaged: clean bytes are then no longer claimed (ask `has` again), dirty ones stay damaged.
   */
  async read(offset: number, lengthBytes: number): Promise<Uint8Array> {
    await this.settle()
    return this.#bytes.read(offset, lengthBytes)
  }

  /**
   * Keeps downloaded bytes where nothing is yet. False when there is no room: then the caller serves them without
   * keeping. Never touches bytes that are here, so never local ones.
   */
  fill(offset: number, bytes: Uint8Array): Promise<boolean> {
    return this.#alone(() => this.#bytes.fill(offset, bytes))
  }

  /**
   * Downloaded bytes that turned out not to be of `origin`: no longer claimed, in memory at once and then in the row. Nothing
   * happens to local bytes, and to a content that is a copy of something else by now, as after an upload.
   */
  discard(ranges: ByteRanges, origin: RemoteOrigin): Promise<void> {
    return this.#alone(async () => {
      if (this.isDirty || !isSameOrigin(this.origin, origin)) return
      this.#bytes.unclaim(ranges)
      await this.#home.store.transact((tx) => this.persist(tx))
    })
  }

  /** Durable "dirty" mark: commits before the first write of a generation, with everything the row has to say. */
  markDirty(tx: Transaction): Promise<void> {
    return this.#record.markDirty(tx)
  }

  /** Local bytes into a complete content; a gap behind the old end reads as zeros. `cache-full`, `disk-full`. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#alone(() => this.#bytes.write(offset, bytes))
  }

  /** Needs [0, sizeBytes) here; 0 replaces everything (O_TRUNC) and makes even a placeholder complete. */
  truncate(sizeBytes: number): Promise<void> {
    return this.#alone(() => this.#bytes.truncate(sizeBytes))
  }

  /** fallocate(2) with mode 0, KEEP_SIZE, PUNCH_HOLE or ZERO_RANGE; anything else is `unsupported`. */
  allocate(offset: number, lengthBytes: number, mode: number): Promise<void> {
    return this.#alone(() => this.#bytes.allocate(offset, lengthBytes, mode))
  }

  /** Somebody has decided that the local bytes are good, whatever a reboot may have done to them. */
  trust(tx: Transaction): Promise<void> {
    return this.#record.trust(tx)
  }

  /** What is here into the row, also after `sync`: it says `synced` only if nothing changed since. */
  persist(tx: Transaction): Promise<void> {
    return this.#record.persist(tx)
  }

  /** As `persist`, for a script with WRITE_BYTES_STATE. */
  beginPersist(): Persisting {
    return this.#record.beginPersist()
  }

  /**
   * Lets handles attached to the file write to it directly, until somebody here looks at it; nothing happens where that
   * cannot be. The dirty mark is in the row, and stays: whoever would take it away ends the loan first.
   */
  lend(): Promise<void> {
    return this.#alone(() => this.#bytes.lend(false))
  }

  /** As `lend`, to whoever made the file, of whom nothing is known: a little, and only what nobody has to make room for. */
  lendNew(): Promise<void> {
    return this.#alone(() => this.#bytes.lend(true))
  }

  /**
   * Before the kernel is given the file for writing: the row says so durably, the file is there, and changes to it show
   * from now on. Needs a whole content.
   */
  openDirectly(): Promise<void> {
    return this.#alone(() => this.#bytes.openDirectly((stamp) => this.#home.store.transact((tx) => this.#record.markOpened(tx, stamp), { durable: this.needsDurableMark })))
  }

  /** Somebody has the file open for writing, or mapped so, or nobody can tell. */
  isWrittenElsewhere(): Promise<boolean> {
    return this.#alone(() => this.#file.isWrittenElsewhere())
  }

  /** Nobody writes to the file but us any more, and what was written is settled. */
  async closeDirectly(tx: Transaction): Promise<void> {
    await this.#record.markUnopened(tx, this.#record.isDirty ? this.#record.stamp : (this.#file.factsNow()?.stamp ?? null))
    tx.afterCommit(() => {
      this.#bytes.closeDirectly()
    })
  }

  /** The times of what was written directly are in the item's row. */
  noteRecorded(): void {
    this.#bytes.direct?.noteRecorded()
  }

  /** Room is needed elsewhere: direct writes stop, and what was reserved for them and not used goes back. At once, whoever holds the content. */
  reclaimLoan(): void {
    this.#bytes.reclaimLoan()
  }

  /** What was written directly is known here after this, and nothing more is written so. */
  async settle(): Promise<void> {
    if (this.#bytes.needsTakeOver) await this.#alone(() => Promise.resolve())
  }

  /** The bytes, the length and the file's own entry survive a power loss; the row says so after `persist`. */
  async sync(): Promise<void> {
    const changes = await this.#alone(() => Promise.resolve(this.#record.changes))
    const facts = await this.#file.sync()
    this.#record.noteSynced(changes, facts?.stamp ?? null)
  }

  /**
   * For a sync of the whole file system, begun after this. Answers what to call once that has ended well: false when the
   * file changed meanwhile, so that nothing is known of it.
   */
  async beginSync(): Promise<() => Promise<boolean>> {
    const changes = await this.#alone(() => Promise.resolve(this.#record.changes))
    const before = (await this.#file.facts())?.stamp ?? null
    return async () => {
      if (changes !== this.#record.changes || before !== ((await this.#file.facts())?.stamp ?? null)) return false
      this.#record.noteSynced(changes, before)
      this.#file.noteDirectorySynced()
      return true
    }
  }

  /**
   * Looks whether the file was changed behind our back, by passthrough or native writes: takes over its size, and
   * answers whether anything changed since the last look. The first look after our own change is the baseline.
   */
  absorb(): Promise<boolean> {
    return this.#alone(async () => {
      const facts = await this.#file.facts()
      const known = this.#record.stamp
      if (facts === undefined || !this.isComplete || facts.stamp === known) return false
      const changed = known !== null || facts.sizeBytes !== this.sizeBytes
      if (changed) this.#record.noteWrite()
      this.#record.noteStamp(facts.stamp)
      this.#bytes.measured(facts)
      return changed
    })
  }

  /** What an upload sends, synced and (where the file system can) frozen. The caller disposes of it. */
  snapshot(): Promise<Snapshot> {
    return this.#alone(async () => {
      this.#bytes.assertWhole('sent')
      const facts = this.isOpenedDirectly ? await this.#file.syncUntouched() : await this.#file.sync()
      // What came in between is in the synced file, and whoever keeps the item's row is to look again.
      if (facts !== undefined && facts.sizeBytes !== this.sizeBytes) {
        this.#record.noteWrite()
        this.#bytes.measured(facts)
      }
      this.#record.noteSynced(this.#record.changes, facts?.stamp ?? null)
      return takeSnapshot({ content: this, file: this.#file, sizeBytes: this.sizeBytes, stamp: facts?.stamp, directory: this.#home.snapshotDirectory })
    })
  }

  /**
   * The portal has the bytes as they were at `writeSequence`: clean if nothing was written since, also not behind our
   * back. The origin is the new one in any case. Answers whether the content is clean (once the transaction commits).
   */
  async markClean(tx: Transaction, writeSequence: number, origin: RemoteOrigin): Promise<boolean> {
    const { stamp } = this.#record
    const isUntouched = stamp === null || this.#file.stampNow() === stamp
    const clean = writeSequence === this.writeSequence && !this.#bytes.isDamaged && isUntouched
    if (clean) this.#record.unmark() // before anything is waited for: a write of that moment would count on the mark that goes
    await this.#record.rebase(tx, origin)
    if (clean) await this.#record.markClean(tx, writeSequence)
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
  noteDropped(why: DropReason): void {
    this.#dropped = why
    for (const effect of [...this.#whenDropped]) effect()
  }

  /** For who holds the content in the background only: a deleted file must not take space because of that. Answers how to take it back. */
  whenDropped(effect: () => void): () => void {
    this.#whenDropped.add(effect)
    return () => {
      this.#whenDropped.delete(effect)
    }
  }

  closeDescriptor(): Promise<void> {
    return this.#file.closeDescriptor()
  }

  /** Runs work that changes or fixes bytes alone, with all that was written directly taken over before. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#lock.run(async () => {
      this.#bytes.takeOver()
      return work()
    })
  }
}
