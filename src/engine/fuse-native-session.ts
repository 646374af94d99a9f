/**
 * A mount through fuse-native while it lives: calls the operation for each request of libfuse, and answers exactly once.
 * Each request that waits holds a thread of libfuse, so `stop` answers all of them. Mounting and unmounting are not its
 * business.
 */
import { constants } from 'node:os'
import { DriveError, errorCode, errorText } from '../base/errors.js'
import type { Log } from '../base/log.js'
import { ERRNO } from '../fs/errno.js'
import type { FileSystem, KernelNotices } from '../fs/operations.js'
import * as attributes from './fuse-native-attributes.js'
import { OPERATION_NUMBERS, OPERATION_PLACES, type FuseNativeBinding, type OperationName, type RawHandler } from './fuse-native-binding.js'
import * as contents from './fuse-native-contents.js'
import { FuseNativeFiles } from './fuse-native-files.js'
import * as names from './fuse-native-names.js'
import { PathRequest, refused, type PathAnswer, type PathDoor, type PathOperation } from './fuse-native-operation.js'
import { FuseNativePaths } from './fuse-native-paths.js'

const { errno } = constants

/** Total but for INIT: an operation that fuse-native learns does not compile until it has a row. */
const OPERATIONS: Readonly<Record<Exclude<OperationName, 'init'>, PathOperation>> = {
  ...attributes,
  ...contents,
  ...names,
  link: refused,
  symlink: refused,
}

export interface FuseNativeSessionOptions {
  readonly binding: FuseNativeBinding
  readonly fileSystem: FileSystem
  readonly log: Log
}

export class FuseNativeSession {
  readonly #binding: FuseNativeBinding
  readonly #door: PathDoor
  readonly #log: Log
  /** Memory of libuv's handle, which is never closed: whoever is called back holds it for the life of the process. */
  readonly #thread: Buffer
  /** Unanswered requests, each with what lets it fail. */
  readonly #waiting = new Map<PathRequest, (errno: number) => void>()
  #stopped = false
  #folder = ''
  /** Resolves when the kernel and libfuse have agreed. */
  readonly initialised: Promise<void>
  #resolveInitialised: () => void = () => undefined

  constructor({ binding, fileSystem, log }: FuseNativeSessionOptions) {
    this.#binding = binding
    const paths = new FuseNativePaths(fileSystem)
    this.#door = { fileSystem, paths, files: new FuseNativeFiles(paths.dentries) }
    this.#log = log
    this.#thread = Buffer.alloc(binding.sizeof_fuse_thread_t)
    this.initialised = new Promise((resolve) => {
      this.#resolveInitialised = resolve
    })
  }

  /** What the drive tells the kernel reaches at least our own names; the kernel's go by their short validity. */
  get notices(): KernelNotices {
    return this.#door.paths.dentries.notices
  }

  /** `options` as for `-o`. Fails with `mount-failed`; libfuse says why on standard error. */
  mount(folder: string, options: readonly string[]): void {
    const handlers: RawHandler[] = Array.from({ length: OPERATION_PLACES }, () => () => undefined)
    const implemented = new Uint32Array(OPERATION_PLACES)
    for (const [name, place] of Object.entries(OPERATION_NUMBERS) as [OperationName, number][]) {
      handlers[place] = name === 'init' ? this.#initialise : this.#handler(name, OPERATIONS[name])
      implemented[place] = 1
    }
    const receiver = { thread: this.#thread }
    this.#folder = folder
    try {
      this.#binding.fuse_native_mount(folder, `-o${options.join(',')}`, this.#thread, receiver, (sizeBytes) => Buffer.alloc(sizeBytes), handlers, implemented)
    } catch (error) {
      throw new DriveError('mount-failed', `${folder} could not be mounted through libfuse 2: it says why on standard error.`, { cause: error, fields: { folder } })
    }
  }

  /** Answers everything that waits, and all that still comes, with ENOTCONN. */
  stop(): void {
    this.#stopped = true
    for (const [request, fail] of this.#waiting) {
      request.abort()
      fail(errno.ENOTCONN)
    }
  }

  /** libfuse has closed the device: what the kernel held is given back, and the event loop may end. */
  close(): void {
    this.stop()
    this.#door.paths.clear()
    this.#binding.fuse_native_unmount(this.#folder, this.#thread)
  }

  readonly #initialise: RawHandler = (record) => {
    this.#binding.fuse_native_signal_init(record, 0)
    this.#resolveInitialised()
  }

  #handler(name: OperationName, operation: PathOperation): RawHandler {
    const signal = this.#binding[`fuse_native_signal_${name}`]
    return (record, _number, ...args) => {
      const request = new PathRequest(record, args)
      const answer = ({ result, rest }: PathAnswer): void => {
        request.end()
        this.#waiting.delete(request)
        signal(record, result, ...rest)
      }
      const fail = (code: number): void => {
        answer({ result: -code, rest: operation.onFailure(request) })
      }
      if (this.#stopped) {
        fail(errno.ENOTCONN)
        return
      }
      this.#waiting.set(request, fail)
      void this.#run(name, operation, request).then((result) => {
        if (request.isOver) this.#takeBack(operation, request, result)
        else answer(result)
      })
    }
  }

  #takeBack(operation: PathOperation, request: PathRequest, answer: PathAnswer): void {
    operation.takeBack?.(this.#door, request, answer).catch((error: unknown) => {
      this.#log.error({ code: errorCode(error), error: errorText(error) }, 'what follows a request failed')
    })
  }

  /** Never rejects. */
  async #run(name: OperationName, operation: PathOperation, request: PathRequest): Promise<PathAnswer> {
    try {
      return await operation.call(this.#door, request)
    } catch (error) {
      const code = errorCode(error)
      if (ERRNO[code] === errno.EIO) {
        const fields = error instanceof DriveError ? error.fields : undefined
        this.#log.error({ operation: name, code, error: errorText(error), fields }, 'a request failed')
      }
      return { result: -ERRNO[code], rest: operation.onFailure(request) }
    }
  }
}
