/**
 * What the kernel knows of us: one node for each (item, content generation), with its lookup count. The only keeper of
 * these counts. A remote change of a file's content gives it a new generation, so old handles keep the old node and the
 * page cache never mixes two versions (fuse-engine.md fact 6). Directories have one node from their making to their removal.
 */
import { DriveError } from '../base/errors.js'
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { Item } from '../mirror/item.js'
import { ROOT_NODE, type NodeId } from './operations.js'

export interface Node {
  readonly id: NodeId
  readonly ino: Ino
  readonly generation: number
  /** What the item was when it lost its last name; handles that are still open answer from it. */
  gone: Item | undefined
}

interface Counted extends Node {
  lookups: number
  /** Open handles keep a node that the kernel has forgotten. */
  handles: number
}

export class NodeTable {
  readonly #nodes = new Map<NodeId, Counted>()
  /** Every generation of an item that the kernel still knows, newest last. */
  readonly #byIno = new Map<Ino, Counted[]>()
  #lastId = ROOT_NODE as number

  constructor() {
    this.#add({ id: ROOT_NODE, ino: ROOT_INO, generation: 0, gone: undefined, lookups: 1, handles: 0 })
  }

  /** 'vanished' (ESTALE) for an id the kernel should not have: it then looks the path up again. */
  get(id: NodeId): Node {
    const node = this.#nodes.get(id)
    if (node === undefined) throw new DriveError('vanished', 'the kernel asked for a node it had forgotten')
    return node
  }

  /** The node for an item as it is now, counted once more. */
  look(item: Item): Node {
    const generation = item.kind === 'folder' ? 0 : item.contentGeneration
    // An item that was deleted here and brought back is another node: to the kernel, a directory that was removed stays dead.
    const known = this.#byIno.get(item.ino)?.find((node) => node.generation === generation && node.gone === undefined)
    if (known !== undefined) {
      known.lookups += 1
      return known
    }
    this.#lastId += 1
    const node: Counted = { id: this.#lastId as NodeId, ino: item.ino, generation, gone: undefined, lookups: 1, handles: 0 }
    this.#add(node)
    return node
  }

  forget(id: NodeId, count: number): void {
    const node = this.#nodes.get(id)
    if (node === undefined || id === ROOT_NODE) return
    node.lookups -= count
    this.#dropUnused(node)
  }

  /** A handle holds the node from open to release. */
  hold(id: NodeId): void {
    const node = this.#nodes.get(id)
    if (node !== undefined) node.handles += 1
  }

  letGo(id: NodeId): void {
    const node = this.#nodes.get(id)
    if (node === undefined) return
    node.handles -= 1
    this.#dropUnused(node)
  }

  /** Nodes of the item that the kernel or a handle knows. */
  ofIno(ino: Ino): readonly Node[] {
    return this.#byIno.get(ino) ?? []
  }

  /** The item has lost its name: what is still open answers from what it was. */
  markGone(item: Item): void {
    for (const node of this.#byIno.get(item.ino) ?? []) node.gone = item
  }

  /** For status and tests. */
  get size(): number {
    return this.#nodes.size
  }

  #add(node: Counted): void {
    this.#nodes.set(node.id, node)
    const generations = this.#byIno.get(node.ino)
    if (generations === undefined) this.#byIno.set(node.ino, [node])
    else generations.push(node)
  }

  #dropUnused(node: Counted): void {
    if (node.lookups > 0 || node.handles > 0 || node.id === ROOT_NODE) return
    this.#nodes.delete(node.id)
    const left = (this.#byIno.get(node.ino) ?? []).filter((other) => other !== node)
    if (left.length === 0) this.#byIno.delete(node.ino)
    else this.#byIno.set(node.ino, left)
  }
}
