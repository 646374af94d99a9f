/**
 * The disk cache: contents by id, each live at most once, their space bounded by the ledger. Rows are read when a content
 * is acquired and written by those who change it; files go by unlink only (fuse-engine.md fact 4), after the row. What a
 * reboot or a kill left is put right at `open`.
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import type { Clock } from '../base/clock.js'
import { errorText } from '../base/errors.js'
import { asContentId, type ContentId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Reader, Store, Transaction } from '../store/store.js'
import { CacheFile, fileFacts } from './cache-file.js'
import { beginContent, type NewContent } from './new-content.js'
import { Content, type ContentHome, type DropReason } from './content.js'
import { contentPath, snapshotDirectory } from './content-path.js'
import * as rows from './content-rows.js'
import { summarize, type ContentSummary } from './content-summary.js'
import { clearLeftovers } from './leftovers.js'
import { noLender, type FileLender } from './file-lender.js'
import { Ledger, type CacheUsage } from './ledger.js'
import { OpenFiles } from './open-files.js'
import { newLocal, reconcileFile } from './reconcile-file.js'
import { recoverRows } from './recover-rows.js'
import { syncClean } from './sync-clean.js'
import { SyncSweep } from './sync-sweep.js'
import { UseTimes } from './use-times.js'

export interface ContentCacheOptions {
  readonly directory: string
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  /** Differs after each boot of the machine. */
  readonly bootId: string
  readonly limitBytes: number
  readonly freeSpaceFloorBytes: number
  /** Who reads and writes files of the cache directly; nobody when left out. */
  readonly lender?: FileLender
}

const DIRECT_WRITE_ROOM_BYTES = 1024 ** 3
const OPEN_FILES = 256 // of the 1,024 descriptors that a process may have by default
const CLOSE_SYNC_MS = 3_000 // an unmount must not wait for the disk longer

export class ContentCache {
  readonly bootId: string
  readonly #directory: string
  readonly #store: Store
  readonly #clock: Clock
  readonly #log: Log
  readonly #files = new OpenFiles(OPEN_FILES)
  readonly #lender: FileLender
  readonly #ledger: Ledger
  readonly #sweep: SyncSweep
  readonly #home: ContentHome
  readonly #stopping = new AbortController()

  /** Ids up to it are an earlier process's. */
  #earlierIds = asContentId(0)
  #lastId = asContentId(0)
  readonly #live = new Map<ContentId, Content>()
  /** Acquires under way; an effect on one of them makes it read its row again. */
  readonly #loading = new Map<ContentId, Promise<Content>>()
  readonly #stale = new Set<ContentId>()
  readonly #unsentDrops = new Set<ContentId>() // a power loss could bring their rows back
  /** Files being unlinked: an acquire waits for it. */
  readonly #removing = new Map<ContentId, Promise<unknown>>()
  /** Background works that `close` waits for. */
  readonly #tasks = new Set<Promise<void>>()
  #onPresence: (id: ContentId) => void = () => undefined
  readonly #uses: UseTimes
  /** Resolves when leftovers of an earlier process are gone; nothing is added before. */
  #ready: Promise<void> = Promise.resolve()

