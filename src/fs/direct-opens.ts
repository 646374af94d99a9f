/**
 * Which opens the kernel serves from the cache's own files (passthrough), and what was written that way: nobody here sees
 * such a write, and a mapping takes stores after its last close. So every content that was opened for direct writing is
 * looked at until nobody has it open or mapped for writing any more (fuse-engine.md facts 4 to 6, DESIGN.md 6a.8).
 */
import type { Clock } from '../base/clock.js'
import { DriveError, errorCode, errorText } from '../base/errors.js'
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Content } from '../cache/content.js'
import type { Place } from '../mirror/delta.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import type { FileWrites } from './file-writes.js'
import type { OpenFile } from './handles.js'
import { IMPOSSIBLE, type KernelFiles } from './kernel-files.js'
import type { Node } from './nodes.js'
import type { BackingId, OpenFlags } from './operations.js'
import type { Orphan } from './orphan-keeper.js'

export interface DirectOpensOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly cache: ContentCache
  readonly files: KernelFiles
  readonly writes: FileWrites
  readonly clock: Clock
  readonly log: Log
  readonly onSettled: () => void
}

const LOOK_EVERY_MS = 3_000
const OFTEN_MS = 600_000 // looked at each time for so long, then once a minute
const SELDOM_MS = 60_000
const ENDED_AT_ONCE = 20 // in one commit, which everybody else's waits for
// A smaller file is read in one request and then stands in the page cache (native/file-answers.cc has the same number).
const SMALL_BYTES = 128 * 1024

/** A content that may be written to directly. */
interface Watched {
  readonly content: Content
  readonly ino: Ino
  readonly place: Place
  /** Handles open for writing, and opens under way. */
  writers: number
  /** Since the last of them went. */
  quietSinceMs: number
  lookAtMs: number
  /** The row is being told that nobody writes any more. */
  ending: Promise<void> | undefined
  /** Nobody is to be told here that the content is dropped any more. */
  readonly unsubscribe: () => void
}

export class DirectOpens {
  readonly #o: DirectOpensOptions
  readonly #watched = new Map<Content, Watched>()
  readonly #writing = new Map<OpenFile, Watched>()
  #cancel: (() => void) | undefined
  #looking: Promise<void> = Promise.resolve()

  constructor(options: DirectOpensOptions) {
    this.#o = options
  }

  /**
   * How the kernel is to serve the new handle. Whatever is written by passthrough is known to be possible, durably, before
   * this answers. 'vanished' where neither way is open; the item has a new node then, and the kernel looks its path up again.
   */
  async open(file: OpenFile): Promise<BackingId> {
    const { content, node, handle, flags, place } = file
    const { files } = this.#o
    const claim = (given: boolean): Promise<BackingId> => this.#claimed(node, files.claim(handle, node.id, given ? content.id : null))
    if (!files.canPassThrough) return claim(false)
    if (!flags.write) return claim(this.#isWorthReading(node, content))
    if (files.openStateOf(node.id) === 'cached' || !content.isComplete || !(await this.#mayWrite(content))) return claim(false)
    const watched = this.#watch({ content, ino: node.ino, place })
    watched.writers += 1
    this.#writing.set(file, watched)
    try {
      await watched.ending
      await content.openDirectly()
      return await claim(true)
    } catch (error) {
      this.closed(file)
      throw error
    }
  }

  /** Whether a new file will be opened for direct writing: its row can say so from the start. */
  async wouldOpen(flags: OpenFlags): Promise<boolean> {
    return flags.write && this.#o.files.canPassThrough && this.#o.cache.allowsDirectWrites(0)
  }

  /** The handle is released, or was never given. */
  closed(file: OpenFile): void {
    const watched = this.#writing.get(file)
    if (watched === undefined) return
    this.#writing.delete(file)
    watched.writers -= 1
    if (watched.writers > 0) return
    if (watched.content.isDropped) void this.#forget(watched.content)
    const nowMs = this.#o.clock.monotonicMs()
    watched.quietSinceMs = nowMs
    watched.lookAtMs = nowMs
  }

  /** Looks at once, so that what nobody writes to any more is let go. */
  lookNow(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look())
    return this.#looking
  }

  /** Closed files are synced, and what nobody writes to any more is let go. */
  async letGo(): Promise<void> {
    await this.#o.writes.letGo()
    await this.lookNow()
    await this.#o.writes.letGo() // of what was found
  }

  /** Goes on looking at what was open when an earlier process died: handles and mappings outlive it. */
  async recover(): Promise<void> {
    const { cache, mirror } = this.#o
    for (const id of await cache.openedContents()) {
      const item = await mirror.byContent(id)
      if (item === undefined) continue // its name is gone, and so will be the row
      const content = await cache.acquire(id)
      this.#watch({ content, ino: item.ino, place: { parent: item.parent ?? ROOT_INO, name: item.name } })
      await content.release()
    }
  }

  /** After the mount is gone: what is still mapped stays marked, and the next mount looks at it. */
  async finish(): Promise<void> {
    for (const watched of this.#watched.values()) watched.lookAtMs = 0
    await this.lookNow()
    for (const { content } of [...this.#watched.values()]) {
      this.#o.log.info({ content: content.id }, 'a file is still open for writing, or mapped so, after the mount is gone')
      await this.#forget(content)
    }
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** All opens of a node agree, so one that cannot gets another node, which nobody has open. */
  async #claimed(node: Node, backingId: BackingId): Promise<BackingId> {
    if (backingId !== IMPOSSIBLE) return backingId
    await this.#o.store.transact(async (tx) => {
      const item = await this.#o.mirror.getIn(tx, node.ino)
      if (item !== undefined) await this.#o.mirror.update(tx, item, { contentGeneration: item.contentGeneration + 1 })
    })
    throw new DriveError('vanished', 'the file is read by passthrough, which this open cannot join')
  }

  #isWorthReading(node: Node, content: Content): boolean {
    if (!content.isComplete) return false
    return content.isOpenedDirectly || content.sizeBytes >= SMALL_BYTES || this.#o.files.openStateOf(node.id) === 'passed-through'
  }

  async #mayWrite(content: Content): Promise<boolean> {
    return content.isOpenedDirectly || this.#watched.has(content) || this.#o.cache.allowsDirectWrites(content.sizeBytes)
  }

