/**
 * Tells the kernel what changed without its asking: deltas of the mirror become notices (fuse-engine.md, "Timeouts and
 * invalidation"). Called after the commit, with no lock held.
 */
import type { MirrorDelta, Place } from '../mirror/delta.js'
import type { KernelNotices, NodeId } from './operations.js'
import { nodeIdOf, type NodeKey, type NodeTable } from './nodes.js'

export class KernelNews {
  readonly #nodes: NodeTable
  readonly #notices: KernelNotices

  constructor(nodes: NodeTable, notices: KernelNotices) {
    this.#nodes = nodes
    this.#notices = notices
  }

  tell(deltas: readonly MirrorDelta[]): void {
    for (const delta of deltas) this.#tellOne(delta)
  }

  /** The attributes of an item changed (its blocks on disk, its size). */
  attributesChanged(item: NodeKey): void {
    this.#notices.invalidateNode(nodeIdOf(item), -1, 0)
  }

  #tellOne(delta: MirrorDelta): void {
    switch (delta.kind) {
      case 'appeared':
      case 'content':
        this.#nameChanged(delta.at)
        return
      case 'vanished':
        this.#nameGone(delta.at, nodeIdOf({ ino: delta.ino, contentGeneration: delta.generation }))
        return
      case 'moved':
        this.#nameChanged(delta.from)
        this.#nameChanged(delta.to)
        return
      case 'attributes':
        this.attributesChanged({ ino: delta.ino, contentGeneration: delta.generation })
        return
    }
  }

  #nameChanged({ parent, name }: Place): void {
    const folder = this.#nodes.entered(parent)
    if (folder === undefined) return // nothing of the folder is remembered
    this.#notices.invalidateEntry(folder, name)
    this.#notices.invalidateNode(folder, 0, 0)
  }

  #nameGone({ parent, name }: Place, child: NodeId): void {
    const folder = this.#nodes.entered(parent)
    if (folder === undefined) return
    this.#notices.entryDeleted(folder, child, name)
    this.#notices.invalidateNode(folder, 0, 0)
  }
}
