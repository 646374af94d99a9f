/**
 * Everything under way for one content: who waits, the streams that bring bytes, and the decision which stream to start
 * next. A byte is asked for once: a reader whose bytes are on their way waits for them, another place gets a stream of
 * its own. Lives while somebody waits or something comes, and holds the content so long.
 */
import type { ByteRange } from '../base/byte-ranges.js'
import { DriveError, errorCode, errorText } from '../base/errors.js'
import type { Content } from '../cache/content.js'
import type { Download, Priority } from '../drive/drive.js'
import { Attempts } from './attempts.js'
import { isFinal } from './failure-kinds.js'
import { Intake } from './intake.js'
import { planReadAhead, planWindow } from './plan-window.js'
import { Proof } from './proof.js'
import { RangeStream, sentNothing, type StreamHost, type StreamOutcome } from './range-stream.js'
import { RemoteSource } from './remote-source.js'
import { StreamBrake } from './stream-brake.js'
import { isNear, StreamSet } from './stream-set.js'
import type { TransferHost } from './transfer-host.js'
import { giveTo, isLacking, priorityOfWhole, Waiter } from './waiter.js'

const STREAMS_AT_ONCE = 3 // head, tail, and one that reads ahead
const SKIPPED_BYTES = 4 * 1024 * 1024 // a stream that would bring more than this once again is cut
const AHEAD_BYTES = 32 * 1024 * 1024 // a stream waits when it is this far ahead of its reader
const AHEAD_UNKEPT_BYTES = 8 * 1024 * 1024 // half of what can be held for a reader that comes back a little
const LEAVING_MS = 250 // another reader may be between two of its reads
const WORTH_FINISHING_BYTES = 1024 * 1024 // cheaper than another request
const EARLIER_WINDOWS = 8

export class Transfer implements StreamHost {
  readonly content: Content
  readonly #host: TransferHost
  readonly #source: RemoteSource
  readonly #intake: Intake
  readonly #waiters = new Set<Waiter>()
  readonly #streams = new StreamSet()
  readonly #brake: StreamBrake
  readonly #slots = new Set<RangeStream>()
  /** Windows asked for, latest last. */
  #earlier: readonly ByteRange[] = []
  readonly #attempts: Attempts
  #cancelLeaving: (() => void) | undefined
  /** The portal has sent what was asked for: until then nothing is read ahead, it might send everything. */
  #hasAnswer = false
  #isHeld = false
  #stopped = false
  /** Those who want the whole wait for it. */
  readonly #proof: Proof
  /** Works that `stop` waits for. */
  readonly #tasks = new Set<Promise<void>>()

