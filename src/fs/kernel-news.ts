/**
 * Tells the kernel what changed without its asking: deltas of the mirror become notices (fuse-engine.md, "Timeouts and
 * invalidation"). Called after the commit, with no lock held.
 */
import { LRUCache } from 'lru-cache'
import type { MirrorDelta, Place } from '../mirror/delta.js'
import type { KernelNotices, NodeId } from './operations.js'
import { nodeIdOf, type NodeKey, type NodeTable } from './nodes.js'

const REMEMBERED = 10_000 // far more than change while one request is on its way

export class KernelNews {
  readonly #nodes: NodeTable
  readonly #notices: KernelNotices
  /** Names lately told of, and places that the mount lately renamed to, by the place renamed from. */
  readonly #told = new LRUCache<string, true>({ max: REMEMBERED })
  readonly #renamed = new LRUCache<string, Place>({ max: REMEMBERED })

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

  /**
   * The mount renamed. A rename moves whatever the kernel knew under the old name, and while it runs no notice about that
   * name gets through: where the name had changed its meaning in between, the new one is as outdated.
   */
  renamed(from: Place, to: Place): void {
    this.#renamed.set(keyOf(from), to)
    if (this.#told.has(keyOf(from))) this.#nameChanged(to)
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

  #nameChanged(place: Place): void {
    const { parent, name } = place
    this.#follow(place)
    const folder = this.#nodes.entered(parent)
    if (folder === undefined) return // nothing of the folder is remembered
    this.#notices.invalidateEntry(folder, name)
    this.#notices.invalidateNode(folder, 0, 0)
  }

  /** Where a rename may have taken what the kernel knew under this name. */
  #follow(place: Place): void {
    const key = keyOf(place)
    this.#told.set(key, true)
    const to = this.#renamed.get(key)
    this.#renamed.delete(key)
    if (to !== undefined) this.#nameChanged(to)
  }

  #nameGone({ parent, name }: Place, child: NodeId): void {
    this.#follow({ parent, name })
    const folder = this.#nodes.entered(parent)
    if (folder === undefined) return
    this.#notices.entryDeleted(folder, child, name)
    this.#notices.invalidateNode(folder, 0, 0)
  }
}

function keyOf({ parent, name }: Place): string {
  return `${parent}/${name}`
}
