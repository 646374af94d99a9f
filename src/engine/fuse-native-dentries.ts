/**
 * Which node a name in a folder stands for, for an engine that is asked by paths: looked up through the filesystem and kept
 * in a bounded cache. Each dentry holds one lookup of its node, and its folder's dentry, and gives both back when nothing needs
 * it any more, so the filesystem's books are exact. What changes a name must `drop` it; what comes from the portal arrives as notices.
 */
import { LRUCache } from 'lru-cache'
import { DriveError } from '../base/errors.js'
import { ROOT_NODE, type Attributes, type Caller, type Entry, type FileSystem, type KernelNotices, type NodeId } from '../fs/operations.js'

const DENTRIES_KEPT = 20_000 // a build or a find over a usual project; a few MB

export interface Dentry {
  /** In use as long as this one is known; undefined for the root. */
  readonly folder: Dentry | undefined
  readonly name: string
  readonly node: NodeId
}

interface Counted extends Dentry {
  users: number
  cached: boolean
}

export interface Taken {
  readonly dentry: Dentry
  /** What the lookup said, when it was made just now. */
  readonly attributes: Attributes | undefined
}

export class Dentries {
  readonly #fileSystem: FileSystem
  readonly #cache = new LRUCache<string, Counted>({
    max: DENTRIES_KEPT,
    dispose: (dentry) => {
      dentry.cached = false
      this.#forgetUnused(dentry)
    },
  })
  /** All that hold a lookup: the cached ones, and those still in use. */
  readonly #live = new Set<Counted>()
  readonly #root: Dentry = { folder: undefined, name: '', node: ROOT_NODE }
  /** Grows whenever a name may have changed: a lookup that was begun before is not kept. */
  #changes = 0
  #isOver = false

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem
  }

  get root(): Dentry {
    return this.#root
  }

  /** In use until `letGo`. Fails with 'not-found'. */
  async take(folder: Dentry, name: string, caller: Caller): Promise<Taken> {
    const known = this.#cache.get(key(folder.node, name))
    if (known !== undefined) {
      known.users += 1
      return { dentry: known, attributes: undefined }
    }
    const changes = this.#changes
    const entry = await this.#fileSystem.lookup(folder.node, name, caller)
    if (entry.node === 0) throw new DriveError('not-found', 'no such name')
    return { dentry: this.#add(folder, name, entry.node, changes === this.#changes), attributes: entry.attributes }
  }

  /** Takes over the lookup that came with a creation. In use until `letGo`. */
  adopt(folder: Dentry, name: string, { node }: Entry): Dentry {
    this.drop(folder.node, name)
    return this.#add(folder, name, node as NodeId, true)
  }

  /** Once more in use, of a dentry that is in use. */
  share(dentry: Dentry): Dentry {
    if (this.#live.has(dentry as Counted)) (dentry as Counted).users += 1
    return dentry
  }

  /** The node behind a cached name, for nothing but to find what is below it. */
  known(parent: NodeId, name: string): NodeId | undefined {
    return this.#cache.peek(key(parent, name))?.node
  }

  letGo(dentry: Dentry): void {
    const counted = dentry as Counted
    if (!this.#live.has(counted)) return // the root, or the mount is over
    counted.users -= 1
    this.#forgetUnused(counted)
  }

  /** The name may stand for something else now. */
  drop(parent: NodeId, name: string): void {
    this.#changes += 1
    this.#cache.delete(key(parent, name))
  }

  /** The mount is over: every lookup is given back, whatever still uses it. */
  clear(): void {
    this.#isOver = true
    this.#cache.clear()
    for (const dentry of [...this.#live]) this.#forget(dentry)
  }

  /** What the drive tells a kernel that it can reach. Attributes are not kept here. */
  readonly notices: KernelNotices = {
    invalidateEntry: (parent, name) => {
      this.drop(parent, name)
    },
    invalidateNode: () => undefined,
    entryDeleted: (parent, _child, name) => {
      this.drop(parent, name)
    },
  }

  #add(folder: Dentry, name: string, node: NodeId, isTrue: boolean): Dentry {
    const keep = isTrue && !this.#isOver
    const dentry: Counted = { folder: this.share(folder), name, node, users: 1, cached: keep }
    this.#live.add(dentry)
    if (keep) this.#cache.set(key(folder.node, name), dentry)
    return dentry
  }

  #forgetUnused(dentry: Counted): void {
    if (dentry.users === 0 && !dentry.cached) this.#forget(dentry)
  }

  #forget(dentry: Counted): void {
    if (!this.#live.delete(dentry)) return
    this.#fileSystem.forget(dentry.node, 1)
    if (dentry.folder !== undefined) this.letGo(dentry.folder)
  }
}

const key = (parent: NodeId, name: string): string => `${parent}/${name}`
