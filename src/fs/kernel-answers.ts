/**
 * What an engine may answer by itself, without asking the filesystem: names of whole folders and attributes. The
 * filesystem tells it what is so, and what is not so any more; an engine that keeps nothing asks each time. Everything
 * told is committed state. Calls return at once, and when one has returned no older answer can still reach the kernel.
 */
import type { ContentId, Ino } from '../base/ids.js'
import type { NameEdit } from '../mirror/row-cache.js'
import type { Attributes, NodeId } from './operations.js'

export interface KnownItem {
  readonly node: NodeId
  readonly attributes: Attributes
  /** The content of a file that has one. */
  readonly content: ContentId | null
  /** All of the content is in its file, and whoever reads it may do so from there. */
  readonly complete: boolean
}

export interface KernelAnswers {
  /** False: nothing is kept, so making answers is wasted work. */
  readonly keeps: boolean
  hasFolder(folder: Ino): boolean
  /**
   * All names of a folder, as `Mirror.childRows` gives them. `negative`: the kernel may remember that a name is not
   * there. Answers the files with content, whose attributes are still to be told.
   */
  keepFolder(folder: Ino, node: NodeId, negative: boolean, rows: Uint8Array): readonly Ino[]
  dropFolder(folder: Ino): void
  /** Attributes of the root or of something in a kept folder. */
  keepItem(item: KnownItem): void
  /** A commit: items whose attributes are others now, and names that went and came, all at once. */
  applyChanges(items: readonly Ino[], names: readonly NameEdit[]): void
  /** How much of a content is here has changed. */
  dropContent(content: ContentId): void
}

/** For an engine that asks each time, and for tests without a kernel. */
export const noAnswers: KernelAnswers = {
  keeps: false,
  hasFolder: () => false,
  keepFolder: () => [],
  dropFolder: () => undefined,
  keepItem: () => undefined,
  applyChanges: () => undefined,
  dropContent: () => undefined,
}
