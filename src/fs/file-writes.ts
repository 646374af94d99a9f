/**
 * Local changes of content: the dirty mark before the first byte, the bytes, and what is recorded when a program closes
 * or syncs (DESIGN.md 6a.3, 6a.4). Order: bytes, then rows, then the reply. Changes of one item run one after another.
 */
import type { Clock } from '../base/clock.js'
import { DriveError } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Content } from '../cache/content.js'
import type { Hydrator } from '../hydrate/hydrator.js'
import type { Journal } from '../journal/journal.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store, Transaction } from '../store/store.js'
import type { Handles, OpenFile } from './handles.js'
import type { KernelFiles } from './kernel-files.js'
import { LateSync } from './late-sync.js'
import type { Node } from './nodes.js'
import type { Handle } from './operations.js'
import { Serial } from './serial.js'

export interface FileWritesOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly hydrator: Hydrator
  readonly handles: Handles
  readonly files: KernelFiles
  readonly clock: Clock
  readonly log: Log
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
  readonly #clock: Clock
  readonly #uploadDelayMs: () => number
  readonly #serial = new Serial<Ino>()
  /** Handles that have written before. */
  readonly #writing = new Set<Handle>()
  readonly #later: LateSync

  constructor(options: FileWritesOptions) {
    this.#store = options.store
    this.#mirror = options.mirror
    this.#journal = options.journal
    this.#hydrator = options.hydrator
    this.#handles = options.handles
    this.#files = options.files
    this.#clock = options.clock
    this.#uploadDelayMs = options.uploadDelayMs
    this.#later = new LateSync({ store: options.store, clock: options.clock, log: options.log, onSynced: options.onSettled })
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

  /** With or without an open handle. To 0 nothing is needed; to n, the first n bytes. */
  truncate(node: Node, content: Content, sizeBytes: number, signal: AbortSignal): Promise<void> {
    return this.#serial.run(node.ino, async () => {
      await this.#settle(node.ino, content)
      if (sizeBytes === content.sizeBytes) return
      if (sizeBytes > 0) await this.#withinDeadline(signal, (limited) => this.#complete(content, limited))
      await this.#mark(node, content)
      await content.truncate(sizeBytes)
      await this.#record(node.ino, content, this.#clock.nowMs())
    })
  }

  /** After this the content survives kill -9: size, times and the journal entry are in the database. */
  flush(file: OpenFile): Promise<void> {
    return this.#serial.run(file.node.ino, async () => {
      await this.#settle(file.node.ino, file.content)
      if (!this.#isUnrecorded(file)) return
      await this.#record(file.node.ino, file.content, this.#handles.peekState(file.node.ino)?.modifiedMs ?? undefined)
      this.#later.add(file.content)
    })
  }

  /** After this the content survives a power loss. */
  fsync(file: OpenFile): Promise<void> {
    return this.#serial.run(file.node.ino, async () => {
      if (!file.content.isDirty) return
      await this.#settle(file.node.ino, file.content)
      await file.content.sync()
      await this.#record(file.node.ino, file.content, this.#handles.peekState(file.node.ino)?.modifiedMs ?? undefined, { durable: true })
    })
  }

  /** Times are set by hand: the next flush must not overwrite them. */
  timesSet(ino: Ino): Promise<void> {
    return this.#serial.run(ino, async () => {
      for (const content of this.#handles.contentsOf(ino)) await content.settle()
      const state = this.#handles.peekState(ino)
      if (state !== undefined) state.modifiedMs = null
    })
  }

  /** Everything that runs in the background is over. */
  async settle(): Promise<void> {
    await this.#later.settle()
  }

  /** Lets a program that goes on writing do so without us, until somebody looks at the bytes. */
  async #lend(file: OpenFile, lengthBytes: number): Promise<void> {
    const { handle, content } = file
    const isFirst = !this.#writing.has(handle)
    this.#writing.add(handle)
    // One small write is what most files get: the loan would cost more than it saves.
    if (isFirst && lengthBytes < LARGE_WRITE_BYTES) return
    this.#files.attach(handle, content.id, true)
    await content.lend()
  }

  /** The handle is released. */
  released(handle: Handle): void {
    this.#writing.delete(handle)
    this.#files.detach(handle)
  }

  /** Takes over what was written without us, with its time. */
  async #settle(ino: Ino, content: Content): Promise<void> {
    const lent = content.lentFigures()
    await content.settle()
    const state = this.#handles.peekState(ino)
    if (lent !== undefined && state !== undefined) state.modifiedMs = Math.max(lent.mtimeMs, state.modifiedMs ?? 0)
  }

  #isUnrecorded(file: OpenFile): boolean {
    return this.#handles.peekState(file.node.ino)?.recorded.get(file.content) !== file.content.writeSequence
  }

  #modified(ino: Ino): void {
    const state = this.#handles.peekState(ino)
    if (state !== undefined) state.modifiedMs = this.#clock.nowMs()
  }

  async #prepare({ node, content }: OpenFile, signal: AbortSignal): Promise<void> {
    await this.#complete(content, signal)
    await this.#mark(node, content)
  }

  async #complete(content: Content, signal: AbortSignal): Promise<void> {
    if (!content.isComplete) await this.#hydrator.hydrate(content, { priority: 'interactive', signal })
  }

  /**
   * "May be dirty", durably, before the first byte changes. The first change of a file whose content was replaced or
   * removed on the portal meanwhile fails ('vanished', ESTALE): bytes that no name leads to would be lost without a word.
   * Looked at in the transaction of the mark, or a listing applied in between would replace the content after the look.
   */
  async #mark(node: Node, content: Content): Promise<void> {
    if (!content.needsDirtyMark) return
    const isNamed = await this.#store.transact(async (tx) => {
      if ((await this.#mirror.getIn(tx, node.ino))?.contentId !== content.id) return false
      await content.markDirty(tx)
      await this.#touch(tx, node.ino, content)
      return true
    })
    // A file unlinked here, perhaps in the same commit, is its program's own business.
    if (!isNamed && node.gone === undefined) throw new DriveError('vanished', 'the file was changed or removed on the portal since it was opened')
  }

  async #record(ino: Ino, content: Content, modifiedMs: number | undefined, options: { durable?: boolean } = {}): Promise<void> {
    const sequence = content.writeSequence
    await this.#store.transact(async (tx) => {
      await content.persist(tx)
      const item = await this.#mirror.getIn(tx, ino)
      if (item?.contentId !== content.id) return // unlinked, replaced or an older generation
      const times = modifiedMs === undefined ? {} : { mtimeMs: modifiedMs, ctimeMs: this.#clock.nowMs() }
      await this.#mirror.update(tx, item, { sizeBytes: content.sizeBytes, ...times })
      await this.#touch(tx, ino, content)
    }, options)
    const state = this.#handles.peekState(ino)
    if (state === undefined) return
    state.recorded.set(content, sequence)
    state.lastFlushMs = this.#clock.nowMs()
    state.modifiedMs = null
  }

  /** The row's entry says that there is something to send; an unlinked or local-only file has none. */
  async #touch(tx: Transaction, ino: Ino, content: Content): Promise<void> {
    const item = await this.#mirror.getIn(tx, ino)
    if (item === undefined || item.deleted || item.localOnly || item.contentId !== content.id) return
    const nowMs = this.#clock.nowMs()
    await this.#journal.touch(tx, ino, nowMs, nowMs + this.#uploadDelayMs())
  }

  async #withinDeadline(signal: AbortSignal, work: (limited: AbortSignal) => Promise<void>): Promise<void> {
    const deadline = new AbortController()
    const cancel = this.#clock.setTimer(TRUNCATE_DEADLINE_MS, () => {
      deadline.abort()
    })
    try {
      await work(AbortSignal.any([signal, deadline.signal]))
    } catch (error) {
      if (deadline.signal.aborted) throw new DriveError('deadline', 'the bytes before the cut did not arrive in time', { cause: error })
      throw error
    } finally {
      cancel()
    }
  }
}
