/**
 * Local changes of content: the dirty mark before the first byte, the bytes, and what is recorded when a program closes
 * or syncs (DESIGN.md 6a.3, 6a.4). Order: bytes, then rows, then the reply. Changes of one item run one after another.
 */
import type { Clock } from '../base/clock.js'
import { withinDeadline } from '../base/deadline.js'
import { DriveError } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Content } from '../cache/content.js'
import type { Hydrator } from '../hydrate/hydrator.js'
import type { Journal } from '../journal/journal.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store, Transaction } from '../store/store.js'
import { recordWrite, type FileTables } from './file-scripts.js'
import type { Handles, OpenFile } from './handles.js'
import type { KernelFiles } from './kernel-files.js'
import { LateSync } from './late-sync.js'
import type { Node } from './nodes.js'
import type { Handle } from './operations.js'
import type { Orphan, OrphanKeeper } from './orphan-keeper.js'
import { Serial } from './serial.js'

export interface FileWritesOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly hydrator: Hydrator
  readonly handles: Handles
  readonly files: KernelFiles
  readonly orphans: OrphanKeeper
  readonly clock: Clock
  readonly log: Log
  readonly cacheDirectory: string
  readonly uploadDelayMs: () => number
  /** A file may be eligible for upload now. */
  readonly onSettled: () => void
}

const LARGE_WRITE_BYTES = 64 * 1024
const TRUNCATE_DEADLINE_MS = 10_000 // a process in truncate cannot be killed (fuse-engine.md fact 2)

export class FileWrites {
  readonly #store: Store
  readonly #mirror: Mirror
  readonly #journal: Journal
  readonly #hydrator: Hydrator
  readonly #handles: Handles
  readonly #files: KernelFiles
  readonly #orphans: OrphanKeeper
  readonly #clock: Clock
  readonly #uploadDelayMs: () => number
  readonly #serial = new Serial<Ino>()
  /** Each content's write count when it was last recorded. */
  readonly #recorded = new WeakMap<Content, number>()
  /** Handles that have written before. */
  readonly #writing = new Set<Handle>()
  readonly #later: LateSync
  readonly #tables: FileTables

  constructor(options: FileWritesOptions) {
    this.#store = options.store
    this.#mirror = options.mirror
    this.#journal = options.journal
    this.#hydrator = options.hydrator
    this.#handles = options.handles
    this.#files = options.files
    this.#orphans = options.orphans
    this.#clock = options.clock
    this.#uploadDelayMs = options.uploadDelayMs
    this.#tables = options
    this.#later = new LateSync({ directory: options.cacheDirectory, store: options.store, clock: options.clock, log: options.log, onSynced: options.onSettled })
  }

