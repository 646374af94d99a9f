/**
 * From paths, which is what libfuse 2 speaks, to nodes. Also keeps what libfuse calls `.fuse_hidden…`: before it unlinks or
 * replaces an open file it renames it to such a name. Here the file is unlinked at once, and the name only leads to the
 * node until libfuse has done with it; it reaches no row, no journal and no portal.
 */
import { DriveError, hasCode } from '../base/errors.js'
import type { Attributes, Caller, FileSystem, NodeId } from '../fs/operations.js'
import { Dentries, type Dentry } from './fuse-native-dentries.js'

export interface Place {
  readonly folder: Dentry
  readonly name: string
}

export interface Found {
  readonly dentry: Dentry
  /** Fresh from a lookup; undefined when the dentry was known. */
  readonly attributes: Attributes | undefined
  /** It has lost its name: only who has it open can be asked. */
  readonly isHidden: boolean
}

// node and counter of libfuse, both in hexadecimal (lib/fuse.c, hidden_name)
const HIDDEN_NAME = /^\.fuse_hidden[0-9a-f]{16}$/
// fuse-native makes this of every byte that is no UTF-8, so two names could be one.
const LOSSY = '\uFFFD'

export class FuseNativePaths {
  readonly dentries: Dentries
  /** By name alone: libfuse never uses one twice, and the folder may be renamed meanwhile. Each is in use here. */
  readonly #hidden = new Map<string, Dentry>()

  constructor(fileSystem: FileSystem) {
    this.dentries = new Dentries(fileSystem)
  }

  /** Runs `work` on the node of a path, which stays known until it is done. */
  async at<T>(path: string, caller: Caller, work: (found: Found) => Promise<T> | T): Promise<T> {
    return this.#whileTrue(path, async () => {
      const found = await this.#walk(namesOf(path), caller)
      try {
        return await work(found)
      } finally {
        this.dentries.letGo(found.dentry)
      }
    })
  }

  /** Runs `work` on the folder and the name of a path that is to be made, removed or renamed. */
  async inFolderOf<T>(path: string, caller: Caller, work: (place: Place) => Promise<T> | T): Promise<T> {
    const names = namesOf(path)
    const name = names.pop()
    if (name === undefined) throw new DriveError('busy', 'the root of the drive stays')
    if (name.includes(LOSSY)) throw new DriveError('bad-name', 'the name is not valid UTF-8, or cannot be told from one that is not')
    return this.#whileTrue(path, async () => {
      const { dentry } = await this.#walk(names, caller)
      try {
        return await work({ folder: dentry, name })
      } finally {
        this.dentries.letGo(dentry)
      }
    })
  }

  /** Whether a rename of an open file is libfuse's way to unlink it. */
  isHiding(from: string, to: string): boolean {
    return HIDDEN_NAME.test(baseName(to)) && folderOf(from) === folderOf(to)
  }

  /** From now on the hidden name leads to this file, which is in use. */
  hide(path: string, file: Dentry): void {
    this.#hidden.set(baseName(path), this.dentries.share(file))
  }

  /** False when the path is no hidden one. */
  unhide(path: string): boolean {
    const hidden = this.#hidden.get(baseName(path))
    if (hidden === undefined) return false
    this.#hidden.delete(baseName(path))
    this.dentries.letGo(hidden)
    return true
  }

  /** The mount is over. */
  clear(): void {
    this.#hidden.clear()
    this.dentries.clear()
  }

  /** The node is in use until `letGo`. */
  async #walk(names: readonly string[], caller: Caller): Promise<Found> {
    let found: Found = { dentry: this.dentries.root, attributes: undefined, isHidden: false }
    for (const [index, name] of names.entries()) {
      const hidden = index === names.length - 1 ? this.#hidden.get(name) : undefined
      const { dentry } = found
      try {
        if (hidden === undefined) found = { ...(await this.dentries.take(dentry, name, caller)), isHidden: false }
        else found = { dentry: this.dentries.share(hidden), attributes: undefined, isHidden: true }
      } finally {
        this.dentries.letGo(dentry)
      }
    }
    return found
  }

  /** A known dentry may have become another node's since: then, once, the path is looked up again from the root. */
  async #whileTrue<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!hasCode(error, 'vanished')) throw error
      this.#dropAlong(namesOf(path))
      return work()
    }
  }

  #dropAlong(names: readonly string[]): void {
    let node: NodeId | undefined = this.dentries.root.node
    for (const name of names) {
      if (node === undefined) return
      const next: NodeId | undefined = this.dentries.known(node, name)
      this.dentries.drop(node, name)
      node = next
    }
  }
}

const namesOf = (path: string): string[] => path.split('/').filter((name) => name !== '')
const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))