  #watch(opened: Orphan): Watched {
    const { content } = opened
    let watched = this.#watched.get(content)
    if (watched === undefined) {
      const nowMs = this.#o.clock.monotonicMs()
      const unsubscribe = content.whenDropped(() => {
        if (this.#watched.get(content)?.writers === 0) void this.#forget(content)
      })
      watched = { ...opened, writers: 0, quietSinceMs: nowMs, lookAtMs: nowMs, ending: undefined, unsubscribe }
      content.retain()
      this.#watched.set(content, watched)
    }
    this.#rearm()
    return watched
  }

  async #look(): Promise<void> {
    const nowMs = this.#o.clock.monotonicMs()
    const idle: Watched[] = []
    for (const watched of [...this.#watched.values()]) {
      if (nowMs < watched.lookAtMs) continue
      try {
        if (!(await this.#isInUse(watched))) idle.push(watched)
      } catch (error) {
        this.#o.log.error({ content: watched.content.id, code: errorCode(error), error: errorText(error) }, 'a file that is written directly could not be looked at')
      }
      if (nowMs - watched.quietSinceMs > OFTEN_MS && watched.writers === 0) watched.lookAtMs = nowMs + SELDOM_MS
      if (idle.length === ENDED_AT_ONCE) await this.#end(idle.splice(0))
    }
    if (idle.length > 0) await this.#end(idle)
    if (this.#watched.size > 0) this.#rearm()
  }

  #rearm(): void {
    this.#cancel ??= this.#o.clock.setTimer(LOOK_EVERY_MS, () => {
      this.#cancel = undefined
      void this.lookNow()
    })
  }

  /** Takes over what was written; what comes while handles are open is recorded when they are closed. */
  async #isInUse(watched: Watched): Promise<boolean> {
    const { content, writers } = watched
    const before = content.allocatedBytes
    if (writers > 0) {
      await content.settle()
      if (content.allocatedBytes > before) this.#o.cache.keepBounds()
      return true
    }
    // Asked first: what is free now has been written to for the last time.
    const isWritten = await content.isWrittenElsewhere()
    if (await this.#o.writes.recordDirect(watched)) this.#o.onSettled()
    return isWritten
  }

  /** One commit for all; whoever opens one of them meanwhile waits for it and begins anew. */
  async #end(idle: readonly Watched[]): Promise<void> {
    const ended: Watched[] = []
    const ending = this.#o.store.transact(async (tx) => {
      for (const watched of idle) {
        if (watched.writers > 0) continue
        watched.ending = settled
        ended.push(watched)
        await watched.content.closeDirectly(tx)
      }
    })
    const settled: Promise<void> = ending.catch(() => undefined)
    try {
      await ending
    } catch (error) {
      this.#o.log.error({ code: errorCode(error), error: errorText(error) }, 'files that nobody writes to any more could not be noted')
      return
    } finally {
      for (const watched of ended) watched.ending = undefined
    }
    for (const { content, writers } of ended) if (writers === 0) await this.#forget(content)
  }

  async #forget(content: Content): Promise<void> {
    const watched = this.#watched.get(content)
    if (watched === undefined) return
    this.#watched.delete(content)
    watched.unsubscribe()
    await content.release()
  }
}
