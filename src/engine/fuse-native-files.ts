/**
 * Open files of the engine that is asked by paths. The number that libfuse keeps is ours. Kernel and libfuse know a file by
 * its place, so a place has one page cache whatever its content: a handle on content that the portal has replaced since
 * must not fill that cache any more (ESTALE), or who reads the new content would see parts of the old.
 */
import { DriveError } from '../base/errors.js'
import type { Handle, NodeId } from '../fs/operations.js'
import type { Dentries, Dentry } from './fuse-native-dentries.js'
import type { Place } from './fuse-native-paths.js'

export interface OpenFile {
  readonly handle: Handle
  readonly node: NodeId
  /** Another node is open at the same place: reads would mix the two. */
  readonly superseded: boolean
}

interface Placed extends OpenFile {
  /** In use until the file is closed, and so is the folder of the place. */
  readonly dentry: Dentry
  place: Place
  superseded: boolean
}

export class FuseNativeFiles {
  readonly #dentries: Dentries
  readonly #files = new Map<number, Placed>()
  #last = 0

  constructor(dentries: Dentries) {
    this.#dentries = dentries
  }

  add(dentry: Dentry, handle: Handle): number {
    const { name, node, folder = dentry } = dentry
    for (const other of this.#files.values()) {
      if (other.node !== node && isSame(other.place, { folder, name })) other.superseded = true
    }
    // Above 0, which fuse-native takes for "no number", and within 31 bits.
    do this.#last = (this.#last % 0x7fff_ffff) + 1
    while (this.#files.has(this.#last))
    const place = { folder: this.#dentries.share(folder), name }
    this.#files.set(this.#last, { handle, node, dentry: this.#dentries.share(dentry), place, superseded: false })
    return this.#last
  }

  get(number: number): OpenFile {
    const file = this.#files.get(number)
    if (file === undefined) throw new DriveError('bad-handle', 'the file is not open')
    return file
  }

  /** Nothing holds its node any more, but for the handle. */
  remove(number: number): void {
    const file = this.#files.get(number)
    if (file === undefined) return
    this.#files.delete(number)
    this.#dentries.letGo(file.dentry)
    this.#dentries.letGo(file.place.folder)
  }

  /** Any open file of the node: what a file without a name can be asked through. */
  ofNode(node: NodeId): OpenFile | undefined {
    for (const file of this.#files.values()) if (file.node === node) return file
    return undefined
  }

  renamed(from: Place, to: Place): void {
    for (const file of this.#files.values()) {
      if (!isSame(file.place, from)) continue
      const before = file.place.folder
      file.place = { folder: this.#dentries.share(to.folder), name: to.name }
      this.#dentries.letGo(before)
    }
  }

  /** Whether libfuse's path of an open file leads through the folder, although the filesystem may know no such file any more. */
  isBelow(folder: NodeId): boolean {
    return [...this.#files.values()].some(({ place }) => {
      for (let at: Dentry | undefined = place.folder; at !== undefined; at = at.folder) if (at.node === folder) return true
      return false
    })
  }
}

const isSame = (a: Place, b: Place): boolean => a.name === b.name && a.folder.node === b.folder.node
