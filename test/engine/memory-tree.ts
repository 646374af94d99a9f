/** The nodes of the in-memory filesystem: a tree of files and folders with the kernel's reference counts beside it. */
import { DriveError } from '../../src/base/errors.js'
import { asIno } from '../../src/base/ids.js'
import { ROOT_NODE, type Attributes, type Entry, type FileKind, type NodeId } from '../../src/fs/operations.js'

export class MemoryNode {
  readonly id: NodeId
  readonly kind: FileKind
  mode: number
  uid: number
  gid: number
  atimeMs: number
  mtimeMs: number
  ctimeMs: number
  linkCount: number
  /** Of a file; bytes of `data` beyond are meaningless, bytes of the file beyond `data` are zeros. */
  sizeBytes = 0
  data = Buffer.alloc(0)
  target = ''
  readonly children = new Map<string, MemoryNode>()
  readonly xattrs = new Map<string, Buffer>()
  /** What the kernel holds; the node may go when both are 0 and it has no name. */
  lookups = 0
  handles = 0

  constructor(id: NodeId, kind: FileKind, mode: number, owner: { uid: number; gid: number }) {
    this.id = id
    this.kind = kind
    this.mode = mode
    this.uid = owner.uid
    this.gid = owner.gid
    this.linkCount = kind === 'directory' ? 2 : 1
    this.atimeMs = this.mtimeMs = this.ctimeMs = Date.now()
  }

  get attributes(): Attributes {
    const { kind, mode, uid, gid, atimeMs, mtimeMs, ctimeMs, linkCount } = this
    const sizeBytes = kind === 'symlink' ? Buffer.byteLength(this.target) : this.sizeBytes
    return { ino: asIno(this.id), kind, mode, sizeBytes, blocks: Math.ceil(this.data.length / 512), linkCount, uid, gid, atimeMs, mtimeMs, ctimeMs }
  }

  read(offset: number, sizeBytes: number): Buffer {
    const end = Math.min(offset + sizeBytes, this.sizeBytes)
    if (end <= offset) return Buffer.alloc(0)
    if (end <= this.data.length) return this.data.subarray(offset, end)
    const bytes = Buffer.alloc(end - offset)
    this.data.copy(bytes, 0, Math.min(offset, this.data.length))
    return bytes
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.byteLength
    if (end > 2 ** 30) throw new DriveError('file-too-large', 'more than memory is meant for')
    if (end > this.data.length) {
      const grown = Buffer.alloc(Math.max(end, Math.min(this.data.length * 2, 2 ** 30)))
      this.data.copy(grown)
      this.data = grown
    }
    this.data.set(bytes, offset)
    this.sizeBytes = Math.max(this.sizeBytes, end)
    this.touch()
  }

  resize(sizeBytes: number): void {
    if (sizeBytes < this.sizeBytes) this.data.fill(0, sizeBytes)
    this.sizeBytes = sizeBytes
    this.touch()
  }

  touch(): void {
    this.mtimeMs = this.ctimeMs = Date.now()
  }
}

export class MemoryTree {
  readonly nodes = new Map<NodeId, MemoryNode>()
  readonly root: MemoryNode
  #lastId: number = ROOT_NODE

  constructor(owner: { uid: number; gid: number }) {
    this.root = new MemoryNode(ROOT_NODE, 'directory', 0o755, owner)
    this.nodes.set(ROOT_NODE, this.root)
  }

  node(id: NodeId): MemoryNode {
    const node = this.nodes.get(id)
    if (node === undefined) throw new DriveError('vanished', `no node ${id}`)
    return node
  }

  directory(id: NodeId): MemoryNode {
    const node = this.node(id)
    if (node.kind !== 'directory') throw new DriveError('not-directory', `${id} is no directory`)
    return node
  }

  child(parent: MemoryNode, name: string): MemoryNode {
    const child = parent.children.get(name)
    if (child === undefined) throw new DriveError('not-found', `no ${name}`)
    return child
  }

  /** A new child. Also how a test plays the remote side: the kernel does not know of it. */
  add(parent: MemoryNode, name: string, kind: FileKind, mode: number, owner: { uid: number; gid: number } = parent): MemoryNode {
    if (Buffer.byteLength(name) > 255) throw new DriveError('name-too-long', 'the name is too long')
    if (parent.children.has(name)) throw new DriveError('exists', `${name} exists`)
    const node = new MemoryNode((this.#lastId += 1) as NodeId, kind, mode, owner)
    this.nodes.set(node.id, node)
    this.link(parent, name, node)
    return node
  }

  link(parent: MemoryNode, name: string, node: MemoryNode): void {
    parent.children.set(name, node)
    if (node.kind === 'directory') parent.linkCount += 1
    parent.touch()
  }

  /** Takes the name away; the node stays while the kernel holds it. */
  unlink(parent: MemoryNode, name: string): MemoryNode {
    const node = this.child(parent, name)
    parent.children.delete(name)
    if (node.kind === 'directory') parent.linkCount -= 1
    parent.touch()
    return node
  }

  remove(parent: MemoryNode, name: string): void {
    const node = this.unlink(parent, name)
    node.linkCount = 0
    node.ctimeMs = Date.now()
    this.reap(node)
  }

  reap(node: MemoryNode): void {
    if (node.linkCount === 0 && node.lookups === 0 && node.handles === 0) this.nodes.delete(node.id)
  }

  entry(node: MemoryNode, validityMs: number): Entry {
    node.lookups += 1
    return { node: node.id, attributes: node.attributes, entryMs: validityMs, attributesMs: validityMs }
  }
}
