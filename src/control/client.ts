/**
 * The asking side of the control door: one connection, requests with a deadline. A daemon that is not there is
 * `not-mounted`; one that takes the connection and then says nothing in time is `deadline`.
 */
import { connect, type Socket } from 'node:net'
import type { Clock } from '../base/clock.js'
import { DriveError, systemCode } from '../base/errors.js'
import type { CommandAnswer, CommandName, CommandRequest } from './commands.js'
import { LineReader } from './line-reader.js'
import { MAX_ANSWER_BYTES, parseAnswer } from './wire.js'

/** A healthy daemon answers a status at once; after this a person is told that it does not. */
export const ANSWER_TIMEOUT_MS = 2_000

interface Waiting {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

export class ControlClient {
  readonly #socket: Socket
  readonly #clock: Clock
  /** Resolves when the connection is gone: the daemon has closed its door, or died. */
  readonly closed: Promise<void>
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #failure: Error | undefined

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket
    this.#clock = clock
    const lines = new LineReader(MAX_ANSWER_BYTES)
    socket.on('data', (chunk: Buffer) => {
      this.#read(lines, chunk)
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#fail(new DriveError('not-mounted', 'the daemon ended before it answered'))
        resolve()
      })
    })
    socket.on('error', () => undefined) // 'close' follows and tells the waiters
  }

  static async open(socketPath: string, clock: Clock, timeoutMs = ANSWER_TIMEOUT_MS): Promise<ControlClient> {
    const socket = connect(socketPath)
    return await new Promise<ControlClient>((resolve, reject) => {
      const cancel = clock.setTimer(timeoutMs, () => {
        socket.destroy()
        reject(frozen())
      })
      socket.once('connect', () => {
        cancel()
        socket.off('error', onError)
        resolve(new ControlClient(socket, clock))
      })
      const onError = (error: Error): void => {
        cancel()
        reject(connectFailure(error))
      }
      socket.once('error', onError)
    })
  }

  /** `timeoutMs` Infinity waits as long as the daemon lives. */
  request<Name extends CommandName>(command: Name, request: CommandRequest<Name>, timeoutMs = ANSWER_TIMEOUT_MS): Promise<CommandAnswer<Name>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const cancel =
        timeoutMs === Infinity
          ? () => undefined
          : this.#clock.setTimer(timeoutMs, () => {
              this.#waiting.delete(id)
              reject(frozen())
            })
      this.#waiting.set(id, {
        resolve: (answer) => {
          cancel()
          resolve(answer as CommandAnswer<Name>) // the daemon is our own program of the same version
        },
        reject: (error) => {
          cancel()
          reject(error)
        },
      })
      this.#socket.write(`${JSON.stringify({ id, command, request })}\n`)
    })
  }

  /** Cuts the connection; whatever the daemon still does for it is aborted. */
  async close(): Promise<void> {
    this.#socket.destroy()
    await this.closed
  }

  #read(lines: LineReader, chunk: Buffer): void {
    const read = lines.push(chunk)
    if (read === 'too-long') {
      this.#fail(new DriveError('bad-answer', 'the daemon answered more than can be read'))
      return
    }
    try {
      for (const line of read) this.#settle(line)
    } catch (error) {
      this.#fail(error instanceof Error ? error : new DriveError('bad-answer', String(error)))
    }
  }

  #settle(line: string): void {
    const frame = parseAnswer(line)
    if (frame.id === null) {
      if ('error' in frame) this.#fail(new DriveError(frame.error.code, frame.error.message))
      return
    }
    const waiting = this.#waiting.get(frame.id)
    this.#waiting.delete(frame.id) // an answer after its deadline finds nobody
    if ('error' in frame) waiting?.reject(new DriveError(frame.error.code, frame.error.message))
    else waiting?.resolve(frame.answer)
  }

  #fail(error: Error): void {
    this.#failure ??= error
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
    this.#socket.destroy()
  }
}

function frozen(): DriveError {
  return new DriveError('deadline', 'the daemon does not answer: see its log, or end it with "elastic-drive unmount --force"')
}

function connectFailure(error: Error): DriveError {
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTDIR':
      return new DriveError('not-mounted', 'the drive is not mounted: mount it with "elastic-drive mount"', { cause: error })
    case 'EACCES':
      return new DriveError('forbidden', 'the control socket belongs to another user', { cause: error })
    case undefined:
    default:
      return new DriveError('internal', 'the control socket cannot be reached', { cause: error })
  }
}
