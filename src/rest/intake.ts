/**
 * Takes the pieces of a stream as they come and hands them over one by one: faster than the stream's own iterator, which
 * stops the socket after every piece. Holds at most what LIMIT_BYTES and one piece are, then lets the sender wait.
 */
import type { Readable } from 'node:stream'

const LIMIT_BYTES = 1024 * 1024 // enough that neither side waits for the other's turn of the event loop

export class Intake {
  readonly #stream: Readable
  #pieces: Uint8Array[] = []
  /** Index of the next piece in `#pieces`. */
  #next = 0
  #heldBytes = 0
  #end: 'ended' | Error | undefined
  #wake: (() => void) | undefined

  constructor(stream: Readable) {
    this.#stream = stream
    if (stream.errored instanceof Error) this.#end = stream.errored
    else if (stream.readableEnded) this.#end = 'ended'
    else if (stream.destroyed) this.#end = new Error('the stream was closed')
    stream.on('data', this.#onData)
    stream.once('end', this.#onEnd)
    stream.once('error', this.#onError)
    stream.once('close', this.#onClose)
  }

  /** There is a piece, or the end, without waiting. */
  get isReady(): boolean {
    return this.#next < this.#pieces.length || this.#end !== undefined
  }

  /** Resolves when `isReady`. */
  ready(): Promise<void> {
    if (this.isReady) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** The next piece, undefined at the end. Only when `isReady`. Throws the stream's error after its last piece. */
  take(): Uint8Array | undefined {
    const piece = this.#pieces[this.#next]
    if (piece === undefined) {
      if (this.#end instanceof Error) throw this.#end
      return undefined
    }
    this.#next += 1
    this.#heldBytes -= piece.byteLength
    if (this.#next === this.#pieces.length) {
      this.#pieces = []
      this.#next = 0
      if (this.#stream.isPaused()) this.#stream.resume()
    }
    return piece
  }

  /** Closes the stream where it is. */
  close(): void {
    this.#stream.removeListener('data', this.#onData)
    this.#stream.destroy()
    this.#pieces = []
    this.#next = 0
  }

  readonly #onData = (piece: Uint8Array): void => {
    this.#pieces.push(piece)
    this.#heldBytes += piece.byteLength
    if (this.#heldBytes >= LIMIT_BYTES) this.#stream.pause()
    this.#rouse()
  }

  readonly #onEnd = (): void => {
    this.#finish('ended')
  }

  readonly #onError = (error: Error): void => {
    this.#finish(error)
  }

  readonly #onClose = (): void => {
    this.#finish(new Error('the stream was closed'))
  }

  #finish(end: 'ended' | Error): void {
    this.#end ??= end
    this.#rouse()
  }

  #rouse(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
