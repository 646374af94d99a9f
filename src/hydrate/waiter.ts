/**
 * One who waits: a read for exactly its bytes, or somebody who wants the whole content. Knows its deadline (silence, not
 * slowness: each byte on its way to it starts the time anew) and its signal. Settles once.
 */
import { ByteRanges, type ByteRange } from '../base/byte-ranges.js'
import type { Clock } from '../base/clock.js'
import { DriveError } from '../base/errors.js'
import type { Priority } from '../drive/drive.js'
import { copyOverlap, type PassThrough } from './pass-through.js'

export interface WaiterOptions {
  readonly wants: 'range' | 'whole'
  readonly range: ByteRange
  readonly priority: Priority
  readonly clock: Clock
  /** Undefined: waits as long as it takes (nobody sits in front of it). */
  readonly stallDeadlineMs: number | undefined
  readonly signal: AbortSignal | undefined
  /** Called when it gave up by itself. */
  readonly onGone: (waiter: Waiter, why: 'interrupted' | 'deadline') => void
}

type ContentState = { readonly sizeBytes: number; readonly ranges: ByteRanges }

export class Waiter {
  readonly wants: 'range' | 'whole'
  readonly range: ByteRange
  readonly priority: Priority
  readonly promise: Promise<Waiter>
  readonly #clock: Clock
  readonly #stallDeadlineMs: number | undefined
  readonly #signal: AbortSignal | undefined
  readonly #onGone: WaiterOptions['onGone']
  #resolve: (waiter: Waiter) => void = () => undefined
  #reject: (error: Error) => void = () => undefined
  #cancelTimer: (() => void) | undefined
  #lastByteMs: number
  /** Bytes that are not in the cache yet, or never will be, for this reader alone; made when the first one comes. */
  #buffer: Uint8Array | undefined
  #got = ByteRanges.empty

  constructor(options: WaiterOptions) {
    this.wants = options.wants
    this.range = options.range
    this.priority = options.priority
    this.#clock = options.clock
    this.#stallDeadlineMs = options.stallDeadlineMs
    this.#signal = options.signal
    this.#onGone = options.onGone
    this.#lastByteMs = options.clock.monotonicMs()
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (this.#signal?.aborted === true) queueMicrotask(this.#onAbort)
    this.#watch()
  }

  /** What came from memory. */
  get got(): ByteRanges {
    return this.#got
  }

  get buffer(): Uint8Array | undefined {
    return this.#buffer
  }

  /** A byte came that this one waits for, or one before it on the same stream. */
  noteByte(): void {
    this.#lastByteMs = this.#clock.monotonicMs()
  }

  /** Takes its part of bytes that come; false when it has none in them that it did not have before. */
  take(start: number, bytes: Uint8Array): boolean {
    if (this.wants === 'whole' || start >= this.range.end || start + bytes.length <= this.range.start) return false
    this.#buffer ??= Buffer.allocUnsafe(this.range.end - this.range.start)
    const before = this.#got.totalBytes
    this.#got = this.#got.add(copyOverlap({ start, bytes }, this.#buffer, this.range))
    return this.#got.totalBytes > before
  }

  takeFrom(passed: PassThrough): void {
    if (this.wants === 'whole' || passed.isEmpty) return
    const buffer = this.#buffer ?? Buffer.allocUnsafe(this.range.end - this.range.start)
    const got = passed.copyInto(buffer, this.range)
    if (got.isEmpty) return
    this.#buffer = buffer
    this.#got = got.ranges.reduce((all, range) => all.add(range), this.#got)
  }

  /** What is not in the content has come from memory. */
  hasAll(content: ContentState): boolean {
    return !this.lacks(content, this.range)
  }

  /** It waits for something of this range. */
  lacks(content: ContentState, range: ByteRange): boolean {
    const wanted = { start: Math.max(range.start, this.range.start), end: Math.min(range.end, this.range.end, content.sizeBytes) }
    if (wanted.end <= wanted.start) return false
    return content.ranges.missing(wanted).some((gap) => !this.#got.contains(gap))
  }

  resolve(): void {
    this.#end()
    this.#resolve(this)
  }

  fail(error: Error): void {
    this.#end()
    this.#reject(error)
  }

  readonly #onAbort = (): void => {
    this.#giveUp('interrupted', new DriveError('interrupted', 'nobody waits for these bytes any more'))
  }

  #watch(): void {
    if (this.#stallDeadlineMs === undefined) return
    const restMs = this.#lastByteMs + this.#stallDeadlineMs - this.#clock.monotonicMs()
    this.#cancelTimer = this.#clock.setTimer(Math.max(restMs, 1), () => {
      const silentMs = this.#clock.monotonicMs() - this.#lastByteMs
      if (silentMs < (this.#stallDeadlineMs ?? Infinity)) this.#watch()
      else this.#giveUp('deadline', new DriveError('deadline', 'the portal sent nothing for too long: try again', { fields: { silentMs } }))
    })
  }

  #giveUp(why: 'interrupted' | 'deadline', error: DriveError): void {
    this.fail(error)
    this.#onGone(this, why)
  }

  #end(): void {
    this.#cancelTimer?.()
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}

/** The most urgent of those who want the whole. */
export function priorityOfWhole(waiters: Iterable<Waiter>): Priority {
  const whole = [...waiters].filter(({ wants }) => wants === 'whole')
  return whole.find(({ priority }) => priority === 'interactive')?.priority ?? whole[0]?.priority ?? 'background'
}

/** Each takes its part; answers whether any of it was new to somebody. */
export function giveTo(waiters: Iterable<Waiter>, offset: number, bytes: Uint8Array): boolean {
  return [...waiters].filter((waiter) => waiter.take(offset, bytes)).length > 0
}

/** Somebody waits for something of this range. */
export function isLacking(waiters: Iterable<Waiter>, content: ContentState, range: ByteRange): boolean {
  return [...waiters].some((waiter) => waiter.lacks(content, range))
}
