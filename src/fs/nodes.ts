/**
 * What the kernel calls a node: one item in one generation. A remote change of a file's content gives it a new
 * generation, so old handles keep the old node and the page cache never mixes two versions (fuse-engine.md fact 6); so
 * does bringing back what was deleted here. A node id is computed from the two and never stored: memory does not follow
 * what the kernel remembers, an id is good for as long as the kernel likes, and lookup counts are nobody's business.
 */
import { LRUCache } from 'lru-cache'
import { asIno, ROOT_INO, type Ino } from '../base/ids.js'
import type { Item } from '../mirror/item.js'
import { ROOT_NODE, type NodeId } from './operations.js'

export interface Node {
  readonly id: NodeId
  readonly ino: Ino
  /** What the item was when it lost its last name; handles that are still open answer from it. */
  readonly gone: Item | undefined
  /** What the item was when the node was opened; it may have gone without losing its name here. */
  readonly opened?: Item | undefined
}

interface Held {
  readonly id: NodeId
  readonly ino: Ino
  gone: Item | undefined
  readonly opened: Item
  handles: number
}

/** What of an item makes its node. */
export type NodeKey = Pick<Item, 'ino' | 'contentGeneration'>

// An id is ino × 2^16 + generation, below 2^53: 2^37 items, each in 65,536 generations before one comes again. The
// native answers read ids the same way (native/answer-table.cc).
export const GENERATIONS = 65_536

const GONE_KEPT = 10_000

/** The node of an item as it is now. */
export function nodeIdOf({ ino, contentGeneration }: NodeKey): NodeId {
  if (ino === ROOT_INO) return ROOT_NODE
  return (ino * GENERATIONS + (contentGeneration % GENERATIONS)) as NodeId
}

export class NodeTable {
  /** Nodes with open handles: these can outlive their item. */
  readonly #held = new Map<NodeId, Held>()
  /** The last ones that went, for handles that the engine gave by itself. */
  readonly #gone = new LRUCache<NodeId, Item>({ max: GONE_KEPT })
  /** Folders of which the kernel may remember names, with the node it knows them by. */
  readonly #entered = new Map<Ino, NodeId>()

  /** Any number the kernel may say; whether there is such an item is for the mirror to tell. */
  get(id: NodeId): Node {
    const held = this.#held.get(id)
    if (held !== undefined) return held
    return { id, ino: id === ROOT_NODE ? ROOT_INO : asIno(Math.floor(id / GENERATIONS)), gone: this.#gone.get(id) }
  }

  isCurrent(node: Node, item: Item | undefined): item is Item {
    return item !== undefined && !item.deleted && node.gone === undefined && nodeIdOf(item) === node.id
  }

  /** A handle holds the node from open to release, and learns through it when the item goes. */
  hold(node: Node, item: Item): Node {
    const held = this.#held.get(node.id) ?? { id: node.id, ino: node.ino, gone: node.gone, opened: item, handles: 0 }
    held.handles += 1
    this.#held.set(node.id, held)
    return held
  }

  letGo(node: Node): void {
    const held = this.#held.get(node.id)
    if (held === undefined) return
    held.handles -= 1
    if (held.handles === 0) this.#held.delete(node.id)
  }

  /** The item has lost its name here: what is still open answers from what it was. */
  markGone(item: Item): void {
    const id = nodeIdOf(item)
    this.#gone.set(id, item)
    const held = this.#held.get(id)
    if (held !== undefined) held.gone = item
  }

  /** From now on the kernel may remember names of the folder. */
  noteEntered(folder: Item): void {
    this.#entered.set(folder.ino, nodeIdOf(folder))
  }

  /** The node of a folder of which the kernel may remember names. */
  entered(folder: Ino): NodeId | undefined {
    return this.#entered.get(folder)
  }
}
