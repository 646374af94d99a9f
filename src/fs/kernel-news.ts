/**
 * Tells the kernel what changed without its asking: deltas of the mirror become notices (fuse-engine.md, "Timeouts and
 * invalidation"). Called after the commit, with no lock held.
 */
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { MirrorDelta, Place } from '../mirror/delta.js'
import { ROOT_NODE, type KernelNotices, type NodeId } from './operations.js'
import type { NodeTable } from './nodes.js'

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
  attributesChanged(ino: Ino): void {
    for (const node of this.#nodes.ofIno(ino)) this.#notices.invalidateNode(node.id, -1, 0)
  }

  #tellOne(delta: MirrorDelta): void {
    switch (delta.kind) {
      case 'appeared':
      case 'content':
        this.#nameChanged(delta.at)
        return
      case 'vanished':
        this.#nameGone(delta.at, delta.ino)
        return
      case 'moved':
        this.#nameChanged(delta.from)
        this.#nameChanged(delta.to)
        return
      case 'attributes':
        this.attributesChanged(delta.ino)
        return
    }
  }

  #nameChanged({ parent, name }: Place): void {
    const folder = this.#folderNode(parent)
    if (folder === undefined) return // the kernel has never seen the folder: nothing of it is remembered
    this.#notices.invalidateEntry(folder, name)
    this.#notices.invalidateNode(folder, 0, 0)
  }

  #nameGone({ parent, name }: Place, ino: Ino): void {
    const folder = this.#folderNode(parent)
    if (folder === undefined) return
    const child = this.#nodes.ofIno(ino).at(-1)
    if (child === undefined) this.#notices.invalidateEntry(folder, name)
    else this.#notices.entryDeleted(folder, child.id, name)
    this.#notices.invalidateNode(folder, 0, 0)
  }

  #folderNode(ino: Ino): NodeId | undefined {
    return ino === ROOT_INO ? ROOT_NODE : this.#nodes.ofIno(ino).at(-1)?.id
  }
}
