/**
 * One download under way: takes the body as it comes, hands it on in pieces while the next are arriving, and waits when
 * it is told that nobody wants more yet. Ends exactly once, done, cut or failed. Leaving the body closes the connection.
 */
import type { ByteRange } from '../base/byte-ranges.js'
import { DriveError, errorText } from '../base/errors.js'
import type { Download } from '../drive/drive.js'

export type StreamOutcome = { readonly kind: 'done' | 'cut' } | { readonly kind: 'failed'; readonly error: unknown; readonly inBody: boolean }

export interface StreamHost {
  open(stream: RangeStream, signal: AbortSignal): Promise<Download>
  /** The bytes that come are known now: perhaps the whole file instead of the range. */
  opened(stream: RangeStream): void
  /** Bytes came in (they are not delivered yet). */
  arrived(stream: RangeStream): void
  /** Takes the bytes; the next ones come when this is done. */
  deliver(stream: RangeStream, offset: number, bytes: Uint8Array): Promise<void>
  /** Resolves when more bytes of the stream are wanted; undefined: at once. */
  whenWanted(stream: RangeStream): Promise<void> | undefined
}

const BUFFERED_BYTES = 1024 * 1024 // pieces that arrive while one is being written go together

export class RangeStream {
  /** Why it was started; a person who waits, or somebody who wants the file kept. */
  readonly purpose: 'read' | 'hydrate'
  /** What was asked for, before the portal's answer. */
  readonly asked: ByteRange
  readonly #host: StreamHost
  readonly #cutter = new AbortController()
  #range: ByteRange
  /** Delivered up to here. */
  #position: number
  #receivedTo: number
  #isOpen = false
  /** How far readers have come; set by the transfer. */
  demandEnd: number
  readonly ended: Promise<StreamOutcome>

  constructor(host: StreamHost, options: { purpose: 'read' | 'hydrate'; range: ByteRange; demandEnd: number }) {
    this.#host = host
    this.purpose = options.purpose
    this.asked = options.range
    this.#range = options.range
    this.#position = options.range.start
    this.#receivedTo = options.range.start
    this.demandEnd = options.demandEnd
    this.ended = this.#run()
  }

  get range(): ByteRange {
    return this.#range
  }

  get position(): number {
    return this.#position
  }

  get receivedTo(): number {
    return this.#receivedTo
  }

  /** Bytes are coming (false: the answer is still awaited). */
  get isOpen(): boolean {
    return this.#isOpen
  }

  get isCut(): boolean {
    return this.#cutter.signal.aborted
  }

  get remainingBytes(): number {
    return this.#range.end - this.#position
  }

  /** Closes the connection; `ended` resolves when nothing of it runs any more. */
  cut(): void {
    this.#cutter.abort(new DriveError('cancelled', 'the download was cut'))
  }

  /** Resolves when the stream is cut, for waits that must end with it. */
  get cutSignal(): AbortSignal {
    return this.#cutter.signal
  }

  async #run(): Promise<StreamOutcome> {
    try {
      const download = await this.#host.open(this, this.#cutter.signal)
      this.#range = download.range
      this.#position = download.range.start
      this.#receivedTo = download.range.start
      this.#isOpen = true
      this.#host.opened(this)
      await this.#takeBody(download.body)
      return this.isCut ? { kind: 'cut' } : { kind: 'done' }
    } catch (error) {
      return this.isCut ? { kind: 'cut' } : { kind: 'failed', error, inBody: this.#isOpen }
    }
  }

  async #takeBody(body: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = []
    let failure: Error | undefined
    let draining: Promise<void> | undefined
    const drain = async (): Promise<void> => {
      try {
        while (pieces.length > 0) await this.#deliver(pieces.splice(0))
      } catch (error) {
        failure ??= error instanceof Error ? error : new DriveError('internal', errorText(error))
      }
      draining = undefined
    }
    try {
      for await (const piece of body) {
        if (this.isCut || failure !== undefined) break
        pieces.push(piece)
        this.#receivedTo += piece.length
        this.#host.arrived(this)
        draining ??= drain()
        if (this.#receivedTo - this.#position >= BUFFERED_BYTES) await draining
        await this.#host.whenWanted(this)
      }
    } finally {
      await draining
    }
    if (failure !== undefined) throw failure
  }

  async #deliver(pieces: readonly Uint8Array[]): Promise<void> {
    if (this.isCut) return
    const bytes = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
    const offset = this.#position
    await this.#host.deliver(this, offset, bytes)
    this.#position = offset + bytes.length
  }
}
