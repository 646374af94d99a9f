/**
 * A small, complete filesystem in memory behind the engine's door: what the contract suite mounts. It answers at once
 * unless a stall holds the request, and counts lookups and handles so that a test can compare them with the kernel's.
 */
import { DriveError } from '../../src/base/errors.js'
import type {
  AttributeChange,
  Caller,
  DirectoryEntry,
  DirectoryEntryPlus,
  Entry,
  FileSystem,
  Handle,
  NodeId,
  Opened,
  OpenFlags,
  RenameFlags,
  SetXattrFlags,
  SpaceFigures,
} from '../../src/fs/operations.js'
import { MemoryTree, type MemoryNode } from './memory-tree.js'
import { Stalls } from './stalls.js'

const VALIDITY_MS = 3_600_000 // long: what changes behind the kernel's back must be announced
const KEEP_SIZE = 1
const PUNCH_HOLE = 2

interface OpenFile {
  readonly node: MemoryNode
  /** Of a directory: what it held when it was opened. */
  readonly listing: readonly (readonly [name: string, node: MemoryNode])[]
}

export class MemoryFileSystem implements FileSystem {
  readonly tree: MemoryTree
  readonly stalls = new Stalls()
  /** How often each operation was called. */
  readonly calls = new Map<string, number>()
  /** How opens are answered. */
  directIo = false
  keepCache = true
  keepListings = false
  validityMs = VALIDITY_MS
  readonly #open = new Map<Handle, OpenFile>()
  #lastHandle = 0

  constructor(owner: { uid: number; gid: number }) {
    this.tree = new MemoryTree(owner)
  }

  get openHandles(): number {
    return this.#open.size
  }

  /** Lookups the kernel holds, root aside. */
  get lookups(): number {
    return [...this.tree.nodes.values()].reduce((sum, node) => sum + node.lookups, 0)
  }

