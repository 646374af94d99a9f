/**
 * One download under way: takes the body as it comes, hands it on in pieces while the next are arriving, and waits when
 * it is told that nobody wants more yet. Ends exactly once, done, cut or failed. Leaving the body closes the connection.
 */
import type { ByteRange } from '../base/byte-ranges.js'
import { DriveError, errorText } from '../base/errors.js'
import type { Content } from '../cache/content.js'
import type { Download } from '../drive/drive.js'

export type StreamOutcome = { readonly kind: 'done' | 'cut' } | { readonly kind: 'failed'; readonly error: unknown; readonly inBody: boolean }

export interface StreamHost {
  open(stream: RangeStream, signal: AbortSignal): Promise<Download>
  /** The bytes that come are known now: perhaps the whole file instead of the range. */
  opened(stream: RangeStream): void
  /** Bytes came in (they are not delivered yet). */
  arrived(stream: RangeStream): void
  /** Takes the bytes, which are valid until it is done; then the next ones come. */
  deliver(stream: RangeStream, offset: number, bytes: Uint8Array): Promise<void>
  /** Somebody waits for bytes that have come but are not delivered yet. */
  isAwaited(stream: RangeStream): boolean
  /** Resolves when more bytes of the stream are wanted; undefined: at once. */
  whenWanted(stream: RangeStream): Promise<void> | undefined
}

/** What arrives while something is being written is gathered, and then written together. */
const GATHERED_BYTES = 1024 * 1024
const WRITTEN_BYTES = GATHERED_BYTES / 2 // while nobody waits, fewer writes are cheaper

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
  /** It has brought something that was not here; set by the transfer. */
  isFruitful = false
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

  /**
   * Two buffers take turns: one is written while the other gathers. Copying lets go of the network's own buffers at
   * once; kept until the next garbage collection they cost more than the copy.
   */
  async #takeBody(body: AsyncIterable<Uint8Array>): Promise<void> {
    let gathering = Buffer.allocUnsafeSlow(Math.min(GATHERED_BYTES, this.#range.end - this.#range.start))
    let spare = Buffer.allocUnsafeSlow(gathering.length)
    let gatheredBytes = 0
    let failure: Error | undefined
    let writing: Promise<void> | undefined
    const write = async (): Promise<void> => {
      try {
        while (gatheredBytes > 0 && !this.isCut) {
          const full = gathering.subarray(0, gatheredBytes)
          const next = spare
          spare = gathering
          gathering = next
          gatheredBytes = 0
          await this.#host.deliver(this, this.#position, full)
          this.#position += full.length
        }
      } catch (error) {
        failure ??= error instanceof Error ? error : new DriveError('internal', errorText(error))
      }
      writing = undefined
    }
    try {
      for await (const piece of body) {
        for (let taken = 0; taken < piece.length; ) {
          if (gatheredBytes === gathering.length) await writing
          if (this.#isOver(failure)) break
          const part = piece.subarray(taken, taken + gathering.length - gatheredBytes)
          gathering.set(part, gatheredBytes)
          gatheredBytes += part.length
          taken += part.length
          this.#receivedTo += part.length
          if (gatheredBytes >= WRITTEN_BYTES || this.#host.isAwaited(this)) writing ??= write()
        }
        if (this.#isOver(failure)) break
        this.#host.arrived(this)
        const wanted = this.#host.whenWanted(this)
        if (wanted === undefined) continue
        writing ??= write()
        await wanted
      }
    } finally {
      await (writing ?? write())
    }
    if (failure !== undefined) throw failure
  }

  /** A call, because the checker believes that a flag just read stays as it was. */
  #isOver(failure: Error | undefined): boolean {
    return this.isCut || failure !== undefined
  }
}

/** With what was known when it was asked for: the size of a row may be wrong, and the portal right. */
export function sentNothing({ id, sizeBytes, origin }: Content, asked: ByteRange): DriveError {
  return new DriveError('bad-answer', 'the portal sent nothing of what was asked for', { fields: { content: id, sizeBytes, ...asked, version: origin?.version } })
}
