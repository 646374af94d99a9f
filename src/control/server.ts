/**
 * The control door: a local socket, 0600 in a directory only its owner may enter (the peer check), on which the command
 * line asks the daemon. Requests of one connection run side by side; a connection that closes aborts those still
 * running. Assumes that the caller holds the profile's lock, so a socket file found here is a dead one.
 */
import { chmod, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../base/clock.js'
import { DriveError, errorCode, errorText } from '../base/errors.js'
import type { Log } from '../base/log.js'
import { redact } from '../base/redact.js'
import type { CommandAnswer, CommandName, DaemonCommands } from './commands.js'
import { LineReader } from './line-reader.js'
import { MAX_REQUEST_BYTES, parseRequest, REQUEST_READERS, requestObject, type AnswerFrame, type RequestFrame } from './wire.js'

/** Far above what one user's windows and shells ask at once. */
const MAX_CONNECTIONS = 128
/** A peer that does not read its last answer must not hold up the daemon's end. */
const LAST_ANSWER_MS = 1_000

interface Guest {
  readonly socket: Socket
  readonly gone: AbortController
}

export class ControlServer {
  readonly #path: string
  readonly #commands: DaemonCommands
  readonly #clock: Clock
  readonly #log: Log
  #server: Server | undefined
  /** Open connections. */
  readonly #guests = new Set<Guest>()
  /** Handlers that have not settled; `stop` waits for them. */
  readonly #running = new Set<Promise<void>>()
  #stopping = false

  constructor(options: { socketPath: string; commands: DaemonCommands; clock: Clock; log: Log }) {
    this.#path = options.socketPath
    this.#commands = options.commands
    this.#clock = options.clock
    this.#log = options.log
  }

  /** Resolves when the door is open. The directory of the socket must exist, 0700 and ours. */
  async start(): Promise<void> {
    await rm(this.#path, { force: true })
    const server = createServer((socket) => {
      this.#welcome(socket)
    })
    server.maxConnections = MAX_CONNECTIONS
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#path, () => {
        server.off('error', reject)
        resolve()
      })
    })
    server.on('error', (error) => {
      this.#log.error({ error: errorText(error) }, 'the control door failed')
    })
    await chmod(this.#path, 0o600)
    this.#server = server
  }

  /** Aborts what runs, waits for it, lets answers already given reach their askers, and removes the socket. */
  async stop(): Promise<void> {
    this.#stopping = true
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        resolve()
      })
    })
    for (const guest of this.#guests) guest.gone.abort(new DriveError('cancelled', 'the daemon is stopping'))
    await Promise.allSettled([...this.#running])
    for (const { socket } of this.#guests) socket.destroySoon()
    const cancel = this.#clock.setTimer(LAST_ANSWER_MS, () => {
      for (const { socket } of this.#guests) socket.destroy()
    })
    await closed
    cancel()
    await rm(this.#path, { force: true })
  }

  #welcome(socket: Socket): void {
    if (this.#stopping) {
      socket.destroy()
      return
    }
    const guest = { socket, gone: new AbortController() }
    const lines = new LineReader(MAX_REQUEST_BYTES)
    this.#guests.add(guest)
    socket.on('data', (chunk: Buffer) => {
      const read = lines.push(chunk)
      if (read === 'too-long') {
        send(socket, { id: null, error: { code: 'bad-argument', message: 'the request is too long' } })
        socket.destroySoon()
        return
      }
      for (const line of read) if (line !== '') this.#take(line, guest)
    })
    socket.on('error', (error) => {
      this.#log.debug({ error: errorText(error) }, 'an asker went away')
    })
    socket.on('close', () => {
      this.#guests.delete(guest)
      guest.gone.abort(new DriveError('cancelled', 'the asker went away'))
    })
  }

  #take(line: string, guest: Guest): void {
    const running = this.#answer(line, guest).finally(() => {
      this.#running.delete(running)
    })
    this.#running.add(running)
  }

  /** Never rejects: a failure is the answer. */
  async #answer(line: string, { socket, gone }: Guest): Promise<void> {
    let frame: RequestFrame | undefined
    try {
      frame = parseRequest(line)
      send(socket, { id: frame.id, answer: await this.#run(frame.command, frame.request, gone.signal) })
    } catch (error) {
      const code = errorCode(error)
      if (code === 'internal') this.#log.error({ command: frame?.command, error: errorText(error) }, 'a request at the control door failed')
      const id = frame?.id ?? idOfFailure(error)
      send(socket, { id, error: { code, message: redact(errorText(error)) } })
    }
  }

  #run<Name extends CommandName>(command: Name, request: unknown, signal: AbortSignal): Promise<CommandAnswer<Name>> {
    return this.#commands[command](REQUEST_READERS[command](requestObject(request)), signal)
  }
}

function send(socket: Socket, frame: AnswerFrame): void {
  if (socket.writable) socket.write(`${JSON.stringify(frame)}\n`)
}

function idOfFailure(error: unknown): number | null {
  return error instanceof DriveError && typeof error.fields.id === 'number' ? error.fields.id : null
}
