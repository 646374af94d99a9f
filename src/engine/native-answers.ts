/**
 * The answers that native code gives by itself (native/answer-table.h), behind the filesystem's interface; and the same
 * for a filesystem that is built before its mount: until an engine is bound, and after it is gone, nothing is kept.
 */
import type { ContentId, Ino } from '../base/ids.js'
import { noAnswers, type KernelAnswers, type KnownItem } from '../fs/kernel-answers.js'
import type { NodeId } from '../fs/operations.js'
import type { NameEdit } from '../mirror/row-cache.js'
import type { FuseSession } from './fuse-addon.js'

export class LateAnswers implements KernelAnswers {
  #target: KernelAnswers = noAnswers

  bind(target: KernelAnswers): void {
    this.#target = target
  }

  unbind(): void {
    this.#target = noAnswers
  }

  get keeps(): boolean {
    return this.#target.keeps
  }

  hasFolder(folder: Ino): boolean {
    return this.#target.hasFolder(folder)
  }

  keepFolder(folder: Ino, node: NodeId, negative: boolean, rows: Uint8Array): readonly Ino[] {
    return this.#target.keepFolder(folder, node, negative, rows)
  }

  dropFolder(folder: Ino): void {
    this.#target.dropFolder(folder)
  }

  keepItem(item: KnownItem): void {
    this.#target.keepItem(item)
  }

  applyChanges(items: readonly Ino[], names: readonly NameEdit[]): void {
    this.#target.applyChanges(items, names)
  }

  dropContent(content: ContentId): void {
    this.#target.dropContent(content)
  }
}

export function sessionAnswers(session: FuseSession): KernelAnswers {
  return {
    keeps: true,
    hasFolder: (folder) => session.hasDirectory(folder),
    keepFolder: (folder, node, negative, rows) => Array.from(session.keepDirectory(folder, node, negative, rows)) as Ino[],
    dropFolder: (folder) => {
      session.dropDirectory(folder)
    },
    keepItem: ({ node, attributes, content, complete }) => {
      const { ino, mode, linkCount, sizeBytes, blocks, mtimeMs, ctimeMs } = attributes
      session.keepItem(ino, node, content ?? 0, mode, linkCount, sizeBytes, blocks, mtimeMs, ctimeMs, complete)
    },
    applyChanges: (items, names) => {
      if (items.length === 0 && names.length === 0) return
      const edits = names.map(({ parent, name, ino, isFolder }) => ({ parent, name, ino: ino ?? 0, isDirectory: isFolder }))
      session.applyChanges(Float64Array.from(items), edits)
    },
    dropContent: (content) => {
      session.dropContent(content)
    },
  }
}
