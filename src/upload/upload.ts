/**
 * The uploader: brings every entry of the journal to the portal, each exactly once, in order where order matters and two
 * at a time otherwise. A failure is kept with its entry, shown, and tried again later; it never stops the others. Nothing
 * is dropped: an entry goes when the portal has what it stood for. After a restart requests of unknown outcome come first.
 */
import assert from 'node:assert'
import type { Clock } from '../base/clock.js'
import { DriveError, errorCode, errorText } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Random } from '../base/random.js'
import { ServiceLoop, type Service } from '../base/service.js'
import { Waiters } from '../base/waiters.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Drive } from '../drive/drive.js'
import type { Entry, Journal } from '../journal/journal.js'
import { readConnected } from '../mirror/connected-rows.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { failureScope, nextTryMs } from './back-off.js'
import type { UploadNotice } from './notices.js'
import { BrokenOff } from './broken-off.js'
import { planStep } from './plan.js'
import type { Step, View, Writers } from './plan-view.js'
import { HeldDeletions, type Undone } from './held-deletions.js'
import { isInert, readErrors, readPending, readQueue, type QueuedEntry, type QueuedError, type Wait } from './queue-report.js'
import { findRings } from './rings.js'
import { isActive, sendStep, type ActiveStep } from './send-step.js'
import { endConnection } from './send-trash.js'
import { isKnown, type Sending } from './sending.js'
import { ServerClock } from './server-clock.js'
import { StandingLinks } from './standing-links.js'
import { readView, type Sources } from './surroundings.js'
import { takeBackDeletions } from './take-back-deletions.js'
import { undoDeletions } from './undo-deletions.js'

export interface UploadOptions {
  readonly drive: Drive
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: ContentCache
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** For the names of conflict copies. */
  readonly host: string
  /** Who the account is on the portal. */
  readonly userId: string
  readonly uploadDelayMs: () => number
  /** Whether somebody has the file open for writing (6a.5). */
  readonly writers: (ino: Ino) => Writers
  /** After each commit that changed what the mount shows without the mount asking for it. */
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
  readonly onNotice?: (notice: UploadNotice) => void
  /** Above it a file is replaced instead of getting a version (6a.7). */
  readonly maxVersionSizeBytes?: number
}

const PARALLEL = 2 // the budget is shared with listings and reads; more would only queue there
const MAX_VERSION_SIZE_BYTES = 1_000_000_000 // base64 of it stays below a body limit of 2 GB
const OFFLINE_LOOK_MS = 15_000 // in case nobody tells that the portal is back
const ACCOUNT_PAUSE_MS = 60_000
const GATHER_MS = 100 // far below the upload delay
const MOST_STEPS = 12 // of one item in a row; more means that two sides undo each other's work

export class Upload implements Service {
  /** What the mass-deletion brake holds (6a.12). */
  readonly deletions: HeldDeletions
  readonly #options: UploadOptions
  readonly #sources: Sources
  readonly #sending: Sending
  readonly #loop: ServiceLoop
  readonly #stopping = new AbortController()

  /** Items being sent, each once. */
  readonly #active = new Map<Ino, Promise<void>>()
  /** Called when an item is done with. */
  readonly #slotWaiters = new Set<() => void>()
  readonly #idleWaiters = new Waiters()
  /** Why entries wait, as of the last turn. */
  #waits: ReadonlyMap<Ino, Wait> = new Map()
  #paused = false
  #online = true
  #held = false
  /** Nothing is started before: the portal or the account as a whole refused. */
  #holdUntilMs = 0
  #cancelSoon: (() => void) | undefined
  #hurriedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: UploadOptions) {
    const { drive, store, mirror, journal, cache, clock, random, log, host, userId } = options
    this.#options = options
    this.deletions = new HeldDeletions({ store, mirror, journal, clock, log, hurriedAtMs: () => this.#hurriedAtMs })
    this.#sources = { store, mirror, journal, cache, writers: options.writers, isHeld: (ino) => this.deletions.isHeld(ino) }
    this.#sending = {
      drive, store, mirror, journal, cache, clock, random, log, host, userId,
      writers: options.writers,
      serverClock: new ServerClock(drive, clock),
      brokenOff: new BrokenOff(clock),
      links: new StandingLinks({ drive, clock }),
      report: ({ deltas, notices }) => {
        if (deltas.length > 0) options.onDelta(deltas)
        for (const notice of notices) options.onNotice?.(notice)
      },
    }
    this.#loop = new ServiceLoop({ name: 'upload', clock, log, turn: (signal) => this.#turn(signal) })
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DriveError('cancelled', 'upload is stopping'))
    this.#cancelSoon?.()
    const stopped = this.#loop.stop()
    await Promise.all(this.#active.values())
    await stopped
  }

