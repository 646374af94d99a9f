/**
 * Open files. A handle holds its content from open to release, so an unlink, a rename over it or a
 * remote change leaves the bytes it was opened on readable. Knows which items are open for writing, for the uploader.
 */
import { DriveError } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Content } from '../cache/content.js'
import type { Place } from '../mirror/delta.js'
import type { Handle, OpenFlags } from './operations.js'
import type { Node } from './nodes.js'

export interface OpenFile {
  readonly handle: Handle
  readonly node: Node
  readonly flags: OpenFlags
  readonly content: Content
  /** Where the file stood when it was opened. */
  readonly place: Place
}

/** What handles of one item have in common. */
export interface OpenState {
  /** How many handles may write. */
  writers: number
  handles: number
  /** When the last write came that is not yet recorded in the mirror; null when all are. */
  modifiedMs: number | null
  lastFlushMs: number | null
}

export class Handles {
  readonly #files = new Map<Handle, OpenFile>()
  readonly #states = new Map<Ino, OpenState>()
  #last = 0

  openFile(node: Node, flags: OpenFlags, content: Content, place: Place): OpenFile {
    const file: OpenFile = { handle: this.#next(), node, flags, content, place }
    this.#files.set(file.handle, file)
    const state = this.#states.get(node.ino) ?? { writers: 0, handles: 0, modifiedMs: null, lastFlushMs: null }
    state.handles += 1
    if (flags.write) state.writers += 1
    this.#states.set(node.ino, state)
    return file
  }

  file(handle: Handle): OpenFile {
    const file = this.#files.get(handle)
    if (file === undefined) throw new DriveError('bad-handle', 'the file handle is not open')
    return file
  }

  /** The handle is over. Answers the item's state when this was the last one that could write. */
  closeFile(handle: Handle): { file: OpenFile; lastWriter: boolean } {
    const file = this.file(handle)
    this.#files.delete(handle)
    const state = this.state(file.node.ino)
    state.handles -= 1
    if (file.flags.write) state.writers -= 1
    if (state.handles === 0) this.#states.delete(file.node.ino)
    return { file, lastWriter: file.flags.write && state.writers === 0 }
  }

  state(ino: Ino): OpenState {
    const state = this.#states.get(ino)
    if (state === undefined) throw new DriveError('internal', 'an item without handles has no open state')
    return state
  }

  peekState(ino: Ino): OpenState | undefined {
    return this.#states.get(ino)
  }

  /** Any handle of the node: what getattr answers from once the name or the generation is gone. */
  anyOf(node: Node): OpenFile | undefined {
    for (const file of this.#files.values()) if (file.node.id === node.id) return file
    return undefined
  }

  /** Contents that the item is open in, once each. */
  contentsOf(ino: Ino): ReadonlySet<Content> {
    if (!this.#states.has(ino)) return new Set()
    return new Set([...this.#files.values()].filter(({ node }) => node.ino === ino).map(({ content }) => content))
  }

  find(handle: Handle): OpenFile | undefined {
    return this.#files.get(handle)
  }

  /** Everything open, for the orderly end of a mount. */
  files(): readonly OpenFile[] {
    return [...this.#files.values()]
  }

  #next(): Handle {
    this.#last += 1
    return this.#last as Handle
  }
}
