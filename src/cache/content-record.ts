/**
 * What the row of a live content says, and what it has to say next: dirty marks, what is synced, the origin. Memory
 * follows the commit, never runs ahead of it towards "clean" or "marked". Methods that take a Transaction wait for no
 * lock of the content; the bytes' own state comes by a function, as it is when the statement runs.
 */
import type { ByteRanges } from '../base/byte-ranges.js'
import type { ContentId } from '../base/ids.js'
import type { SqlValue } from '../store/connection.js'
import type { Committing, Store, Transaction } from '../store/store.js'
import { bytesStateValues, isWhole, writeBytesState, writeClean, writeDirty, writeOpened, writeOrigin, writeTrusted, writeUnopened, type RemoteOrigin } from './content-rows.js'
import type { Ledger } from './ledger.js'
import type { LoadedState } from './reconcile-file.js'

export interface BytesNow {
  readonly sizeBytes: number
  readonly ranges: ByteRanges
  readonly allocatedBytes: number
}

/** What the row is to say now, for a statement that runs at once. */
export interface Persisting {
  readonly sizeBytes: number
  /** For the statement (content-rows.ts). */
  readonly values: readonly SqlValue[]
  /** It has run. */
  done(tx: Committing): void
}

export class ContentRecord {
  readonly #id: ContentId
  readonly #store: Store
  readonly #ledger: Ledger
  readonly #bootId: string
  readonly #bytesNow: () => BytesNow

  #origin: RemoteOrigin | null
  #dirty: boolean
  #suspect: boolean
  #generation: number
  /** The row says dirty, complete and not synced: a write may go on. */
  #marked: boolean
  #writeSequence = 0
  /** The `#writeSequence` up to which the portal was found to have everything. */
  #sentSequence: number | undefined
  /** Counts every change of bytes, size or ranges; raised before the change. */
  #changes = 0
  /** The `#changes` that the row and the disk have. */
  #persistedAt: number
  #syncedAt: number
  #persistedSynced: boolean
  /** The file's stamp when it was last known to hold what we think; null after our own changes. */
  #stamp: string | null

  constructor(home: { id: ContentId; store: Store; ledger: Ledger; bootId: string }, state: LoadedState, bytesNow: () => BytesNow) {
    this.#id = home.id
    this.#store = home.store
    this.#ledger = home.ledger
    this.#bootId = home.bootId
    this.#bytesNow = bytesNow
    this.#origin = state.origin
    this.#dirty = state.isDirty
    this.#suspect = state.isSuspect
    this.#generation = state.generation
    this.#marked = state.isMarked
    this.#stamp = state.stamp
    this.#persistedAt = state.isAsRow ? 0 : -1
    this.#syncedAt = state.synced ? 0 : -1
    this.#persistedSynced = state.synced
  }

  get origin(): RemoteOrigin | null {
    return this.#origin
  }

  get isDirty(): boolean {
    return this.#dirty
  }

  get isSuspect(): boolean {
    return this.#suspect
  }

  get generation(): number {
    return this.#generation
  }

  get isMarked(): boolean {
    return this.#marked
  }

  get writeSequence(): number {
    return this.#writeSequence
  }

  /** Nothing was written since the portal had it all. */
  get isSent(): boolean {
    return !this.#dirty && this.#sentSequence === this.#writeSequence
  }

  get changes(): number {
    return this.#changes
  }

  get stamp(): string | null {
    return this.#stamp
  }

  get isSynced(): boolean {
    return this.#syncedAt === this.#changes
  }

  /**
   * The next start would trust the file by this. Bytes that are written over others may reach the disk before the file's
   * times do, so the row must have taken that back on the disk before it happens.
   */
  get rowSaysSynced(): boolean {
    return this.#persistedSynced
  }

  get needsPersist(): boolean {
    return this.#persistedAt !== this.#changes || this.#persistedSynced !== this.isSynced
  }

  /** Bytes, size or ranges are about to change. */
  noteChange(): void {
    this.#changes += 1
    this.#stamp = null
  }

  /** A local write is about to happen: whoever compares sees that something is under way. */
  noteWrite(): void {
    this.#writeSequence += 1
    this.noteChange()
  }

  /** The file is on the disk as it was at `changes`, and has this stamp; too late if something changed since. */
  noteSynced(changes: number, stamp: string | null): void {
    if (changes !== this.#changes) return
    this.#syncedAt = changes
    this.#stamp = stamp
  }

  noteStamp(stamp: string): void {
    this.#stamp = stamp
  }

  async ensureMarked(): Promise<void> {
    if (!this.#marked) await this.#store.transact((tx) => this.markDirty(tx), { durable: this.rowSaysSynced })
  }

  async markDirty(tx: Transaction): Promise<void> {
    const now = this.#bytesNow()
    const changes = this.#changes
    await writeDirty(tx, this.#id)
    await writeBytesState(tx, bytesStateValues(this.#id, { ...now, synced: false, stamp: null }, this.#bootId))
    tx.afterCommit(() => {
      this.#dirty = true
      this.#marked = isWhole(now.ranges, now.sizeBytes)
      this.#generation += 1
      this.#persistedAt = changes
      this.#persistedSynced = false
      this.#ledger.setDirty(this.#id, true)
    })
  }

  /** Somebody may write to the file directly from the commit on; `stamp` is of the file before that. */
  async markOpened(tx: Transaction, stamp: string | null): Promise<void> {
    await writeOpened(tx, this.#id, this.#bootId, stamp)
  }

  /** Nobody can any more. */
  async markUnopened(tx: Transaction, stamp: string | null): Promise<void> {
    await writeUnopened(tx, this.#id, stamp)
    tx.afterCommit(() => {
      this.#stamp = stamp
    })
  }

  /** All local bytes are gone: what is written from here on is known. */
  async trust(tx: Transaction): Promise<void> {
    await writeTrusted(tx, this.#id)
    tx.afterCommit(() => {
      this.#suspect = false
    })
  }

  async persist(tx: Transaction): Promise<void> {
    const persisting = this.beginPersist()
    await writeBytesState(tx, persisting.values)
    persisting.done(tx)
  }

  beginPersist(): Persisting {
    const changes = this.#changes
    const synced = this.isSynced
    const now = this.#bytesNow()
    // A row that says "synced" must not be overtaken by a write: the next one marks first.
    if (synced) this.#marked = false
    return {
      sizeBytes: now.sizeBytes,
      values: bytesStateValues(this.#id, { ...now, synced, stamp: this.#stamp }, this.#bootId),
      done: (tx) => {
        tx.afterCommit(() => {
          this.#persistedAt = changes
          this.#persistedSynced = synced
          if (synced) this.#marked = false
        })
      },
    }
  }

  /** The mark is about to go: a write from here on has its own, committed after the transaction that takes this one away. */
  unmark(): void {
    this.#marked = false
  }

  /** The portal has everything that was written up to `writeSequence`. After `unmark`. */
  async markClean(tx: Transaction, writeSequence: number): Promise<void> {
    await this.persist(tx)
    await writeClean(tx, this.#id)
    tx.afterCommit(() => {
      this.#marked = false
      this.#dirty = false
      this.#suspect = false
      this.#sentSequence = writeSequence
      this.#ledger.setDirty(this.#id, false)
    })
  }

  async rebase(tx: Transaction, origin: RemoteOrigin): Promise<void> {
    await writeOrigin(tx, this.#id, origin)
    tx.afterCommit(() => {
      this.#origin = origin
    })
  }
}