  /** Something changed: the journal, a write handle. */
  wake(): void {
    this.#loop.wake()
  }

  /** As `wake`, for what comes by the hundred: looks once for all that comes within a moment. */
  wakeSoon(): void {
    this.#cancelSoon ??= this.#options.clock.setTimer(GATHER_MS, () => {
      this.#cancelSoon = undefined
      this.wake()
    })
  }

  /** Everything now: without upload delay and back-off. */
  async hurry(): Promise<void> {
    this.#hurriedAtMs = this.#options.clock.nowMs()
    this.#holdUntilMs = 0
    await this.#options.store.transact((tx) => this.#options.journal.hasten(tx))
    this.wake()
  }

  /** Paused: what is under way is finished, nothing is begun. */
  setPaused(paused: boolean): void {
    this.#paused = paused
    this.#sending.links.forget()
    this.wake()
  }

  /** Resolves when nothing is under way any more, and nothing is begun until the answer is called. By one holder at a time; 'cancelled' by the signal. */
  async hold(signal: AbortSignal): Promise<() => void> {
    assert(!this.#held, 'the upload has one holder at a time')
    this.#held = true
    const release = (): void => {
      this.#held = false
      this.wake()
    }
    while (this.#active.size > 0 && !signal.aborted) await this.#nextDone(signal)
    if (!signal.aborted) return release
    release()
    throw new DriveError('cancelled', 'something was still being sent')
  }

  setOnline(online: boolean): void {
    this.#online = online
    if (online) this.#holdUntilMs = 0
    this.#sending.links.forget()
    this.wake()
  }

  /** What the brake holds is deleted on the portal after all. Answers how many items that are. */
  async allowDeletions(): Promise<number> {
    const items = await this.deletions.allow()
    this.wake()
    return items
  }

  /** What the brake holds stands here again, and nothing of it is sent. */
  async undoDeletions(): Promise<Undone> {
    const undone = await undoDeletions(this.#sending, await this.deletions.groups())
    await this.deletions.look()
    this.wake() // an edit that was not sent may have come out of the trash
    return undone
  }

  /** Folders that were connected here and are deleted here go now with what was shown in them: that takes no request. */
  async endConnections(): Promise<void> {
    const rows = await readConnected(this.#options.store.read)
    for (const row of rows) if (row.deleted && isKnown(row)) await endConnection(this.#sending, row)
  }

  /** What was deleted here, of which the portal has these objects still, stands here again. */
  async takeBack(rows: Parameters<typeof takeBackDeletions>[1]): Promise<void> {
    await takeBackDeletions(this.#sending, rows)
    await this.deletions.look()
  }

  /** What is still to be sent. */
  pending(): Promise<{ readonly count: number; readonly bytes: number }> {
    return readPending(this.#options)
  }

  /** Entries that failed, with when they are tried again. */
  errors(): Promise<readonly QueuedError[]> {
    return readErrors(this.#options.journal)
  }

  /** Every entry in order with what it waits for. */
  queue(): Promise<readonly QueuedEntry[]> {
    return readQueue(this.#options.journal, { waits: this.#waits, sending: this.uploading(), nowMs: this.#options.clock.nowMs() })
  }

  uploading(): ReadonlySet<Ino> {
    return new Set(this.#active.keys())
  }

  /** Resolves when nothing is queued but what cannot be sent (held by the brake, or below a folder that is never sent); 'cancelled' by the signal or the stop. */
  async waitUntilIdle(signal: AbortSignal): Promise<void> {
    const told = this.#idleWaiters.wait([signal, this.#stopping.signal])
    this.wake()
    await told
  }

  /** Looks through the journal once and starts what is due. Answers when to look again. */
  async #turn(signal: AbortSignal): Promise<number> {
    const { clock, journal } = this.#options
    const tellIdle = this.#idleWaiters.now() // who comes later may speak of edits that this turn does not see
    // Long queues mostly wait for their time: those are not even read for each new one.
    const { entries, later } = await journal.due(clock.nowMs())
    if (entries.length === 0 && later.count === 0 && this.#active.size === 0) tellIdle()
    if (!this.#mayStart()) return this.#paused || !this.#online || this.#held ? Infinity : Math.max(0, this.#holdUntilMs - clock.nowMs())
    const waits = new Map<Ino, Wait>()
    let started = 0
    for (const { ino } of entries) {
      await this.#freeSlot()
      if (signal.aborted || !this.#mayStart()) return 0
      if (this.#active.has(ino)) continue
      const planned = await this.#plan(ino)
      if (planned === undefined) continue
      if (planned.step.kind === 'wait') {
        waits.set(ino, planned.step)
        continue
      }
      if (!this.#mayStart()) return 0 // since it was planned
      started += 1
      this.#begin(ino, planned)
    }
    started += await this.#breakRings(waits)
    this.#waits = waits
    if (started === 0 && this.#active.size === 0 && later.count === 0 && isInert(waits)) tellIdle()
    const untilMs = Math.min(later.untilMs, ...[...waits.values()].map((wait) => wait.untilMs ?? Infinity))
    return Math.max(0, untilMs - clock.nowMs())
  }

  async #breakRings(waits: ReadonlyMap<Ino, Wait>): Promise<number> {
    const edges = new Map([...waits].flatMap(([ino, { on }]) => (on === undefined ? [] : [[ino, on] as const])))
    let started = 0
    for (const ring of findRings(edges)) {
      for (const ino of ring) {
        if (this.#active.has(ino)) continue
        const planned = await this.#plan(ino, true)
        if (planned === undefined || !isActive(planned.step) || !this.#mayStart()) continue
        this.#options.log.debug({ ino, step: planned.step.kind, ring: ring.length }, 'items wait for each other: one makes way')
        this.#begin(ino, planned)
        started += 1
        break
      }
    }
    return started
  }

  async #plan(ino: Ino, breakRing = false): Promise<{ readonly view: View; readonly step: Step } | undefined> {
    const { store, journal, clock, uploadDelayMs, maxVersionSizeBytes = MAX_VERSION_SIZE_BYTES } = this.#options
    const entry = await journal.get(ino)
    if (entry === undefined) return undefined
    const nowMs = clock.nowMs()
    if (entry.nextTryMs > nowMs) return { view: emptyView(entry, nowMs), step: { kind: 'wait', reason: 'back-off', untilMs: entry.nextTryMs } }
    const moment = { nowMs, uploadDelayMs: uploadDelayMs(), hurriedAtMs: this.#hurriedAtMs, maxVersionSizeBytes, attempts: await journal.attempts(store.read) }
    const view = await readView(this.#sources, entry, moment)
    return { view, step: planStep(view, { breakRing }) }
  }

  #begin(ino: Ino, first: { readonly view: View; readonly step: Step }): void {
    const work = this.#work(ino, first).finally(() => {
      this.#active.delete(ino)
      for (const waiter of [...this.#slotWaiters]) waiter()
      this.#loop.wake()
    })
    this.#active.set(ino, work)
  }

  /** Sends step after step of one item until it waits, fails, or is done. Never rejects. */
  async #work(ino: Ino, first: { readonly view: View; readonly step: Step }): Promise<void> {
    let planned: { readonly view: View; readonly step: Step } | undefined = first
    try {
      for (let steps = 0; planned !== undefined && planned.step.kind !== 'wait'; steps += 1) {
        if (steps > 0 && !this.#mayStart()) return
        if (steps >= MOST_STEPS) throw new DriveError('busy', 'the item keeps changing while it is being sent')
        if (planned.step.kind === 'refuse') throw new DriveError(planned.step.code, planned.step.text)
        await this.#send(planned.step, planned.view)
        planned = await this.#plan(ino)
      }
    } catch (error) {
      await this.#fail(planned?.view.entry ?? first.view.entry, error)
    }
  }

  async #send(step: ActiveStep, view: View): Promise<void> {
    this.#options.log.debug({ ino: view.entry.ino, step: step.kind, name: view.item?.name, id: view.item?.base?.id }, 'sending')
    await sendStep(this.#sending, step, view, this.#stopping.signal)
  }

  /** Keeps the failure with the entry, unless the entry changed meanwhile or the failure is not its own. */
  async #fail(entry: Entry, error: unknown): Promise<void> {
    const { clock, journal, store, log } = this.#options
    const code = errorCode(error)
    const scope = failureScope(code)
    if (scope === 'stopping' && this.#stopping.signal.aborted) return
    const nowMs = clock.nowMs()
    if (scope === 'offline') {
      this.#holdUntilMs = nowMs + OFFLINE_LOOK_MS
      return
    }
    if (scope === 'account') this.#holdUntilMs = nowMs + ACCOUNT_PAUSE_MS
    const untilMs = nextTryMs(error, entry.tries + 1, nowMs)
    log[code === 'internal' ? 'error' : 'info']({ ino: entry.ino, code, error: errorText(error), tries: entry.tries + 1, retryInMs: untilMs - nowMs }, 'an item could not be sent')
    try {
      await store.transact(async (tx) => {
        if ((await journal.get(entry.ino, tx))?.notBeforeMs !== entry.notBeforeMs) return
        await journal.recordFailure(tx, entry.ino, { code, text: errorText(error) }, untilMs)
      })
    } catch (failure) {
      // The store refuses: everything waits, so that this does not spin.
      this.#holdUntilMs = nowMs + ACCOUNT_PAUSE_MS
      log.error({ ino: entry.ino, code: errorCode(failure), error: errorText(failure) }, 'a failure could not be recorded')
    }
  }

  #mayStart(): boolean {
    return !this.#paused && !this.#held && this.#online && !this.#stopping.signal.aborted && this.#options.clock.nowMs() >= this.#holdUntilMs
  }

  async #freeSlot(): Promise<void> {
    while (this.#active.size >= PARALLEL) await this.#nextDone(this.#stopping.signal)
  }

  /** Resolves when an item is done with, or by the signal. */
  #nextDone(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiter = (): void => {
        this.#slotWaiters.delete(waiter)
        signal.removeEventListener('abort', waiter)
        resolve()
      }
      this.#slotWaiters.add(waiter)
      signal.addEventListener('abort', waiter, { once: true })
    })
  }
}

function emptyView(entry: Entry, nowMs: number): View {
  return {
    entry, nowMs, item: undefined, inTrash: false, parent: undefined, content: null, writers: { open: false, lastFlushMs: null },
    holdersThere: [], holdersOfNewNameHere: [], holdersOfOldNameThere: [], deletedAbove: null, comesBackIn: null, isBelowLink: false, blockerBelow: null, mustLeaveFirst: null, sentByAnother: null,
    isHeld: false, uploadDelayMs: 0, hurriedAtMs: 0, maxVersionSizeBytes: 0,
  }
}
