/**
 * Looks for changes made elsewhere, by the schedule: folders in use often; the others by sweeps of their parents and whole
 * listings in turn; everything after a pause, after the machine slept and when a person asks. Nothing while paused or offline. One look at a time
 * from the loop; a person's look runs beside it.
 */
import assert from 'node:assert'
import { delay, type Clock } from '../base/clock.js'
import { DriveError, hasCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { ServiceLoop, type Service } from '../base/service.js'
import { SleepWatch } from '../base/sleep-watch.js'
import { untilCancelled } from '../base/until-cancelled.js'
import type { CallOptions, Drive } from '../drive/drive.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { BATCH_COMMANDS, fetchListings } from './fetch-listings.js'
import type { FolderListing } from './folder-listing.js'
import type { FoldersInUse } from './folders-in-use.js'
import { isWatched, type HotFolders, type HotSet } from './hot-folders.js'
import { Look } from './look.js'
import type { ParentSweep } from './parent-sweep.js'
import type { RequestAllowance } from './request-allowance.js'
import type { Due, RollingFolders } from './rolling-folders.js'
import type { Sweep, Unsettled } from './sweep.js'
import { planTurn, type ScheduledTurn } from './watch-schedule.js'

export interface WatcherOptions {
  readonly drive: Pick<Drive, 'listPages'>
  readonly store: Store
  readonly mirror: Mirror
  readonly clock: Clock
  readonly log: Log
  readonly inUse: FoldersInUse
  readonly hot: HotFolders
  readonly parents: ParentSweep
  readonly rolling: RollingFolders
  readonly sweep: Sweep
  readonly allowance: RequestAllowance
  /** Requests that a pass was hurried by. */
  readonly hurried: RequestAllowance
  readonly newListing: (folder: Item, expectedItems: number) => FolderListing
}

/** Fact of the mirror: when the portal was last looked at with success, ISO 8601. */
export const LAST_SYNC_FACT = 'lastSync'

const NOTHING_HOT: HotSet = { small: [], large: [], requests: 0 }
const OFFLINE_REST_MS = 12_000
// How often and at what intervals a person's look comes back to a folder: two and a half minutes for one that cannot be listed.
const CONTRADICTED_LOOKS = 3
const MOST_LOOKS = 12
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 30_000
// Listed less long ago than this, a folder waits for its next turn: what the watch of a small drive costs.
const LEAST_AGE_MS = { use: 60_000, idle: 300_000 }

export class Watcher implements Service {
  readonly #o: WatcherOptions
  readonly #loop: ServiceLoop
  readonly #stopping = new AbortController()
  readonly #syncing = new Set<Promise<void>>()
  readonly #sleep: SleepWatch
  #paused = false
  #online = true
  /** Until it resolves nothing is looked for; undefined: nobody holds the watch. */
  #held: Promise<void> | undefined
  /** The turn that runs, or the last one. Never rejects. */
  #turning: Promise<unknown> = Promise.resolve()
  #lastHotMs = Number.NEGATIVE_INFINITY
  #lastColdMs = Number.NEGATIVE_INFINITY
  /** See ScheduleState. */
  #waitedMs = 0
  #idleSinceMs: number | undefined
  /** Aborted when a pause or a holder begins. */
  #patience = new AbortController()
  /** Sweeps and whole listings have every other request. */
  #isSweepsTurn = true

  constructor(options: WatcherOptions) {
    this.#o = options
    this.#sleep = new SleepWatch(options.clock)
    this.#loop = new ServiceLoop({ name: 'watch', clock: options.clock, log: options.log, turn: (signal) => this.#turnNow(signal) })
  }

  /** What happened while nobody looked is found first. */
  start(): void {
    this.#o.rolling.startPass()
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DriveError('cancelled', 'the watch is stopping'))
    await this.#loop.stop()
    await Promise.allSettled(this.#syncing)
  }

  noteUse(folder: Ino): void {
    const wasIdle = this.#o.inUse.list().length === 0
    this.#o.inUse.note(folder)
    if (wasIdle) this.#loop.wake()
  }

  setPaused(paused: boolean): void {
    this.#resume(this.#paused && !paused)
    this.#paused = paused
    if (paused) this.#endPatience()
  }

  setOnline(online: boolean): void {
    this.#resume(!this.#online && online)
    this.#online = online
  }

  /**
   * Resolves when nothing is looked at any more, and nothing will be until the answer is called: a person's look waits. By one
   * holder at a time; 'cancelled' by the signal. Who waits for a folder gets it.
   */
  async hold(signal: AbortSignal): Promise<() => void> {
    assert(this.#held === undefined, 'the watch has one holder at a time')
    let release: () => void = () => undefined
    this.#held = new Promise((resolve) => {
      release = () => {
        this.#held = undefined
        resolve()
        this.#loop.wake()
      }
    })
    this.#endPatience()
    try {
      await untilCancelled(Promise.allSettled([this.#turning, ...this.#syncing]), signal)
      return release
    } catch (error) {
      release()
      throw error
    }
  }

  /** Whether a person's look would wait. */
  get isHeld(): boolean {
    return this.#held !== undefined
  }

  /**
   * Lists every listed folder again. Resolves when all of it is applied; throws what stopped it ('offline', 'cancelled'), or, after
   * several looks in some minutes or when a pause or a holder begins, why a folder could not be listed ('portal-error', 'bad-answer').
   */
  syncAll(signal: AbortSignal): Promise<void> {
    return this.#untilStopped(signal, async (limited) => {
      const inos = (await this.#o.mirror.listedFolders(Number.MAX_SAFE_INTEGER)).map(({ ino }) => ino)
      await this.#lookUntilSettled(inos, limited)
      await this.#recordSync()
    })
  }

  /** As `syncAll`, for these folders. */
  syncFolders(folders: readonly Ino[], signal: AbortSignal): Promise<void> {
    return this.#untilStopped(signal, async (limited) => {
      await this.#lookAtAll(folders, limited)
    })
  }

  lastSync(): Promise<string | undefined> {
    return this.#o.mirror.fact(LAST_SYNC_FACT)
  }

  async #untilStopped(signal: AbortSignal, run: (limited: AbortSignal) => Promise<void>): Promise<void> {
    const limited = AbortSignal.any([signal, this.#stopping.signal])
    if (this.#held !== undefined) await untilCancelled(this.#held, limited)
    const work = run(limited)
    this.#syncing.add(work)
    try {
      await work
    } finally {
      this.#syncing.delete(work)
    }
  }

  /** What is contradicted is looked at again at once, and left as it is where the portal insists on it; what failed ever more rarely. */
  async #lookUntilSettled(inos: readonly Ino[], signal: AbortSignal): Promise<void> {
    let open = inos
    for (let look = 1; ; look += 1) {
      const { failed, contradicted } = await this.#lookAtAll(open, signal)
      open = look < CONTRADICTED_LOOKS ? [...failed.keys(), ...contradicted] : [...failed.keys()]
      if (open.length === 0) return
      const [failure] = failed.values()
      if (failure === undefined) continue
      if (look === MOST_LOOKS || !(await this.#isPatient(Math.min(FIRST_PAUSE_MS * 2 ** (look - 1), LONGEST_PAUSE_MS), signal))) throw failure
    }
  }

  /** Waits; false as soon as nothing is to be looked for any more. */
  async #isPatient(pauseMs: number, signal: AbortSignal): Promise<boolean> {
    if (this.#paused || this.#held !== undefined) return false
    const patience = this.#patience.signal
    try {
      await delay(this.#o.clock, pauseMs, AbortSignal.any([signal, patience]))
      return true
    } catch (error) {
      if (signal.aborted) throw error
      return false
    }
  }

  /** Looks that wait for their next attempt end. */
  #endPatience(): void {
    this.#patience.abort()
    this.#patience = new AbortController()
  }

  async #lookAtAll(inos: readonly Ino[], signal: AbortSignal): Promise<Unsettled> {
    const failed = new Map<Ino, Error>()
    const contradicted: Ino[] = []
    for (let from = 0; from < inos.length; from += BATCH_COMMANDS) {
      if (signal.aborted) throw new DriveError('cancelled', 'the look through the drive was cancelled')
      const folders = await this.#o.mirror.getMany(inos.slice(from, from + BATCH_COMMANDS))
      const unsettled = await this.#o.sweep.look(folders.filter(isWatched), { priority: 'listing', signal })
      for (const [ino, error] of unsettled.failed) failed.set(ino, error)
      contradicted.push(...unsettled.contradicted)
    }
    return { failed, contradicted }
  }

  #resume(isBack: boolean): void {
    if (!isBack) return
    this.#o.rolling.startPass()
    this.#loop.wake()
  }

  #turnNow(signal: AbortSignal): Promise<number> {
    const turn = this.#turn(signal)
    this.#turning = turn.catch(() => undefined) // the loop tells of it
    return turn
  }

  async #turn(signal: AbortSignal): Promise<number> {
    if (this.#paused || !this.#online || this.#held !== undefined) return Infinity
    const { clock } = this.#o
    if (this.#sleep.hasSlept()) this.#o.rolling.startPass() // others worked on meanwhile
    const hot = await this.#o.hot.now()
    const plan = (): ScheduledTurn => planTurn(this.#state(hot.requests), clock.monotonicMs())
    try {
      await this.#look(hot, plan(), signal)
    } catch (error) {
      if (!hasCode(error, 'offline')) throw error
      return OFFLINE_REST_MS
    }
    return plan().restMs
  }

  #state(hotRequests: number): Parameters<typeof planTurn>[0] {
    const nowMs = this.#o.clock.monotonicMs()
    const inUse = this.#o.inUse.list().length > 0
    this.#idleSinceMs = inUse ? undefined : (this.#idleSinceMs ?? nowMs)
    return {
      inUse,
      hotRequests,
      passDue: this.#o.rolling.isHurried,
      used: this.#idleSinceMs === undefined ? this.#o.allowance.used() : this.#o.allowance.used(nowMs - this.#idleSinceMs),
      hurried: this.#o.hurried.used(),
      waitedMs: this.#waitedMs,
      lastHotMs: this.#lastHotMs,
      lastColdMs: this.#lastColdMs,
    }
  }

  async #look(hot: HotSet, plan: ScheduledTurn, signal: AbortSignal): Promise<void> {
    const call: CallOptions = { priority: plan.hot ? 'listing' : 'background', signal }
    const startedMs = this.#o.clock.monotonicMs()
    // Before the requests: a look that fails is due again only after its time, and the loop backs off by itself.
    if (plan.hot) this.#lastHotMs = startedMs
    if (plan.cold) this.#lastColdMs = startedMs
    const look = new Look()
    const seen = plan.hot ? hot : NOTHING_HOT
    const probes = this.#o.hot.ask(look, seen)
    const rolling = await this.#askCold(look, plan, new Set([...seen.small, ...seen.large].map(({ ino }) => ino)), call)
    if (look.isEmpty) return
    try {
      await look.send(this.#o.drive, call)
    } finally {
      if (plan.cold) this.#waitedMs = this.#o.clock.monotonicMs() - startedMs
      await this.#o.parents.settle()
    }
    await fetchListings(this.#o.drive, look.listings, call)
    const { failed } = await this.#o.sweep.take(look.listings, call)
    await this.#o.hot.settle(probes, call)
    await this.#o.rolling.looked(rolling)
    await this.#o.parents.settle()
    if (failed.size === 0) await this.#recordSync()
  }

  /** What a look at folders in use leaves free goes to the sweep. What is due besides has a request of its own, which is filled too. */
  async #askCold(look: Look, { hot, cold, hurried }: ScheduledTurn, except: ReadonlySet<Ino>, call: CallOptions): Promise<readonly Due[]> {
    const { parents, rolling, inUse } = this.#o
    if (hot) await parents.ask(look, look.spare)
    if (!cold) return []
    if (hurried) this.#o.hurried.count(1)
    const isSweepsTurn = (await parents.prepare(call)) && this.#isSweepsTurn
    this.#isSweepsTurn = !isSweepsTurn
    if (isSweepsTurn) await parents.ask(look, BATCH_COMMANDS)
    const leastAgeMs = inUse.list().length > 0 ? LEAST_AGE_MS.use : LEAST_AGE_MS.idle
    const due = await rolling.next(isSweepsTurn ? look.spare : BATCH_COMMANDS, { except, leastAgeMs })
    for (const { folder, items } of due) look.list(this.#o.newListing(folder, items))
    if (!isSweepsTurn) await parents.ask(look, look.spare)
    return due
  }

  #recordSync(): Promise<void> {
    const now = new Date(this.#o.clock.nowMs()).toISOString()
    return this.#o.store.transact((tx) => this.#o.mirror.setFact(tx, LAST_SYNC_FACT, now))
  }
}
