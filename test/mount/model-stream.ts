/**
 * A stream of random operations on one folder of the mount, and what each must answer by the model. The model goes ahead
 * at once, so that operations can be on their way while earlier ones are still answered.
 */
import { constants as flags } from 'node:fs'
import { constants } from 'node:os'
import type { Random } from '../../src/base/random.js'
import { ModelFile } from './model-bytes.js'
import { factsOf, type Expected } from './model-check.js'
import { Dice } from './model-dice.js'
import { HandleOperations, newSize, someTime, type OpenFile } from './model-handles.js'
import { ModelFolder, RENAME_NOREPLACE, walk, type ModelNode, type ModelTree } from './model-tree.js'

const { errno: E } = constants

export interface Step {
  /** Which worker process carries it out. */
  readonly runner: number
  readonly line: string
  readonly expected: Expected
}

export interface StreamOptions {
  readonly random: Random
  readonly tree: ModelTree
  /** The folder whose content is this stream's alone. */
  readonly folder: string
  /** Worker processes that take part. */
  readonly runners: readonly number[]
  readonly readsOnly?: boolean
  /** Touching a mapping ends the process where the portal does not give the bytes. */
  readonly withoutMappings?: boolean
  /** Apart from those of other streams, which use the same worker processes. */
  readonly firstSlot: number
}

const MAX_HANDLES = 10
const MAX_FILES = 90
const MAX_FOLDERS = 14
const NAMES = ['a', 'b', 'c', 'D', 'd', 'e.txt', 'E.txt', 'f.tar.gz', 'g h', 'ж', 'i', 'j', 'k.part', '.l.swp', 'm', 'n', 'o', 'p~', 'bad:name'] // some for programs only, some that clash by case, one the portal refuses

const READING = ['open', 'open', 'close', 'pread', 'pread', 'pread', 'read', 'read', 'mapread', 'mapread', 'seek', 'stat', 'fstat', 'readdir'] as const
const EVERYTHING = [
  ...READING,
  ...['open', 'open', 'close', 'pread', 'stat', 'stat', 'pwrite', 'pwrite', 'pwrite', 'write', 'write', 'write', 'mapwrite', 'mapwrite', 'ftruncate', 'truncate'],
  ...['fallocate', 'fallocate', 'fsync', 'rename', 'rename', 'rename', 'unlink', 'unlink', 'mkdir', 'rmdir', 'utimes', 'futimes', 'chmod'],
] as const

export class Stream {
  readonly #o: StreamOptions
  readonly #dice: Dice
  readonly #operations: HandleOperations
  readonly #open: OpenFile[] = []
  readonly #kinds: readonly string[]
  #slot: number

  constructor(options: StreamOptions) {
    this.#o = options
    this.#dice = new Dice(options.random)
    this.#operations = new HandleOperations(this.#dice)
    this.#slot = options.firstSlot
    const kinds: readonly string[] = options.readsOnly === true ? READING : EVERYTHING
    this.#kinds = options.withoutMappings === true ? kinds.filter((kind) => !kind.startsWith('map')) : kinds
  }

  next(): Step {
    for (;;) {
      const step = this.#step(this.#dice.pick(this.#kinds))
      if (step !== undefined) return step
    }
  }

  /** Closes what is open, one step a time; undefined when nothing is. */
  last(): Step | undefined {
    return this.#close()
  }