  constructor(host: TransferHost, content: Content) {
    this.#host = host
    this.content = content
    this.#source = new RemoteSource({
      drive: host.drive,
      looks: host.looks,
      clock: host.clock,
      content,
      onVersionMoved: host.onVersionMoved,
      cutStreams: () => this.#streams.cutOpen(),
    })
    this.#proof = new Proof({
      source: this.#source,
      onFailed: (error) => {
        // What is here may be of two versions: those who want the whole must not believe it.
        const wanting = [...this.#waiters].filter(({ wants }) => wants === 'whole')
        if (wanting.length > 0 && !this.#attempts.noteFailure(isFinal(error, false))) for (const waiter of wanting) this.#fail(waiter, error)
        host.log.info({ content: content.id, code: errorCode(error) }, 'a download could not be checked again')
      },
    })
    this.#intake = new Intake({
      content,
      source: this.#source,
      store: host.store,
      log: host.log,
      isHopeless: () => host.servesWholeOnly() && content.sizeBytes > host.cacheLimitBytes(),
    })
    this.#attempts = new Attempts({ clock: host.clock, again: () => { this.pump() } })
    this.#brake = new StreamBrake({ clock: host.clock, isWanted: (stream) => this.#isWanted(stream) })
  }

  get isIdle(): boolean {
    return this.waiting === 0 && this.#streams.size === 0 && this.#tasks.size === 0
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** Waits for bytes; answers them, or undefined when all are in the cache. */
  async read(range: ByteRange, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const waiter = await this.#wait({ wants: 'range', range, priority: 'interactive', signal })
    return waiter.got.isEmpty ? undefined : this.#assemble(waiter)
  }

  /** Waits until all of the content is in the cache. */
  async hydrate(priority: Priority, signal: AbortSignal | undefined): Promise<void> {
    await this.#wait({ wants: 'whole', range: { start: 0, end: this.content.sizeBytes }, priority, signal })
  }

  /** A reader got its bytes from the cache: what comes after them may be wanted soon. */
  noteRead(range: ByteRange): void {
    this.#cancelLeaving?.()
    this.#cancelLeaving = undefined
    this.#streams.noteDemand(range)
    this.#brake.ask()
    this.#readAhead(range.end)
  }

  /** A reader closed its handle: what nobody waits for is cut, unless a read comes at once. */
  readerGone(): void {
    if (this.#streams.size === 0 || this.#cancelLeaving !== undefined || this.#stopped) return
    this.#cancelLeaving = this.#host.clock.setTimer(LEAVING_MS, () => {
      this.#cancelLeaving = undefined
      for (const stream of this.#streams.all) if (stream.remainingBytes > WORTH_FINISHING_BYTES && !this.#isWaitedFor(stream)) stream.cut()
    })
  }

  /** Paused or resumed. */
  pauseChanged(): void {
    if (this.#host.isPaused()) for (const stream of this.#streams.all) if (!this.#isWaitedFor(stream)) stream.cut()
    this.pump()
  }

  /** Starts the streams that somebody waits for and that may start now. */
  pump(): void {
    if (this.#stopped) return
    this.#settle()
    if (this.#attempts.isPausing) return
    for (const waiter of [...this.#waiters]) if (this.#isActive(waiter)) this.#fetchFor(waiter)
    this.#finishIfIdle()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#attempts.stop()
    this.#cancelLeaving?.()
    for (const waiter of [...this.#waiters]) this.#fail(waiter, new DriveError('cancelled', 'the drive is being unmounted'))
    for (const stream of this.#streams.all) stream.cut()
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
    await this.#letGo()
  }

  open(stream: RangeStream, signal: AbortSignal): Promise<Download> {
    const { asked } = stream
    const isWhole = asked.start === 0 && asked.end === this.content.sizeBytes
    return this.#source.open(isWhole ? undefined : asked, { priority: stream.purpose === 'read' ? 'interactive' : priorityOfWhole(this.#waiters), signal }, stream.purpose === 'read')
  }

  opened(stream: RangeStream): void {
    const { asked, range } = stream
    const isAsAsked = range.start === asked.start && range.end === asked.end
    this.#hasAnswer ||= isAsAsked
    if (isAsAsked) return
    // The portal sends everything: then nothing else has to come.
    this.#host.noteWholeOnly()
    for (const other of this.#streams.all) if (other !== stream) other.cut()
  }

  arrived(stream: RangeStream): void {
    const coming = { start: stream.position, end: stream.range.end }
    for (const waiter of this.#waiters) if (waiter.range.start < coming.end && coming.start < waiter.range.end) waiter.noteByte()
  }

  async deliver(stream: RangeStream, offset: number, bytes: Uint8Array): Promise<void> {
    if (this.#serve(offset, bytes)) stream.isFruitful = this.#attempts.noteProgress()
    this.#settle()
    const fate = await this.#intake.take(offset, bytes)
    if (fate === 'new' || (fate === 'passed' && this.#handOver(offset, bytes))) stream.isFruitful = this.#attempts.noteProgress()
    this.#settle()
    if (this.#bringsNothingNew(stream, offset + bytes.length)) stream.cut()
  }

  isAwaited(stream: RangeStream): boolean {
    return [...this.#waiters].some(({ wants, range }) => wants === 'range' && stream.position < range.end && range.end <= stream.receivedTo)
  }

  whenWanted(stream: RangeStream): Promise<void> | undefined {
    return this.#brake.hold(stream)
  }

  async #wait(wish: { wants: 'range' | 'whole'; range: ByteRange; priority: Priority; signal: AbortSignal | undefined }): Promise<Waiter> {
    const waiter = new Waiter({
      ...wish,
      clock: this.#host.clock,
      // A queue for the request budget is no silence of the portal to somebody who does not sit in front of it.
      stallDeadlineMs: wish.priority === 'interactive' ? this.#host.stallDeadlineMs() : undefined,
      onGone: (gone, why) => {
        this.#gone(gone, why)
      },
    })
    waiter.takeFrom(this.#intake.passed)
    this.#hold()
    this.#waiters.add(waiter)
    if (wish.wants === 'range') this.noteRead(waiter.range)
    else this.#brake.ask()
    this.pump()
    return waiter.promise
  }

  async #assemble(waiter: Waiter): Promise<Uint8Array> {
    const { start } = waiter.range
    const end = Math.min(waiter.range.end, this.content.sizeBytes)
    const bytes = waiter.buffer ?? new Uint8Array(0)
    for (const part of waiter.got.missing({ start, end })) bytes.set(await this.content.read(part.start, part.end - part.start), part.start - start)
    return bytes.subarray(0, end - start)
  }

  /** Gave up by itself. A stream that was silent for a whole deadline is dead; one that nobody else needs has no reason. */
  #gone(waiter: Waiter, why: 'interrupted' | 'deadline'): void {
    this.#waiters.delete(waiter)
    for (const stream of this.#streams.all) {
      const isTheirs = stream.position < waiter.range.end && waiter.range.start < stream.range.end
      const isUseless = (waiter.wants === 'whole' || !stream.isOpen) && !this.#isWaitedFor(stream)
      if (isUseless || (why === 'deadline' && isTheirs)) stream.cut()
    }
    if (this.#waiters.size === 0) this.readerGone()
    this.#finishIfIdle()
  }

  #settle(): void {
    for (const waiter of [...this.#waiters]) {
      if (waiter.wants === 'whole' ? !this.#isWholeHere() : !waiter.hasAll(this.content)) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  /** All here and proved; starts the proof where it is needed. */
  #isWholeHere(): boolean {
    if (!this.content.isComplete) return false
    if (!this.#proof.isRunning && (!this.#source.needsProof || this.content.isDirty)) return true
    if (this.#proof.isRunning) this.#proof.hurry()
    else if (!this.#attempts.isPausing) this.#prove('interactive')
    return false
  }

  #prove(priority: Priority, isPatient = false): void {
    this.#inBackground(async () => {
      await this.#proof.run(priority, isPatient)
      this.pump()
    })
  }

  #fetchFor(waiter: Waiter): void {
    const needs = this.content.ranges.missing(waiter.range).flatMap((gap) => waiter.got.missing(gap))
    for (const need of needs) {
      for (;;) {
        const wholeOnly = this.#host.servesWholeOnly()
        const whole = waiter.wants === 'whole' || wholeOnly
        // A stream that is far from the place a reader waits at does not count.
        const claimed = this.#streams.claimed((stream) => whole || isNear(stream, need.start))
        const window = planWindow({ sizeBytes: this.content.sizeBytes, present: this.content.ranges, claimed, need, earlier: this.#earlier, whole })
        if (window === undefined) break
        if (!this.#start(wholeOnly ? { start: 0, end: this.content.sizeBytes } : window, waiter)) return
      }
    }
  }

  /** False when no stream may start now; somebody pumps again. */
  #start(range: ByteRange, waiter: Waiter): boolean {
    if (!this.#makePlace()) return false
    const purpose = waiter.wants === 'whole' ? 'hydrate' : 'read'
    const needsSlot = purpose === 'hydrate' && waiter.priority !== 'interactive'
    if (needsSlot && !this.#host.takeSlot(this)) return false
    const stream = this.#launch(purpose, range, purpose === 'read' ? waiter.range.end : range.start)
    if (needsSlot) this.#slots.add(stream)
    return true
  }

  #launch(purpose: 'read' | 'hydrate', range: ByteRange, demandEnd: number): RangeStream {
    this.#hold()
    this.#proof.noteDownload()
    const stream = new RangeStream(this, { purpose, range, demandEnd })
    this.#streams.add(stream)
    if (purpose === 'read') this.#earlier = [...this.#earlier, range].slice(-EARLIER_WINDOWS)
    this.#inBackground(async () => {
      this.#streamEnded(stream, await stream.ended)
    })
    return stream
  }

  #makePlace(): boolean {
    const limit = this.#host.servesWholeOnly() ? 1 : STREAMS_AT_ONCE
    if (this.#streams.running.length < limit) return true
    // One that only reads ahead makes place; its end pumps.
    this.#streams.running.find((stream) => !this.#isWaitedFor(stream))?.cut()
    return false
  }

  #readAhead(readTo: number): void {
    // What is not kept is not read ahead beyond its own stream: it would push out what was not read yet.
    const mayRead = this.#hasAnswer && this.#intake.isKeeping && !this.#host.servesWholeOnly() && !this.#attempts.isPausing
    if (this.#stopped || !mayRead || this.#streams.running.length >= STREAMS_AT_ONCE) return
    const { content } = this
    const window = planReadAhead({ sizeBytes: content.sizeBytes, present: content.ranges, claimed: this.#streams.claimed(), earlier: this.#earlier, readTo })
    if (window !== undefined) this.#launch('read', window, window.start)
  }

  #streamEnded(stream: RangeStream, outcome: StreamOutcome): void {
    this.#streams.delete(stream)
    if (this.#slots.delete(stream)) this.#host.freeSlot()
    if (outcome.kind === 'failed') this.#failed(outcome.error, outcome.inBody)
    // Asked again without end, the portal would only say it again.
    else if (outcome.kind === 'done' && !stream.isFruitful && isLacking(this.#waiters, this.content, stream.asked)) this.#failed(sentNothing(this.content, stream.asked), true)
    this.pump()
  }

  #failed(error: unknown, inBody: boolean): void {
    this.#host.log.debug({ content: this.content.id, code: errorCode(error), inBody, error: errorText(error) }, 'a download failed')
    this.#settle() // a local truncation may have ended the need
    if (this.#attempts.noteFailure(isFinal(error, inBody))) return
    for (const waiter of [...this.#waiters]) this.#fail(waiter, error)
  }

  #fail(waiter: Waiter, error: unknown): void {
    this.#waiters.delete(waiter)
    waiter.fail(error instanceof Error ? error : new DriveError('internal', errorText(error)))
  }

  #isActive(waiter: Waiter): boolean {
    return waiter.wants === 'range' || waiter.priority === 'interactive' || !this.#host.isPaused()
  }

  /** Somebody waits for bytes that the stream will bring. */
  #isWaitedFor(stream: RangeStream): boolean {
    return [...this.#waiters].some(
      (waiter) => this.#isActive(waiter) && waiter.range.start < stream.range.end && stream.position < waiter.range.end && (waiter.wants === 'whole' || isNear(stream, waiter.range.start)),
    )
  }

  #isWanted(stream: RangeStream): boolean {
    if (this.#isWaitedFor(stream)) return true
    if (this.#cancelLeaving !== undefined && stream.remainingBytes > WORTH_FINISHING_BYTES) return false
    if (this.#intake.isKeeping && this.#host.servesWholeOnly()) return true
    return stream.receivedTo - stream.demandEnd < (this.#intake.isKeeping ? AHEAD_BYTES : AHEAD_UNKEPT_BYTES)
  }

  /** Readers get what is not here yet from memory: they need not wait for the cache's disk. */
  #serve(offset: number, bytes: Uint8Array): boolean {
    const missing = this.content.ranges.missing({ start: offset, end: Math.min(offset + bytes.length, this.content.sizeBytes) })
    return missing.filter(({ start, end }) => giveTo(this.#waiters, start, bytes.subarray(start - offset, end - offset))).length > 0
  }

  /** Bytes past the cache: to those who wait for them; who wants to keep them all cannot have that. */
  #handOver(offset: number, bytes: Uint8Array): boolean {
    for (const waiter of [...this.#waiters]) {
      if (waiter.wants === 'whole') this.#fail(waiter, new DriveError('cache-full', 'the cache has no room for the whole file: let uploads finish, free some files or raise cacheLimit'))
    }
    return giveTo(this.#waiters, offset, bytes)
  }

  #bringsNothingNew(stream: RangeStream, position: number): boolean {
    const hereBytes = Math.min(this.content.ranges.runFrom(position), stream.range.end - position)
    if (this.content.isComplete) return hereBytes > WORTH_FINISHING_BYTES
    return !this.#host.servesWholeOnly() && hereBytes > SKIPPED_BYTES
  }

  #finishIfIdle(): void {
    if (!this.isIdle || !this.#isHeld || this.#stopped) return
    if (this.#proof.isWorthTrying && !this.content.isDirty) {
      const isPatient = this.#source.mayProveLater
      // While paused only what a person waits for may go; a read was that.
      this.#prove(isPatient && this.#host.isPaused() ? 'interactive' : 'background', isPatient)
      return
    }
    this.#inBackground(async () => {
      await this.#letGo()
      if (this.#waiters.size === 0 && this.#streams.size === 0) this.#host.onIdle(this.content)
    })
  }

  #hold(): void {
    if (this.#isHeld) return
    this.#isHeld = true
    this.content.retain()
  }

  async #letGo(): Promise<void> {
    if (!this.#isHeld) return
    this.#isHeld = false
    await this.content.release()
  }

  #inBackground(work: () => Promise<void>): void {
    const task = work()
      .catch((error: unknown) => {
        this.#host.log.error({ content: this.content.id, error: errorText(error) }, 'a work of a download failed')
      })
      .finally(() => {
        this.#tasks.delete(task)
        this.#finishIfIdle()
      })
    this.#tasks.add(task)
  }
}
