/** What an operation of the path engine is: its arguments as they come, what it does, and what goes with its answer. */
import { constants } from 'node:os'
import { DriveError } from '../base/errors.js'
import type { Caller, FileSystem } from '../fs/operations.js'
import type { FuseNativeRecord, RawArgument } from './fuse-native-binding.js'
import type { FuseNativeFiles } from './fuse-native-files.js'
import type { FuseNativePaths } from './fuse-native-paths.js'
import { wide } from './fuse-native-numbers.js'

const { errno } = constants

/** What operations work with; one for a mount. */
export interface PathDoor {
  readonly fileSystem: FileSystem
  readonly paths: FuseNativePaths
  readonly files: FuseNativeFiles
}

/** One request. Ids of the asker do not come through fuse-native: they are this process's, and the process is 0. */
export class PathRequest implements Caller {
  readonly record: FuseNativeRecord
  readonly uid = process.geteuid?.() ?? 0
  readonly gid = process.getegid?.() ?? 0
  readonly pid = 0
  readonly #args: readonly RawArgument[]
  #abort: AbortController | undefined
  #over = false

  constructor(record: FuseNativeRecord, args: readonly RawArgument[]) {
    this.record = record
    this.#args = args
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#over) this.abort()
    return this.#abort.signal
  }

  /** It was answered: memory that came with it is libfuse's again. */
  get isOver(): boolean {
    return this.#over
  }

  end(): void {
    this.#over = true
  }

  abort(): void {
    this.#abort?.abort(new DriveError('interrupted', 'nobody waits for the answer any more'))
  }

  get path(): string {
    return this.text(0)
  }

  text(place: number): string {
    return String(this.#args[place])
  }

  number(place: number): number {
    return Number(this.#args[place])
  }

  wide(place: number): number {
    return wide(this.#args[place], this.#args[place + 1])
  }

  buffer(place: number): Buffer {
    return this.#args[place] as Buffer
  }
}

export interface PathAnswer {
  /** ≥ 0, or a negative errno. */
  readonly result: number
  readonly rest: readonly unknown[]
}

export interface PathOperation {
  call(door: PathDoor, request: PathRequest): Promise<PathAnswer> | PathAnswer
  /** What fuse-native wants beside a result that is a failure. */
  readonly onFailure: (request: PathRequest) => readonly unknown[]
  /** The answer came after the request was over: what it would have given to the kernel is given back. */
  takeBack?(door: PathDoor, request: PathRequest, answer: PathAnswer): Promise<void>
}

export const DONE: PathAnswer = { result: 0, rest: [] }

/** An operation whose answer is its result alone. */
export function plain(work: (door: PathDoor, request: PathRequest) => Promise<unknown>): PathOperation {
  return {
    call: async (door, request) => {
      await work(door, request)
      return DONE
    },
    onFailure: () => [],
  }
}

/** What the portal cannot store (DESIGN.md section 6, Names). */
export const refused: PathOperation = { call: () => ({ result: -errno.EPERM, rest: [] }), onFailure: () => [] }
