/**
 * Bytes of files and versions by address (bitrix24-rest.md section 8): a fresh address when the old one is dead, the
 * whole file where the portal serves no ranges (remembered for a while), and never a byte more or less than promised.
 */
import type { ByteRange } from '../base/byte-ranges.js'
import type { Clock } from '../base/clock.js'
import { DriveError, errorText } from '../base/errors.js'
import type { RestClient } from '../rest/rest-client.js'
import { TransportFailure, type Exchange } from '../rest/transport.js'
import type { CallOptions, Download } from './drive.js'
import { judgeRange, rangeQuestion, type RangeQuestion } from './range-rules.js'

const NO_RANGES_FOR_MS = 3_600_000 // a portal's front end seldom changes; looking again costs one download
/** How many fresh addresses may help, by the status of the old one: a token in it may end again before its turn has come. */
const FRESH_ADDRESSES: ReadonlyMap<unknown, number> = new Map([[401, 3], [403, 1], [404, 1]])

/** What is to be fetched: its address now, its size, and how to get a new address for the same bytes. */
export interface DownloadSubject {
  readonly downloadUrl: string
  readonly sizeBytes: number
  readonly refresh: () => Promise<string>
}

export class Downloads {
  readonly #rest: RestClient
  readonly #clock: Clock
  /** The portal ignored a range; until then whole files are asked for. */
  #noRangesUntilMs = -Infinity

  /** `servesRanges`: what is known of the portal from before; false is believed for a while, true until the portal shows otherwise. */
  constructor(options: { rest: RestClient; clock: Clock; servesRanges: boolean }) {
    this.#rest = options.rest
    this.#clock = options.clock
    if (!options.servesRanges) this.#rememberNoRanges()
  }

  async fetch(subject: DownloadSubject, range: ByteRange | undefined, call: CallOptions): Promise<Download> {
    const { sizeBytes } = subject
    if (range !== undefined && (range.start < 0 || range.end > sizeBytes || range.end < range.start)) throw new DriveError('range', 'the range is not inside the file')
    // Nothing is never asked for (rule 7).
    if (sizeBytes === 0 || (range !== undefined && range.end === range.start)) return { range: range ?? { start: 0, end: 0 }, body: nothing() }
    let url = subject.downloadUrl === '' ? await subject.refresh() : subject.downloadUrl
    let fresh = subject.downloadUrl === '' ? 1 : 0
    for (let wholes = 0; ; ) {
      const question = rangeQuestion(range, sizeBytes, this.#servesRanges())
      const exchange = await this.#ask(url, question, call, fresh)
      if (exchange === undefined) {
        url = await subject.refresh()
        fresh += 1
        continue
      }
      if ((exchange.header('content-encoding') ?? 'identity') !== 'identity') {
        exchange.discard()
        throw new DriveError('bad-answer', 'the portal compressed a download although that was not asked for') // rule 8
      }
      const verdict = judgeRange(question, sizeBytes, { status: exchange.status, contentRange: exchange.header('content-range'), contentLength: exchange.header('content-length') })
      if (verdict.verdict === 'take') {
        if (question.header !== undefined && !verdict.ranged) this.#rememberNoRanges()
        const carried = verdict.ranged && range !== undefined ? range : verdict.carries
        return { range: carried, body: exactly(exchange, verdict.carries, carried) }
      }
      exchange.discard()
      if (verdict.verdict === 'mismatch' || wholes > 0) throw new DriveError('bad-answer', 'the portal offers another length than the file has: it may have changed', { fields: { status: exchange.status, sizeBytes } })
      wholes += 1
      this.#rememberNoRanges()
    }
  }

  /** The answer's head, undefined when the address is dead and a fresh one may help. */
  async #ask(url: string, { header }: RangeQuestion, call: CallOptions, fresh: number): Promise<Exchange | undefined> {
    try {
      return await this.#rest.fetchBytes(url, header === undefined ? {} : { Range: header }, call)
    } catch (error) {
      const status = error instanceof DriveError ? error.fields.status : undefined
      if (fresh < (FRESH_ADDRESSES.get(status) ?? 0)) return undefined
      throw error
    }
  }

  #servesRanges(): boolean {
    return this.#clock.monotonicMs() >= this.#noRangesUntilMs
  }

  #rememberNoRanges(): void {
    this.#noRangesUntilMs = this.#clock.monotonicMs() + NO_RANGES_FOR_MS
  }
}

/** The bytes of `wanted` out of a body that should be exactly `carried`. */
async function* exactly(exchange: Exchange, carried: ByteRange, wanted: ByteRange): AsyncGenerator<Uint8Array> {
  const expectedBytes = carried.end - carried.start
  let position = carried.start
  try {
    for await (const piece of exchange.body) {
      if (position + piece.byteLength > carried.end) throw wrongLength(expectedBytes, 'more')
      const from = Math.max(wanted.start - position, 0)
      const to = Math.min(wanted.end - position, piece.byteLength)
      position += piece.byteLength
      if (to > from) yield piece.subarray(from, to)
    }
  } catch (error) {
    throw bodyFailure(error, position - carried.start, expectedBytes)
  }
  if (position < carried.end) throw wrongLength(expectedBytes, 'less', position - carried.start)
}

/** A body that breaks off is short, whoever cut it; only silence and a network that is gone are told apart. */
function bodyFailure(error: unknown, receivedBytes: number, expectedBytes: number): unknown {
  if (!(error instanceof TransportFailure)) return error
  if (error.kind === 'silent') return new DriveError('deadline', 'the download stood still for too long', { fields: { receivedBytes, expectedBytes } })
  if (error.kind === 'unreachable') return new DriveError('offline', 'the portal cannot be reached any more', { fields: { receivedBytes, expectedBytes } })
  return wrongLength(expectedBytes, 'less', receivedBytes, error)
}

function wrongLength(expectedBytes: number, which: 'more' | 'less', receivedBytes?: number, cause?: TransportFailure): DriveError {
  return new DriveError('bad-answer', `the portal sent ${which} bytes than the file has`, {
    fields: { expectedBytes, ...(receivedBytes === undefined ? {} : { receivedBytes }), ...(cause === undefined ? {} : { reason: errorText(cause) }) },
  })
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // A file without bytes has no pieces.
}