  /** Undefined where the kind of operation makes no sense now. */
  #step(kind: string): Step | undefined {
    switch (kind) {
      case 'open':
        return this.#openOne()
      case 'close':
        return this.#open.length > MAX_HANDLES / 2 ? this.#close() : undefined
      case 'stat':
      case 'readdir':
      case 'chmod':
      case 'utimes':
      case 'truncate':
      case 'unlink':
      case 'rmdir':
      case 'mkdir':
      case 'rename':
        return this.#onPath(kind)
      default:
        return this.#onHandle(kind)
    }
  }

  #openOne(): Step | undefined {
    if (this.#open.length >= MAX_HANDLES) return undefined
    const { tree, readsOnly } = this.#o
    const mayMake = readsOnly !== true && this.#nodes('file').length < MAX_FILES
    const path = mayMake && this.#dice.chance(0.4) ? this.#anyPath() : (this.#pathOf('file') ?? this.#anyPath())
    const node = tree.find(path)
    const access = readsOnly === true ? flags.O_RDONLY : this.#dice.pick([flags.O_RDONLY, flags.O_WRONLY, flags.O_RDWR, flags.O_RDWR])
    let wanted: number = access
    if (mayMake && this.#dice.chance(0.5)) wanted |= flags.O_CREAT | (this.#dice.chance(0.2) ? flags.O_EXCL : 0)
    if (access !== flags.O_RDONLY) wanted |= (this.#dice.chance(0.15) ? flags.O_TRUNC : 0) | (this.#dice.chance(0.25) ? flags.O_APPEND : 0)
    if (typeof node === 'object' && node.kind === 'folder' && wanted === flags.O_RDONLY) return undefined // opens, and is no file
    const mode = 0o600 | this.#dice.below(0o200)
    const file = tree.open(path, wanted, mode)
    this.#slot += 1
    const runner = this.#dice.pick(this.#o.runners)
    const line = `open\t${this.#slot}\t${path}\t${wanted}\t${mode}`
    if (typeof file === 'number') return this.#at(runner, line, { errno: file })
    this.#open.push({ slot: this.#slot, runner, file, reads: access !== flags.O_WRONLY, writes: access !== flags.O_RDONLY, appends: (wanted & flags.O_APPEND) !== 0, position: 0 })
    return this.#at(runner, line, { errno: 0 })
  }

  #close(): Step | undefined {
    const [open] = this.#open.splice(this.#dice.below(this.#open.length), 1)
    return open === undefined ? undefined : this.#at(open.runner, `close\t${open.slot}`, { errno: 0 })
  }

  #onHandle(kind: string): Step | undefined {
    if (this.#open.length === 0) return undefined
    const open = this.#dice.pick(this.#open)
    const asked = this.#operations.ask(kind, open)
    return asked === undefined ? undefined : this.#at(open.runner, [kind, open.slot, ...asked.words].join('\t'), asked.expected)
  }

  #onPath(kind: string): Step | undefined {
    const { tree, folder } = this.#o
    const path = kind === 'stat' || kind === 'chmod' || kind === 'utimes' ? this.#someNode() : this.#anyPath()
    const node = tree.find(path)
    const errno = typeof node === 'number' ? node : 0
    const runner = this.#dice.pick(this.#o.runners)
    const step = (words: readonly (string | number)[], expected: Expected): Step => this.#at(runner, [kind, ...words].join('\t'), expected)
    switch (kind) {
      case 'stat':
        return step([path], typeof node === 'number' ? { errno } : { errno: 0, facts: factsOf(node), node })
      case 'readdir': {
        const listed = this.#dice.chance(0.7) ? (this.#pathOf('folder') ?? folder) : folder
        const found = tree.find(listed)
        if (!(found instanceof ModelFolder)) return undefined
        return this.#at(runner, `readdir\t${listed}`, { errno: 0, names: ['.', '..', ...found.children.keys()] })
      }
      case 'chmod': {
        const mode = typeof node === 'object' && node.kind === 'folder' ? 0o700 | this.#dice.below(0o100) : 0o600 | this.#dice.below(0o100)
        if (typeof node === 'object') node.mode = mode
        return step([path, mode], { errno })
      }
      case 'utimes': {
        const seconds = someTime(this.#dice)
        if (node instanceof ModelFile) node.setTime(seconds)
        return step([path, seconds], { errno })
      }
      case 'truncate': {
        const size = newSize(this.#dice, node instanceof ModelFile ? node.bytes.length : 0)
        if (node instanceof ModelFile) node.resize(size)
        return step([path, size], { errno: node instanceof ModelFolder ? E.EISDIR : errno })
      }
      case 'unlink':
        return step([path], { errno: tree.unlink(path) })
      case 'rmdir':
        return step([path], { errno: tree.rmdir(path) })
      case 'mkdir': {
        if (this.#nodes('folder').length >= MAX_FOLDERS) return undefined
        const mode = 0o700 | this.#dice.below(0o100)
        return step([path, mode], { errno: tree.mkdir(path, mode) })
      }
      case 'rename': {
        const from = this.#someNode()
        const to = this.#anyPath()
        const how = this.#dice.chance(0.15) ? RENAME_NOREPLACE : 0
        return step([from, to, how], { errno: tree.rename(from, to, how) })
      }
    }
    return undefined
  }

  /** Mostly something there, else a name that may be there, be free, or be below a file. */
  #anyPath(): string {
    if (this.#dice.chance(0.3)) return this.#someNode()
    const below = this.#dice.chance(0.05) ? this.#someNode() : (this.#pathOf('folder') ?? this.#o.folder)
    return `${this.#dice.chance(0.3) ? this.#o.folder : below}/${this.#dice.pick(NAMES)}`
  }

  #someNode(): string {
    const nodes = walk(this.#root(), this.#o.folder)
    return nodes.length === 0 || this.#dice.chance(0.05) ? `${this.#o.folder}/${this.#dice.pick(NAMES)}` : this.#dice.pick(nodes)[0]
  }

  #pathOf(kind: ModelNode['kind']): string | undefined {
    const paths = this.#nodes(kind)
    return paths.length === 0 ? undefined : this.#dice.pick(paths)
  }

  #nodes(kind: ModelNode['kind']): readonly string[] {
    return walk(this.#root(), this.#o.folder).flatMap(([path, node]) => (node.kind === kind ? [path] : []))
  }

  #root(): ModelFolder {
    const root = this.#o.tree.find(this.#o.folder)
    if (root instanceof ModelFolder) return root
    throw new Error(`${this.#o.folder} is no folder of the model`)
  }

  #at(runner: number, line: string, expected: Expected): Step {
    return { runner, line, expected }
  }
}

/** So many steps, then those that close what is open. */
export function steps(options: StreamOptions, count: number): () => Step | undefined {
  const stream = new Stream(options)
  let left = count
  return () => {
    left -= 1
    return left >= 0 ? stream.next() : stream.last()
  }
}