  private constructor(options: ContentCacheOptions) {
    this.#directory = options.directory
    this.#store = options.store
    this.#clock = options.clock
    this.#log = options.log
    this.bootId = options.bootId
    this.#lender = options.lender ?? noLender
    this.#ledger = new Ledger({ ...options, evict: (id) => this.#evict(id, 'least recently used'), ready: () => this.#ready, reclaim: () => this.#reclaim() })
    this.#uses = new UseTimes(options.store, options.clock, (work) => {
      this.#inBackground('noting what was used', work)
    })
    this.#sweep = new SyncSweep({ clock: options.clock, log: options.log, sync: (id) => syncClean(options.store, options.directory, id) })
    this.#home = {
      store: options.store,
      log: options.log,
      bootId: options.bootId,
      ledger: this.#ledger,
      snapshotDirectory: snapshotDirectory(options.directory),
      lender: this.#lender,
      completed: (id) => {
        this.#onPresence(id)
      },
      losing: (id) => {
        this.#losing(id)
      },
      retire: (content) => this.#retire(content),
    }
  }

  /** Opens the cache below `directory` (made if missing, 0700); the store has CACHE_SCHEMA. */
  static async open(options: ContentCacheOptions): Promise<ContentCache> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 })
    await chmod(options.directory, 0o700)
    await rm(snapshotDirectory(options.directory), { recursive: true, force: true })
    await mkdir(snapshotDirectory(options.directory), { mode: 0o700 })
    const cache = new ContentCache(options)
    await cache.#recover()
    return cache
  }

  /** Hears when all of a content is here, and, before anything is done, when it will not be any more. One listener. */
  onPresence(listener: (id: ContentId) => void): void {
    this.#onPresence = listener
  }

  /** Row only, no bytes yet. */
  createPlaceholder(tx: Transaction, sizeBytes: number, origin: rows.RemoteOrigin): Promise<ContentId> {
    return rows.insertContent(tx, { id: this.#nextId(), sizeBytes, dirty: false, origin, bootId: this.bootId, nowMs: this.#clock.nowMs() })
  }

  /** New local content: empty, complete, dirty. `opened`: about to be opened for direct writing. */
  createLocal(tx: Transaction, opened = false): Promise<ContentId> {
    return rows.insertContent(tx, { id: this.#nextId(), sizeBytes: 0, dirty: true, opened, origin: null, bootId: this.bootId, nowMs: this.#clock.nowMs() })
  }

  /** New local content whose row a script with INSERT_LOCAL makes, and its file at the same time. `opened` as for `createLocal`. */
  beginLocal(opened: boolean): NewContent {
    const id = this.#nextId()
    const file = new CacheFile(contentPath(this.#directory, id), this.#files, false)
    const content = new Content(this.#home, id, file, newLocal(opened))
    return beginContent(content, file, { free: this.#removing.get(id), enter: () => { this.#enter(content) }, unlink: () => this.#unlink(id) })
  }

  #nextId(): ContentId {
    return (this.#lastId = asContentId(this.#lastId + 1))
  }

  /** The live object, one for each id, held until `release`; `not-found` when the (committed) row is gone. */
  async acquire(id: ContentId): Promise<Content> {
    for (;;) {
      const live = this.#live.get(id)
      if (live !== undefined && !live.isDropped) {
        live.retain()
        return live
      }
      if (live !== undefined) throw rows.notFound(id)
      let loading = this.#loading.get(id)
      if (loading === undefined) {
        loading = this.#load(id).finally(() => this.#loading.delete(id))
        this.#loading.set(id, loading)
      }
      await loading
    }
  }

  /** The live object if somebody holds it; not held for the caller. */
  peek(id: ContentId): Content | undefined {
    return this.#live.get(id)
  }

  /** The row goes with the transaction, the file after the commit (unsent bytes: once the disk has it) and the last release. */
  async drop(tx: Transaction, id: ContentId, why: DropReason = 'replaced'): Promise<void> {
    const isUnsent = await rows.deleteContent(tx, id)
    tx.afterCommit(() => {
      if (isUnsent) this.#unsentDrops.add(id)
      this.#sweep.remove(id)
      this.#uses.forget(id)
      const live = this.#live.get(id)
      if (live !== undefined) live.noteDropped(why)
      else if (this.#loading.has(id)) this.#stale.add(id)
      else this.#inBackground('removing a dropped content', () => this.#exclusively(id, () => this.#unlink(id)))
    })
  }

  async setPinned(tx: Transaction, ids: readonly ContentId[], pinned: boolean): Promise<void> {
    await rows.writePinned(tx, ids, pinned)
    tx.afterCommit(() => {
      for (const id of ids) {
        this.#ledger.setPinned(id, pinned)
        this.#live.get(id)?.notePinned(pinned)
        if (this.#loading.has(id)) this.#stale.add(id)
      }
    })
  }

  /**
   * Gives the disk space back. False when the content is dirty, held, local only, or was changed behind our back. A pin
   * does not stop it: eviction never asks for pinned ones, and an explicit wish is the caller's.
   */
  evict(id: ContentId): Promise<boolean> {
    return this.#evict(id, 'asked for')
  }

  async summary(ids: readonly ContentId[]): Promise<ReadonlyMap<ContentId, ContentSummary>> {
    const found = await rows.readContents(this.#store.read, ids)
    return new Map(found.map((row) => [row.id, summarize(row, this.#live.get(row.id))]))
  }

  /** By the row as the transaction sees it: an edit that is committed with it counts. So does one that nobody has seen yet. */
  async isDirtyIn(tx: Reader, id: ContentId): Promise<boolean> {
    return this.#live.get(id)?.hasNews === true || (await rows.readContent(tx, id))?.isDirty === true
  }

  /** Contents that may be written to directly, here or by handles that outlived an earlier process. */
  async openedContents(): Promise<readonly ContentId[]> {
    return (await rows.readOpened(this.#store.read)).map(({ id }) => id)
  }

  usage(): CacheUsage {
    return this.#ledger.usage()
  }

  /** How many bytes could be added if everything evictable were evicted (DESIGN.md 6a.8). */
  allowanceBytes(): number {
    return this.#ledger.allowanceBytes
  }

  setLimits(limits: { limitBytes?: number; freeSpaceFloorBytes?: number }): void {
    this.#ledger.setLimits(limits)
    this.#inBackground('shrinking to the new limits', () => this.#ledger.keepBounds())
  }

  /** Nobody here sees direct writes, so nobody can refuse one: there must be room whatever comes (DESIGN.md 6a.8). */
  allowsDirectWrites(sizeBytes: number): Promise<boolean> {
    return this.#ledger.couldAdd(Math.max(DIRECT_WRITE_ROOM_BYTES, 4 * sizeBytes))
  }

  /** After growth that nobody could refuse. */
  keepBounds(): void {
    this.#inBackground('evicting after growth', () => this.#ledger.keepBounds())
  }

  /** Makes room for `bytes` more; they count as used until given back. False when that cannot be. */
  reserve(bytes: number): Promise<boolean> {
    return this.#ledger.reserve(bytes)
  }

  giveBack(bytes: number): void {
    this.#ledger.giveBack(bytes)
  }

  /** The contents were used just now, by somebody who does not hold them (an engine that reads natively). */
  touch(ids: readonly ContentId[]): void {
    for (const id of ids) {
      this.#ledger.touch(id)
      this.#uses.note(id)
    }
  }

  /** Writes what is not in the rows yet and closes every file. Contents still held are not usable afterwards. */
  async close(): Promise<void> {
    this.#stopping.abort()
    this.#uses.stop()
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
    await this.#sweep.stop(CLOSE_SYNC_MS)
    for (const content of this.#live.values()) await this.#persist(content)
    await this.#uses.write()
    await this.#files.close()
  }

  async #recover(): Promise<void> {
    await recoverRows(this.#store, this.#directory, this.bootId)
    this.#earlierIds = this.#lastId = await rows.readLastId(this.#store.read)
    for (const [id, allocatedBytes, dirty, pinned] of await rows.readAllocated(this.#store.read)) {
      this.#ledger.enter(id, { allocatedBytes, dirty: dirty === 1, pinned: pinned === 1 })
    }
    const leftovers = { remove: (id: ContentId) => this.#removeLeftover(id), correct: (id: ContentId, bytes: number) => this.#correct(id, bytes) }
    const clearing = clearLeftovers(this.#directory, this.#store.read, this.#log, leftovers, this.#stopping.signal)
    this.#ready = clearing
    this.#inBackground('clearing leftovers', () => clearing)
  }

  async #load(id: ContentId): Promise<Content> {
    for (;;) {
      this.#stale.delete(id)
      await this.#removing.get(id)
      const row = await rows.needContent(this.#store.read, id)
      const path = contentPath(this.#directory, id)
      const facts = rows.mayHaveFile(row) ? await fileFacts(path) : undefined
      if (this.#stale.has(id) || this.#removing.has(id)) continue
      const state = reconcileFile(row, facts, this.bootId)
      if (state.damage !== undefined) this.#log.error({ content: id, path, size: row.sizeBytes }, 'a cache file with unsent edits was damaged from outside')
      else if (!state.isAsRow && !state.isDirty) this.#log.warn({ content: id, path }, 'a cache file is not what its row says; it will be fetched again')
      const content = new Content(this.#home, id, new CacheFile(path, this.#files, state.fileExists), state)
      this.#enter(content)
      return content
    }
  }

  #enter(content: Content): void {
    this.#live.set(content.id, content)
    this.#ledger.hold(content.id, { dirty: content.isDirty, pinned: content.isPinned })
    this.#ledger.setAllocated(content.id, content.allocatedBytes)
  }

  /** The last holder is gone; somebody may come while the row is written. */
  async #retire(content: Content): Promise<void> {
    await this.#persist(content)
    if (content.isHeld || this.#live.get(content.id) !== content) return
    const { id } = content
    this.#live.delete(id)
    this.#ledger.letGo(id)
    await this.#exclusively(id, async () => {
      await content.closeDescriptor()
      if (content.isDropped) await this.#unlink(id)
    })
    if (content.isDropped) return
    this.#uses.note(id)
    if (!content.isDirty && !content.isSynced && !content.ranges.isEmpty) this.#sweep.add(id)
  }

  async #persist(content: Content): Promise<void> {
    if (content.isDropped || !content.needsPersist) return
    try {
      await this.#store.transact((tx) => content.persist(tx))
    } catch (error) {
      // The row claims less than is here: what it misses is fetched again, or (dirty) read from the file.
      this.#log.error({ content: content.id, error: errorText(error) }, 'what is in the cache could not be recorded')
    }
  }

  async #evict(id: ContentId, why: string): Promise<boolean> {
    if (this.#live.has(id) || this.#loading.has(id) || this.#removing.has(id) || this.#lender.isOpen(id)) return false
    return this.#exclusively(id, async () => {
      const row = await rows.readContent(this.#store.read, id)
      if (row === undefined || row.isDirty || row.origin === null) return false
      if (row.stamp !== null && row.stamp !== (await fileFacts(contentPath(this.#directory, id)))?.stamp) {
        this.#log.warn({ content: id }, 'a cached file was changed behind our back and is not evicted')
        this.#ledger.bar(id)
        return false
      }
      this.#losing(id)
      if (this.#lender.isOpen(id)) return false // since it was asked for; from here on nobody can open it
      if (!(await this.#store.transact((tx) => rows.clearBytes(tx, id)))) return false
      await this.#unlink(id)
      this.#sweep.remove(id)
      this.#log.debug({ content: id, why }, 'evicted')
      return true
    })
  }

  /** Room that was promised to writers and not used, and that of deleted files. */
  async #reclaim(): Promise<void> {
    for (const content of this.#live.values()) content.reclaimLoan()
    await Promise.all(this.#removing.values())
  }

  /** Whoever reads files directly hears of it before anything is done. */
  #losing(id: ContentId): void {
    this.#lender.detachContent(id)
    this.#onPresence(id)
  }

  async #unlink(id: ContentId): Promise<void> {
    if (this.#unsentDrops.delete(id)) await this.#store.syncCommitted()
    await rm(contentPath(this.#directory, id), { force: true })
    this.#ledger.remove(id)
  }

  async #removeLeftover(id: ContentId): Promise<void> {
    const isOurs = (): boolean => id > this.#earlierIds && id <= this.#lastId // its row may be on its way
    if (isOurs() || this.#live.has(id) || this.#loading.has(id) || this.#removing.has(id)) return
    await this.#exclusively(id, async () => {
      const row = await rows.readContent(this.#store.read, id)
      if (!isOurs() && (row === undefined || !rows.mayHaveFile(row))) await rm(contentPath(this.#directory, id), { force: true })
    })
  }

  async #correct(id: ContentId, allocatedBytes: number): Promise<void> {
    if (this.#live.has(id) || this.#loading.has(id)) return
    await this.#store.transact((tx) => rows.writeAllocated(tx, id, allocatedBytes))
    if (!this.#live.has(id)) this.#ledger.setAllocated(id, allocatedBytes)
  }

  /** Nobody acquires the content while `work` has its file. */
  async #exclusively<T>(id: ContentId, work: () => Promise<T>): Promise<T> {
    const running = (this.#removing.get(id) ?? Promise.resolve()).then(work)
    const guard = running.catch(() => undefined).then(() => {
      if (this.#removing.get(id) === guard) this.#removing.delete(id)
    })
    this.#removing.set(id, guard)
    return running
  }

  #inBackground(what: string, work: () => Promise<unknown>): void {
    const task = work().then(
      () => undefined,
      (error: unknown) => {
        this.#log.error({ what, error: errorText(error) }, 'a background work of the cache failed')
      },
    ).finally(() => this.#tasks.delete(task))
    this.#tasks.add(task)
  }
}
