/**
 * Native reads and writes of the cache's files (native/file-answers.h), behind the filesystem's interface; and the same
 * for a filesystem that is built before its mount. What was written directly when the engine went is told after it.
 */
import type { ContentId } from '../base/ids.js'
import { noFiles, type KernelFiles } from '../fs/kernel-files.js'
import type { BackingId, Handle, NodeId } from '../fs/operations.js'
import type { FuseSession } from './fuse-addon.js'

export class LateFiles implements KernelFiles {
  #target: KernelFiles = noFiles
  /** Lent, and not called back yet. */
  readonly #lent = new Set<ContentId>()
  /** Of loans that were out when the engine went: whether something was written, and how the file was left. */
  readonly #left = new Map<ContentId, { readonly wrote: boolean; readonly figures: ReturnType<KernelFiles['figures']> }>()

  bind(target: KernelFiles): void {
    this.#target = target
  }

  unbind(): void {
    for (const content of this.#lent) this.#left.set(content, { wrote: this.#target.recall(content), figures: this.#target.figures(content) })
    this.#lent.clear()
    this.#target = noFiles
  }

  get canPassThrough(): boolean {
    return this.#target.canPassThrough
  }

  openStateOf(node: NodeId): ReturnType<KernelFiles['openStateOf']> {
    return this.#target.openStateOf(node)
  }

  claim(handle: Handle, node: NodeId, content: ContentId | null): BackingId {
    return this.#target.claim(handle, node, content)
  }

  attach(handle: Handle, content: ContentId, writes: boolean): void {
    this.#target.attach(handle, content, writes)
  }

  detach(handle: Handle): void {
    this.#target.detach(handle)
  }

  lend(content: ContentId, endBytes: number): boolean {
    const isLent = this.#target.lend(content, endBytes)
    if (isLent) this.#lent.add(content)
    return isLent
  }

  recall(content: ContentId): boolean {
    this.#lent.delete(content)
    const left = this.#left.get(content)
    this.#left.delete(content)
    return left === undefined ? this.#target.recall(content) : left.wrote
  }

  figures(content: ContentId): { readonly sizeBytes: number; readonly mtimeMs: number } | undefined {
    return this.#left.get(content)?.figures ?? this.#target.figures(content)
  }

  isOpen(content: ContentId): boolean {
    return this.#target.isOpen(content)
  }

  detachContent(content: ContentId): void {
    this.#target.detachContent(content)
  }
}

const OPEN_STATES = ['closed', 'cached', 'passed-through'] as const

/** `canPassThrough` is asked each time: the kernel agrees on it after the mount. */
export function sessionFiles(session: FuseSession, canPassThrough: () => boolean): KernelFiles {
  return {
    get canPassThrough() {
      return canPassThrough()
    },
    openStateOf: (node) => OPEN_STATES[session.openStateOf(node)] ?? 'closed',
    claim: (handle, node, content) => session.claimFile(handle, node, content ?? 0),
    // What cannot be opened there is served here, as before.
    attach: (handle, content, writes) => {
      session.attachFile(handle, content, writes)
    },
    detach: (handle) => {
      session.detachFile(handle)
      session.unclaimFile(handle)
    },
    lend: (content, endBytes) => session.lendFile(content, endBytes),
    recall: (content) => session.recallFile(content) > 0,
    figures: (content) => {
      const figures = session.lentFigures(content)
      return figures === undefined ? undefined : { sizeBytes: figures[0], mtimeMs: figures[1] }
    },
    isOpen: (content) => session.isOpenNatively(content),
    detachContent: (content) => {
      session.detachContent(content)
    },
  }
}
