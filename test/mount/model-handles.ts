/** Random operations on an open file: what is asked, and what the model says to it. */
import { constants } from 'node:os'
import { MAX_FILE_BYTES, pattern, type ModelFile } from './model-bytes.js'
import { factsOf, type Expected } from './model-check.js'
import type { Dice } from './model-dice.js'

const { errno: E } = constants

export interface OpenFile {
  readonly slot: number
  /** The worker process that has it open. */
  readonly runner: number
  readonly file: ModelFile
  readonly reads: boolean
  readonly writes: boolean
  readonly appends: boolean
  position: number
}

/** The words after the handle, and the answer. */
export interface Asked {
  readonly words: readonly number[]
  readonly expected: Expected
}

// linux/falloc.h
const KEEP_SIZE = 1
const PUNCH_HOLE = 2
const COLLAPSE_RANGE = 8
const ZERO_RANGE = 16

const MOST_BYTES_AT_ONCE = 20_000

export class HandleOperations {
  readonly #dice: Dice
  #tag = 0

  constructor(dice: Dice) {
    this.#dice = dice
  }

  /** Undefined where the operation makes no sense on this file now. */
  ask(kind: string, open: OpenFile): Asked | undefined {
    switch (kind) {
      case 'fstat':
        return { words: [], expected: { errno: 0, facts: factsOf(open.file), node: open.file } }
      case 'seek':
        open.position = this.#dice.below(open.file.bytes.length + 100)
        return { words: [open.position], expected: { errno: 0, value: open.position } }
      case 'pread':
      case 'read':
        return this.#read(kind, open)
      case 'mapread':
        return this.#mapRead(open)
      case 'pwrite':
      case 'write':
        return this.#write(kind, open)
      case 'mapwrite':
        return this.#mapWrite(open)
      case 'fallocate':
        return this.#allocate(open)
      case 'ftruncate': {
        const size = newSize(this.#dice, open.file.bytes.length)
        if (open.writes) open.file.resize(size)
        return { words: [size], expected: { errno: open.writes ? 0 : E.EINVAL } }
      }
      case 'futimes': {
        const seconds = someTime(this.#dice)
        open.file.setTime(seconds)
        return { words: [seconds], expected: { errno: 0 } }
      }
      case 'fsync':
        return { words: [], expected: { errno: 0 } }
    }
    return undefined
  }

  #read(kind: 'pread' | 'read', open: OpenFile): Asked {
    const length = 1 + this.#dice.below(MOST_BYTES_AT_ONCE)
    const offset = kind === 'read' ? open.position : this.#dice.below(open.file.bytes.length + 100)
    const words = kind === 'read' ? [length] : [offset, length]
    if (!open.reads) return { words, expected: { errno: E.EBADF } }
    const bytes = open.file.read(offset, length)
    if (kind === 'read') open.position += bytes.length
    return { words, expected: told(bytes) }
  }

  #mapRead({ file, reads }: OpenFile): Asked | undefined {
    const size = file.bytes.length
    if (size === 0) return undefined // touching a mapping behind the end kills the process
    const offset = this.#dice.below(size)
    const length = Math.min(1 + this.#dice.below(MOST_BYTES_AT_ONCE), size - offset)
    return { words: [offset, length], expected: reads ? told(file.read(offset, length)) : { errno: E.EACCES } }
  }

  #write(kind: 'pwrite' | 'write', open: OpenFile): Asked | undefined {
    const { file, writes, appends } = open
    const size = file.bytes.length
    const offset = kind === 'write' ? open.position : this.#dice.below(Math.min(size + 5_000, MAX_FILE_BYTES - 1))
    const at = appends ? size : offset // O_APPEND rules out pwrite's offset too, on Linux
    const length = Math.min(1 + this.#dice.below(this.#dice.chance(0.5) ? 200 : MOST_BYTES_AT_ONCE), MAX_FILE_BYTES - at)
    if (length <= 0) return undefined
    const tag = this.#newTag()
    const words = kind === 'write' ? [length, tag] : [offset, length, tag]
    if (!writes) return { words, expected: { errno: E.EBADF } }
    file.write(at, pattern(tag, length))
    if (kind === 'write') open.position = at + length
    return { words, expected: { errno: 0, value: length } }
  }

  #mapWrite({ file, reads, writes }: OpenFile): Asked | undefined {
    const size = file.bytes.length
    if (size === 0) return undefined
    const offset = this.#dice.below(size)
    const length = Math.min(1 + this.#dice.below(MOST_BYTES_AT_ONCE), size - offset)
    const sync = this.#dice.chance(0.5)
    const tag = this.#newTag()
    const words = [offset, length, tag, Number(sync)]
    if (!reads || !writes) return { words, expected: { errno: E.EACCES } }
    file.write(offset, pattern(tag, length))
    if (!sync) file.hasLazyStores = true
    return { words, expected: { errno: 0, value: length } }
  }

  #allocate({ file, writes }: OpenFile): Asked {
    const mode = this.#dice.pick([0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE, ZERO_RANGE | KEEP_SIZE, COLLAPSE_RANGE])
    const offset = this.#dice.below(Math.min(file.bytes.length + 2_000, MAX_FILE_BYTES - 1))
    const length = 1 + this.#dice.below(Math.min(30_000, MAX_FILE_BYTES - offset))
    const words = [mode, offset, length]
    if (!writes) return { words, expected: { errno: E.EBADF } }
    if (mode === COLLAPSE_RANGE) return { words, expected: { errno: E.EOPNOTSUPP } }
    if ((mode & (PUNCH_HOLE | ZERO_RANGE)) !== 0) file.punch(offset, length)
    if ((mode & KEEP_SIZE) === 0 && offset + length > file.bytes.length) file.resize(offset + length)
    file.mtimeSec = null
    return { words, expected: { errno: 0 } }
  }

  #newTag(): number {
    this.#tag += 1
    return this.#tag
  }
}

/** Often nothing, else less or somewhat more than before. */
export function newSize(dice: Dice, size: number): number {
  return dice.chance(0.2) ? 0 : dice.below(Math.min(size + 10_000, MAX_FILE_BYTES))
}

export function someTime(dice: Dice): number {
  return 1_000_000_000 + dice.below(700_000_000)
}

function told(bytes: Buffer): Expected {
  return { errno: 0, value: bytes.length, bytes }
}