  lookup(parent: NodeId, name: string, caller: Caller): Entry | Promise<Entry> {
    return this.#run('lookup', parent, name, caller, () => {
      const child = this.tree.directory(parent).children.get(name)
      if (child !== undefined) return this.tree.entry(child, this.validityMs)
      return { node: 0, attributes: this.tree.root.attributes, entryMs: this.validityMs, attributesMs: 0 }
    })
  }

  forget(id: NodeId, count: number): void {
    const node = this.tree.node(id)
    node.lookups -= count
    if (node.lookups < 0) throw new RangeError(`node ${id} was forgotten more often than looked up`)
    this.tree.reap(node)
  }

  getattr(node: NodeId, _handle: Handle | undefined, caller: Caller) {
    return this.#run('getattr', node, undefined, caller, () => ({ attributes: this.tree.node(node).attributes, attributesMs: this.validityMs }))
  }

  setattr(id: NodeId, _handle: Handle | undefined, change: AttributeChange, caller: Caller) {
    return this.#run('setattr', id, undefined, caller, () => {
      const node = this.tree.node(id)
      if (change.mode !== undefined) node.mode = change.mode
      if (change.uid !== undefined) node.uid = change.uid
      if (change.gid !== undefined) node.gid = change.gid
      if (change.sizeBytes !== undefined) node.resize(change.sizeBytes)
      if (change.atimeMs !== undefined) node.atimeMs = change.atimeMs === 'now' ? Date.now() : change.atimeMs
      if (change.mtimeMs !== undefined) node.mtimeMs = change.mtimeMs === 'now' ? Date.now() : change.mtimeMs
      node.ctimeMs = Date.now()
      return { attributes: node.attributes, attributesMs: this.validityMs }
    })
  }

  readlink(node: NodeId, caller: Caller) {
    return this.#run('readlink', node, undefined, caller, () => this.tree.node(node).target)
  }

  mkdir(parent: NodeId, name: string, mode: number, caller: Caller) {
    return this.#run('mkdir', parent, name, caller, () => this.tree.entry(this.tree.add(this.tree.directory(parent), name, 'directory', mode, caller), this.validityMs))
  }

  unlink(parent: NodeId, name: string, caller: Caller) {
    return this.#run('unlink', parent, name, caller, () => {
      const folder = this.tree.directory(parent)
      if (this.tree.child(folder, name).kind === 'directory') throw new DriveError('is-directory', `${name} is a directory`)
      this.tree.remove(folder, name)
    })
  }

  rmdir(parent: NodeId, name: string, caller: Caller) {
    return this.#run('rmdir', parent, name, caller, () => {
      const folder = this.tree.directory(parent)
      const child = this.tree.child(folder, name)
      if (child.kind !== 'directory') throw new DriveError('not-directory', `${name} is no directory`)
      if (child.children.size > 0) throw new DriveError('not-empty', `${name} is not empty`)
      this.tree.remove(folder, name)
    })
  }

  rename(parent: NodeId, name: string, newParent: NodeId, newName: string, flags: RenameFlags, caller: Caller) {
    return this.#run('rename', parent, name, caller, () => {
      const [from, to] = [this.tree.directory(parent), this.tree.directory(newParent)]
      const node = this.tree.child(from, name)
      const victim = to.children.get(newName)
      if (flags.noReplace && victim !== undefined) throw new DriveError('exists', `${newName} exists`)
      if (flags.exchange) {
        if (victim === undefined) throw new DriveError('not-found', `no ${newName}`)
        this.tree.unlink(from, name)
        this.tree.unlink(to, newName)
        this.tree.link(from, name, victim)
        this.tree.link(to, newName, node)
        return
      }
      if (victim === node) return
      if (victim?.kind === 'directory' && victim.children.size > 0) throw new DriveError('not-empty', `${newName} is not empty`)
      if (victim !== undefined) this.tree.remove(to, newName)
      this.tree.unlink(from, name)
      this.tree.link(to, newName, node)
      node.ctimeMs = Date.now()
    })
  }

  create(parent: NodeId, name: string, mode: number, flags: OpenFlags, caller: Caller) {
    return this.#run('create', parent, name, caller, () => {
      const folder = this.tree.directory(parent)
      const known = flags.exclusive ? undefined : folder.children.get(name)
      const node = known ?? this.tree.add(folder, name, 'file', mode, caller)
      if (flags.truncate) node.resize(0)
      return { entry: this.tree.entry(node, this.validityMs), opened: this.#opened(node) }
    })
  }

  open(id: NodeId, flags: OpenFlags, caller: Caller) {
    return this.#run('open', id, undefined, caller, () => {
      const node = this.tree.node(id)
      if (flags.truncate) node.resize(0)
      return this.#opened(node)
    })
  }

  read(id: NodeId, handle: Handle, offset: number, sizeBytes: number, caller: Caller) {
    return this.#run('read', id, undefined, caller, () => this.#file(handle).node.read(offset, sizeBytes))
  }

  write(id: NodeId, handle: Handle, offset: number, data: Uint8Array, _fromCache: boolean, caller: Caller) {
    return this.#run('write', id, undefined, caller, () => {
      this.#file(handle).node.write(offset, data)
      return data.byteLength
    })
  }

  flush(id: NodeId, handle: Handle, caller: Caller) {
    return this.#run('flush', id, undefined, caller, () => {
      this.#file(handle)
    })
  }

  release(id: NodeId, handle: Handle, caller: Caller) {
    return this.#run('release', id, undefined, caller, () => {
      this.#release(handle)
    })
  }

  fsync(id: NodeId, handle: Handle, _dataOnly: boolean, caller: Caller) {
    return this.#run('fsync', id, undefined, caller, () => {
      this.#file(handle)
    })
  }

  fallocate(id: NodeId, handle: Handle, offset: number, lengthBytes: number, mode: number, caller: Caller) {
    return this.#run('fallocate', id, undefined, caller, () => {
      const { node } = this.#file(handle)
      if ((mode & ~(KEEP_SIZE | PUNCH_HOLE)) !== 0) throw new DriveError('unsupported', 'not this kind of allocation')
      if ((mode & PUNCH_HOLE) !== 0) node.data.fill(0, offset, Math.min(offset + lengthBytes, node.data.length))
      else if ((mode & KEEP_SIZE) === 0) node.resize(Math.max(node.sizeBytes, offset + lengthBytes))
    })
  }

  opendir(id: NodeId, caller: Caller) {
    return this.#run('opendir', id, undefined, caller, () => this.#opened(this.tree.directory(id)))
  }

  readdir(id: NodeId, handle: Handle, offset: number, sizeBytes: number, caller: Caller): readonly DirectoryEntry[] | Promise<readonly DirectoryEntry[]> {
    return this.#run('readdir', id, undefined, caller, () => this.#page(handle, offset, sizeBytes / 32).map(([entry]) => entry))
  }

  readdirplus(id: NodeId, handle: Handle, offset: number, sizeBytes: number, caller: Caller): readonly DirectoryEntryPlus[] | Promise<readonly DirectoryEntryPlus[]> {
    return this.#run('readdirplus', id, undefined, caller, () =>
      this.#page(handle, offset, sizeBytes / 160).map(([entry, node]) => {
        const counted = entry.name === '.' || entry.name === '..' ? this.#uncounted(node) : this.tree.entry(node, this.validityMs)
        return { ...entry, entry: counted }
      }),
    )
  }

  releasedir(id: NodeId, handle: Handle, caller: Caller) {
    return this.#run('releasedir', id, undefined, caller, () => {
      this.#release(handle)
    })
  }

  fsyncdir(id: NodeId, handle: Handle, _dataOnly: boolean, caller: Caller) {
    return this.#run('fsyncdir', id, undefined, caller, () => {
      this.#file(handle)
    })
  }

  statfs(node: NodeId, caller: Caller): SpaceFigures | Promise<SpaceFigures> {
    return this.#run('statfs', node, undefined, caller, () => ({
      blockSizeBytes: 4096,
      blocks: 2 ** 35,
      blocksFree: 1_000_003,
      blocksAvailable: 1_000_001,
      files: 1234,
      filesFree: 567,
      nameMaxBytes: 255,
    }))
  }

  getxattr(id: NodeId, name: string, caller: Caller) {
    return this.#run('getxattr', id, name, caller, (): Uint8Array => {
      const value = this.tree.node(id).xattrs.get(name)
      if (value === undefined) throw new DriveError('no-attribute', `no ${name}`)
      return value
    })
  }

  listxattr(id: NodeId, caller: Caller) {
    return this.#run('listxattr', id, undefined, caller, () => [...this.tree.node(id).xattrs.keys()])
  }

  setxattr(id: NodeId, name: string, value: Uint8Array, flags: SetXattrFlags, caller: Caller) {
    return this.#run('setxattr', id, name, caller, () => {
      const { xattrs } = this.tree.node(id)
      if (flags.create && xattrs.has(name)) throw new DriveError('exists', `${name} exists`)
      if (flags.replace && !xattrs.has(name)) throw new DriveError('no-attribute', `no ${name}`)
      xattrs.set(name, Buffer.from(value))
    })
  }

  removexattr(id: NodeId, name: string, caller: Caller) {
    return this.#run('removexattr', id, name, caller, () => {
      if (!this.tree.node(id).xattrs.delete(name)) throw new DriveError('no-attribute', `no ${name}`)
    })
  }

  #run<T>(operation: keyof FileSystem, node: NodeId, name: string | undefined, caller: Caller, answer: () => T): T | Promise<T> {
    this.calls.set(operation, (this.calls.get(operation) ?? 0) + 1)
    return this.stalls.pass(operation, node, name, caller, answer)
  }

  #opened(node: MemoryNode): Opened {
    const handle = (this.#lastHandle += 1) as Handle
    const listing = node.kind === 'directory' ? ([['.', node], ['..', node], ...node.children] as const) : []
    this.#open.set(handle, { node, listing })
    node.handles += 1
    return { handle, keepCache: node.kind === 'file' ? this.keepCache : this.keepListings, directIo: node.kind === 'file' && this.directIo }
  }

  #file(handle: Handle): OpenFile {
    const file = this.#open.get(handle)
    if (file === undefined) throw new DriveError('bad-handle', `no handle ${handle}`)
    return file
  }

  #release(handle: Handle): void {
    const { node } = this.#file(handle)
    this.#open.delete(handle)
    node.handles -= 1
    this.tree.reap(node)
  }

  /** More than fits, so that the engine has to cut. */
  #page(handle: Handle, offset: number, count: number): readonly (readonly [DirectoryEntry, MemoryNode])[] {
    return this.#file(handle)
      .listing.slice(offset, offset + Math.ceil(count) + 3)
      .map(([name, node], index) => [{ name, nextOffset: offset + index + 1, kind: node.kind, ino: node.attributes.ino }, node])
  }

  #uncounted(node: MemoryNode): Entry {
    return { node: node.id, attributes: node.attributes, entryMs: 0, attributesMs: 0 }
  }
}
