/**
 * The TypeScript half of a mounted connection: takes batches of requests from native code, dispatches each, and sends
 * exactly one reply. Which nodes and handles the kernel did not take over with a reply is given back to the filesystem.
 * Owns the native session from construction to the end of the connection; mounting and unmounting are not its business.
 */
import { constants } from 'node:os'
import type { Clock } from '../base/clock.js'
import { DriveError, errorCode, errorText } from '../base/errors.js'
import type { ContentId, Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { ERRNO } from '../fs/errno.js'
import type { FileSystem } from '../fs/operations.js'
import { dispatchTable, notImplemented } from './dispatch-table.js'
import type { EngineFeature } from './engine-features.js'
import type { FuseAddon, FuseSession, RequestId } from './fuse-addon.js'
import { decodeInit, encodeInit, negotiate, type Agreement } from './init.js'
import { Interrupts } from './interrupts.js'
import type { Operation } from './operation.js'
import { RecordReader } from './record-reader.js'
import { ReplyWriter } from './reply-writer.js'
import { Request } from './request.js'
import { OPCODES } from './wire-layout.js'

const { errno } = constants

const READERS = 2
// After so many batches timers and sockets get their turn.
const BATCHES_A_TURN = 4
const USAGE_EVERY_MS = 1000

export interface KernelSessionOptions {
  readonly addon: FuseAddon
  /** An open /dev/fuse; the session owns it from now on. */
  readonly device: number
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly log: Log
  /** What the engine does without. */
  readonly without?: readonly EngineFeature[]
}

/** Why a connection ended: unmounted (or stopped by us), aborted by somebody, or the device failed. */
export type EndReason = 'unmounted' | 'aborted' | 'failed'

export class KernelSession {
  readonly #fileSystem: FileSystem
  readonly #clock: Clock
  readonly #without: readonly EngineFeature[]
  readonly #log: Log
  readonly #session: FuseSession
  readonly #records: RecordReader
  readonly #table = dispatchTable()
  readonly #reply = new ReplyWriter()
  readonly #interrupts: Interrupts
  /** Requests whose filesystem call has not settled. One that was answered early stays until it has. */
  readonly #waiting = new Map<RequestId, Request>()
  #closed = false
  #cancelUsage: () => void = () => undefined
  /** What INIT agreed on; rejects with `mount-failed` when the kernel is too old or the connection ends before. */
  readonly initialised: Promise<Agreement>
  /** Resolved when nothing of the session runs any more. */
  readonly ended: Promise<EndReason>
  #resolveInitialised: (agreement: Agreement) => void = () => undefined
  #rejectInitialised: (error: unknown) => void = () => undefined
  #resolveEnded: (reason: EndReason) => void = () => undefined

  constructor({ addon, device, fileSystem, clock, log, without = [] }: KernelSessionOptions) {
    this.#fileSystem = fileSystem
    this.#clock = clock
    this.#without = without
    this.#log = log
    this.#interrupts = new Interrupts(clock, (request) => {
      this.#kill(request)
    })
    const batch = Buffer.alloc(RecordReader.batchBytes)
    this.#session = new addon.FuseSession(device, without.includes('second-reader') ? 1 : READERS, batch, this.#drain)
    this.#records = new RecordReader(batch, this.#session)
    this.initialised = new Promise((resolve, reject) => {
      this.#resolveInitialised = resolve
      this.#rejectInitialised = reject
    })
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
    // Nobody has to wait for INIT.
    this.initialised.catch(() => undefined)
  }

  get native(): FuseSession {
    return this.#session
  }

  /** Answers everything that is unanswered with ENOTCONN and lets the connection go; `ended` follows. */
  stop(): void {
    if (this.#closed) return
    this.#abortWaiting()
    this.#session.stop(errno.ENOTCONN)
  }

  readonly #drain = (): void => {
    for (let turn = 0; turn < BATCHES_A_TURN && !this.#closed; turn += 1) {
      const batchBytes = this.#session.takeBatch()
      if (batchBytes === 0) return
      this.#records.start(batchBytes)
      while (this.#records.next()) this.#accept()
    }
    if (!this.#closed) setImmediate(this.#drain)
  }

  #accept(): void {
    const { kind, id } = this.#records
    if (kind === 'request') {
      this.#dispatch(id)
    } else if (kind === 'interrupt') {
      const request = this.#waiting.get(id)
      if (request !== undefined) this.#interrupts.interrupt(request)
    } else if (kind === 'usage') {
      this.#tellUsage()
    } else {
      this.#end(id)
    }
  }

  /** Until nothing is used any more, so that a busy mount is looked at once a second and an idle one never. */
  #tellUsage(): void {
    if (this.#closed) return
    const { folders, contents } = this.#session.takeUsage()
    if (folders.length === 0 && contents.length === 0) return
    this.#fileSystem.noteUse?.(Array.from(folders) as Ino[], Array.from(contents) as ContentId[])
    this.#cancelUsage = this.#clock.setTimer(USAGE_EVERY_MS, () => {
      this.#tellUsage()
    })
  }

  #dispatch(id: RequestId): void {
    const { header, args, slot } = this.#records
    if (header.opcode === OPCODES.init) {
      this.#initialise(id)
      this.#releaseSlot(slot)
      return
    }
    const entry = this.#table.get(header.opcode) ?? notImplemented
    if ('errno' in entry) {
      this.#session.replyError(id, entry.errno)
      this.#releaseSlot(slot)
      return
    }
    const request = new Request(id, header)
    if ('tell' in entry) {
      this.#guard(request, () => {
        entry.tell(this.#fileSystem, args, request)
      })
      this.#releaseSlot(slot)
      return
    }
    let answer: unknown
    try {
      answer = entry.call(this.#fileSystem, args, request)
    } catch (error) {
      this.#fail(request, error)
      this.#releaseSlot(slot)
      return
    }
    if (!(answer instanceof Promise)) {
      this.#succeed(request, entry, answer)
      this.#releaseSlot(slot)
      return
    }
    this.#waiting.set(id, request)
    const settled = (): void => {
      this.#waiting.delete(id)
      this.#interrupts.answered(id)
      this.#releaseSlot(slot)
    }
    answer.then(
      (value: unknown) => {
        this.#succeed(request, entry, value)
        settled()
      },
      (error: unknown) => {
        this.#fail(request, error)
        settled()
      },
    )
  }

  #succeed(request: Request, operation: Operation<unknown>, value: unknown): void {
    let delivered = false
    try {
      this.#reply.reset()
      operation.encode(this.#reply, value, request)
      delivered = this.#sent(request, this.#session.replyData(request.id, this.#reply.bytes, this.#reply.lengthBytes))
    } catch (error) {
      this.#fail(request, error)
    }
    this.#guard(request, () => operation.settle?.(this.#fileSystem, value, request, delivered))
  }

  #fail(request: Request, error: unknown): void {
    const code = errorCode(error)
    if (ERRNO[code] === errno.EIO) this.#logFailure(request, error, 'a request failed')
    else this.#log.debug({ opcode: request.opcode, node: request.node, code }, 'a request was refused')
    this.#sent(request, this.#session.replyError(request.id, ERRNO[code]))
  }

  /** Runs what has no reply that could carry a failure. */
  #guard(request: Request, run: () => void | Promise<void>): void {
    const log = (error: unknown): void => {
      this.#logFailure(request, error, 'what follows a request failed')
    }
    try {
      const running = run()
      if (running instanceof Promise) running.catch(log)
    } catch (error) {
      log(error)
    }
  }

  #sent(request: Request, failure: number): boolean {
    // ENOENT: answered early, or the connection was aborted; EBADF: it is closed.
    if (failure !== 0 && failure !== errno.ENOENT && failure !== errno.EBADF && failure !== errno.ENODEV && failure !== errno.EPERM) {
      this.#log.error({ opcode: request.opcode, node: request.node, errno: failure }, 'the kernel refused a reply')
    }
    return failure === 0
  }

  #logFailure(request: Request, error: unknown, message: string): void {
    const fields = error instanceof DriveError ? error.fields : undefined
    this.#log.error({ opcode: request.opcode, node: request.node, code: errorCode(error), error: errorText(error), fields }, message)
  }

  /** The asking process is being killed. */
  #kill(request: Request): void {
    request.abort()
    const entry = this.#table.get(request.opcode)
    if (entry !== undefined && 'retractable' in entry && entry.retractable) this.#session.replyError(request.id, errno.EINTR)
  }

  #initialise(id: RequestId): void {
    try {
      const offer = decodeInit(this.#records.args)
      const agreement = negotiate(offer, this.#without)
      this.#reply.reset()
      encodeInit(this.#reply, agreement)
      this.#session.replyData(id, this.#reply.bytes, this.#reply.lengthBytes)
      if (agreement === undefined) return
      this.#log.debug({ offer, agreement }, 'the kernel and the engine agreed')
      this.#resolveInitialised(agreement)
    } catch (error) {
      this.#session.replyError(id, errno.EPROTO)
      this.#rejectInitialised(error)
    }
  }

  #releaseSlot(slot: number | undefined): void {
    if (slot !== undefined) this.#session.releaseSlot(slot)
  }

  #abortWaiting(): void {
    this.#interrupts.stop()
    for (const request of this.#waiting.values()) request.abort()
  }

  #end(failure: number): void {
    this.#closed = true
    this.#cancelUsage()
    this.#abortWaiting()
    this.#session.close()
    const reason: EndReason = failure === 0 || failure === errno.ENODEV ? 'unmounted' : failure === errno.ECONNABORTED ? 'aborted' : 'failed'
    this.#rejectInitialised(new DriveError('mount-failed', 'The connection to the kernel ended before it began.'))
    this.#log.info({ reason, errno: failure }, 'the connection to the kernel ended')
    this.#resolveEnded(reason)
  }
}