  /** Waits until the base version is complete: a program that waits in WRITE can be killed. */
  write(file: OpenFile, offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<number> {
    return this.#serial.run(file.node.ino, async () => {
      await this.#prepare(file, signal)
      await file.content.write(offset, bytes)
      this.#modified(file.node.ino)
      await this.#lend(file, bytes.length)
      return bytes.length
    })
  }

  allocate(file: OpenFile, offset: number, lengthBytes: number, mode: number, signal: AbortSignal): Promise<void> {
    return this.#serial.run(file.node.ino, async () => {
      await this.#prepare(file, signal)
      await file.content.allocate(offset, lengthBytes, mode)
      this.#modified(file.node.ino)
    })
  }

  /**
   * To 0 nothing is needed; to n, the first n bytes. `byWriter`: through a handle, whose program is about to write and
   * closes after that; until then it is not for sending.
   */
  truncate({ node, content, byWriter }: { readonly node: Node; readonly content: Content; readonly byWriter: boolean }, sizeBytes: number, signal: AbortSignal): Promise<void> {
    return this.#serial.run(node.ino, async () => {
      await this.#settle(node.ino, content)
      if (sizeBytes === content.sizeBytes) return
      if (sizeBytes > 0) await withinDeadline({ clock: this.#clock, deadlineMs: TRUNCATE_DEADLINE_MS, signal, message: 'the bytes before the cut did not arrive in time' }, (limited) => this.#complete(content, limited))
      await this.#mark(node, content, { durable: sizeBytes > 0 && content.needsDurableMark })
      await content.truncate(sizeBytes)
      // No flush: who has cut the file and keeps it open is about to write, however long that takes, and a flush of before says nothing of it.
      await this.#record(node.ino, content, this.#clock.nowMs(), { flushed: false })
      const state = byWriter ? this.#handles.peekState(node.ino) : undefined
      if (state !== undefined) state.lastFlushMs = null
    })
  }

  /** After this the content survives kill -9: size, times and the journal entry are in the database. */
  flush(file: OpenFile): Promise<void> {
    return this.#serial.run(file.node.ino, async () => {
      await this.#settle(file.node.ino, file.content)
      if (!this.#isUnrecorded(file.content)) return
      await this.#recordKept(file)
      this.#later.add(file.content)
    })
  }

  /** What was written directly, with no handle open any more. Answers whether anything was. */
  recordDirect(written: Orphan): Promise<boolean> {
    const { ino, content } = written
    return this.#serial.run(ino, async () => {
      const mtimeMs = content.figures()?.mtimeMs
      await content.settle()
      if (!this.#isUnrecorded(content)) return false
      const isNamed = await this.#record(ino, content, mtimeMs)
      if (!isNamed && !content.isUnlinked) await this.#keepOrphan(written)
      this.#later.add(content)
      return true
    })
  }

  /** After this the content survives a power loss. */
  fsync(file: OpenFile): Promise<void> {
    return this.#serial.run(file.node.ino, async () => {
      await this.#settle(file.node.ino, file.content)
      if (!file.content.isDirty && !this.#isUnrecorded(file.content)) {
        await this.#store.syncCommitted() // its name may be new
        return
      }
      await file.content.sync()
      await this.#record(file.node.ino, file.content, this.#handles.peekState(file.node.ino)?.modifiedMs ?? undefined, { durable: true })
    })
  }

  /** Times are set by hand: the next flush must not overwrite them. */
  timesSet(ino: Ino): Promise<void> {
    return this.#serial.run(ino, async () => {
      for (const content of this.#handles.contentsOf(ino)) {
        await content.settle()
        content.noteRecorded()
      }
      const state = this.#handles.peekState(ino)
      if (state !== undefined) state.modifiedMs = null
    })
  }

  /** Closed files are held by nobody here any more. */
  async letGo(): Promise<void> {
    await this.#later.settle()
  }

  /** Everything that runs in the background is over; no file is open any more. */
  async close(): Promise<void> {
    await this.#later.close()
  }

  /** Lets a program that goes on writing do so without us, until somebody looks at the bytes. */
  async #lend(file: OpenFile, lengthBytes: number): Promise<void> {
    const { handle, content } = file
    const isFirst = !this.#writing.has(handle)
    this.#writing.add(handle)
    // One small write is what most files get: the loan would cost more than it saves.
    if (isFirst && lengthBytes < LARGE_WRITE_BYTES) return
    if (content.isOpenedDirectly) return
    this.#files.attach(handle, content.id, true)
    await content.lend()
  }

  /** The handle's program has made the file: its first bytes need not come here. */
  async created(handle: Handle): Promise<void> {
    const { content } = this.#handles.file(handle)
    this.#files.attach(handle, content.id, true)
    await content.lendNew()
  }

  /** One of several writers has closed: what it left may be sent, though the others stay. */
  leftToOthers(ino: Ino): void {
    const state = this.#handles.peekState(ino)
    if (state !== undefined) state.lastFlushMs ??= this.#clock.nowMs()
  }

  /** The handle is released. */
  released(handle: Handle): void {
    this.#writing.delete(handle)
    this.#files.detach(handle)
  }

  /** Takes over what was written without us, with its time. */
  async #settle(ino: Ino, content: Content): Promise<void> {
    const mtimeMs = content.figures()?.mtimeMs
    await content.settle()
    const state = this.#handles.peekState(ino)
    if (mtimeMs !== undefined && state !== undefined) state.modifiedMs = Math.max(mtimeMs, state.modifiedMs ?? 0)
  }

  #isUnrecorded(content: Content): boolean {
    return (this.#recorded.get(content) ?? 0) !== content.writeSequence
  }

  /** The portal may have replaced or removed the file since it was opened: a write that came past us could not be refused. */
  async #recordKept({ node, content, place }: OpenFile): Promise<void> {
    const isNamed = await this.#record(node.ino, content, this.#handles.peekState(node.ino)?.modifiedMs ?? undefined)
    if (!isNamed && node.gone === undefined && content.isOpenedDirectly) await this.#keepOrphan({ content, ino: node.ino, place })
  }

  async #keepOrphan(orphan: Orphan): Promise<void> {
    const copy = await this.#orphans.keep(orphan)
    try {
      await this.#record(copy.item.ino, copy.content, this.#clock.nowMs())
    } finally {
      await copy.content.release()
    }
  }

  #modified(ino: Ino): void {
    const state = this.#handles.peekState(ino)
    if (state !== undefined) state.modifiedMs = this.#clock.nowMs()
  }

  async #prepare({ node, content }: OpenFile, signal: AbortSignal): Promise<void> {
    await this.#complete(content, signal)
    await this.#mark(node, content, { durable: content.needsDurableMark })
  }

  async #complete(content: Content, signal: AbortSignal): Promise<void> {
    if (!content.isComplete) await this.#hydrator.hydrate(content, { priority: 'interactive', signal })
  }

  /**
   * "May be dirty", durably, before the first byte changes. The first change of a file whose content was replaced or
   * removed on the portal meanwhile fails ('vanished', ESTALE): bytes that no name leads to would be lost without a word.
   * Looked at in the transaction of the mark, or a listing applied in between would replace the content after the look.
   */
  async #mark(node: Node, content: Content, options: { durable: boolean }): Promise<void> {
    if (!content.needsDirtyMark) return
    const isNamed = await this.#store.transact(async (tx) => {
      if ((await this.#mirror.getIn(tx, node.ino))?.contentId !== content.id) return false
      await content.markDirty(tx)
      await this.#touch(tx, node.ino, content)
      return true
    }, options)
    // A file unlinked here, perhaps in the same commit, is its program's own business.
    if (!isNamed && node.gone === undefined) throw new DriveError('vanished', 'the file was changed or removed on the portal since it was opened')
  }

  /** Answers whether a name still leads to the content. */
  async #record(ino: Ino, content: Content, modifiedMs: number | undefined, options: { durable?: boolean; flushed?: boolean } = {}): Promise<boolean> {
    const sequence = content.writeSequence
    const nowMs = this.#clock.nowMs()
    const times = modifiedMs === undefined ? undefined : { mtimeMs: modifiedMs, ctimeMs: nowMs }
    const isPlain = options.durable !== true
    const parts = { ino, content, times, nowMs, notBeforeMs: nowMs + this.#uploadDelayMs() }
    const byRows = async (tx: Transaction): Promise<boolean> => {
      const { isSent } = content // an upload may have looked at the file before us
      if (!isSent && content.needsDirtyMark && content.isOpenedDirectly) await content.markDirty(tx)
      await content.persist(tx)
      const item = await this.#mirror.getIn(tx, ino)
      if (item?.contentId !== content.id) return false // unlinked, replaced or an older generation
      await this.#mirror.update(tx, item, { sizeBytes: content.sizeBytes, ...times })
      if (!isSent) await this.#touch(tx, ino, content)
      return true
    }
    const isNamed = (isPlain ? await recordWrite(this.#tables, parts) : undefined) ?? (await this.#store.transact(byRows, { durable: options.durable === true }))
    this.#recorded.set(content, sequence)
    content.noteRecorded()
    const state = this.#handles.peekState(ino)
    if (state === undefined) return isNamed
    if (options.flushed !== false) state.lastFlushMs = this.#clock.nowMs()
    state.modifiedMs = null
    return isNamed
  }

  /** The row's entry says that there is something to send; an unlinked or local-only file has none. */
  async #touch(tx: Transaction, ino: Ino, content: Content): Promise<void> {
    const item = await this.#mirror.getIn(tx, ino)
    if (item === undefined || item.deleted || item.localOnly || item.contentId !== content.id) return
    const nowMs = this.#clock.nowMs()
    await this.#journal.touch(tx, ino, nowMs, nowMs + this.#uploadDelayMs())
  }
}
