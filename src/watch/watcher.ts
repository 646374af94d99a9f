/**
 * Looks for changes made elsewhere, by the schedule: folders in use often, the others in turn, everything after a pause
 * and when a person asks. Nothing while paused or offline. One look at a time from the loop; a person's look runs beside it.
 */
import type { Clock } from '../base/clock.js'
import { DriveError, errorText, hasCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { ServiceLoop, type Service } from '../base/service.js'
import type { CallOptions, Drive, ListPage } from '../drive/drive.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { BATCH_COMMANDS, fetchListings } from './fetch-listings.js'
import { PAGE_ITEMS, type FolderListing, type Stamp } from './folder-listing.js'
import type { FoldersInUse } from './folders-in-use.js'
import type { LargeFolders } from './large-folders.js'
import type { RequestAllowance } from './request-allowance.js'
import type { Sweep } from './sweep.js'
import { planTurn } from './watch-schedule.js'

export interface WatcherOptions {
  readonly drive: Pick<Drive, 'listPages'>
  readonly store: Store
  readonly mirror: Mirror
  readonly clock: Clock
  readonly log: Log
  readonly inUse: FoldersInUse
  readonly large: LargeFolders
  readonly sweep: Sweep
  readonly allowance: RequestAllowance
  readonly newListing: (folder: Item, expectedItems: number) => FolderListing
  readonly newStamp: () => Stamp
}

/** Fact of the mirror: when the portal was last looked at with success, ISO 8601. */
export const LAST_SYNC_FACT = 'lastSync'

const JUST_LISTED_MS = 2_000 // somebody waited for it a moment ago
const ROLLING_AGE_MS = 30_000
const OFFLINE_REST_MS = 12_000

/** A pass over everything listed before a moment. */
interface Pass {
  readonly beforeMs: number
  /** Folders looked at in vain, not to be tried again in this pass. */
  readonly tried: Set<Ino>
}

export class Watcher implements Service {
  readonly #o: WatcherOptions
  readonly #loop: ServiceLoop
  readonly #stopping = new AbortController()
  readonly #syncing = new Set<Promise<void>>()
  #paused = false
  #online = true
  #pass: Pass | undefined
  #lastHotMs = Number.NEGATIVE_INFINITY
  #lastRollingMs = Number.NEGATIVE_INFINITY

  constructor(options: WatcherOptions) {
    this.#o = options
    this.#loop = new ServiceLoop({ name: 'watch', clock: options.clock, log: options.log, turn: (signal) => this.#turn(signal) })
  }

  /** What happened while nobody looked is found first. */
  start(): void {
    this.#pass = this.#newPass()
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
  }

  setOnline(online: boolean): void {
    this.#resume(!this.#online && online)
    this.#online = online
  }

  /** Lists every listed folder again. Resolves when all of it is applied; throws what stopped it ('offline', 'cancelled'). */
  syncAll(signal: AbortSignal): Promise<void> {
    return this.#untilStopped(signal, async (limited) => {
      const inos = (await this.#o.mirror.listedFolders(Number.MAX_SAFE_INTEGER)).map(({ ino }) => ino)
      await this.#lookAtAll(inos, limited)
      await this.#recordSync()
    })
  }

  /** As `syncAll`, for these folders. */
  syncFolders(folders: readonly Ino[], signal: AbortSignal): Promise<void> {
    return this.#untilStopped(signal, (limited) => this.#lookAtAll(folders, limited))
  }

  lastSync(): Promise<string | undefined> {
    return this.#o.mirror.fact(LAST_SYNC_FACT)
  }

  async #untilStopped(signal: AbortSignal, run: (limited: AbortSignal) => Promise<void>): Promise<void> {
    const work = run(AbortSignal.any([signal, this.#stopping.signal]))
    this.#syncing.add(work)
    try {
      await work
    } finally {
      this.#syncing.delete(work)
    }
  }

  async #lookAtAll(inos: readonly Ino[], signal: AbortSignal): Promise<void> {
    for (let from = 0; from < inos.length; from += BATCH_COMMANDS) {
      if (signal.aborted) throw new DriveError('cancelled', 'the look through the drive was cancelled')
      const folders = await this.#o.mirror.getMany(inos.slice(from, from + BATCH_COMMANDS))
      await this.#o.sweep.look(folders.filter(isWatched), { priority: 'listing', signal })
    }
  }

  #resume(isBack: boolean): void {
    if (!isBack) return
    this.#pass = this.#newPass()
    this.#loop.wake()
  }

  #newPass(): Pass {
    return { beforeMs: this.#o.clock.nowMs(), tried: new Set() }
  }

  async #turn(signal: AbortSignal): Promise<number> {
    if (this.#paused || !this.#online) return Infinity
    const { clock } = this.#o
    const used = await this.#foldersInUse()
    const state = () => ({
      inUse: this.#o.inUse.list().length > 0,
      passDue: this.#pass !== undefined,
      used: this.#o.allowance.used(),
      hasLarge: used.large.length > 0,
      lastHotMs: this.#lastHotMs,
      lastRollingMs: this.#lastRollingMs,
    })
    const plan = planTurn(state(), clock.monotonicMs())
    try {
      await this.#look(used, plan, signal)
    } catch (error) {
      if (!hasCode(error, 'offline')) throw error
      return OFFLINE_REST_MS
    }
    return planTurn(state(), clock.monotonicMs()).restMs
  }

  async #look(used: { small: readonly Item[]; large: readonly Item[] }, plan: { hot: boolean; rolling: boolean }, signal: AbortSignal): Promise<void> {
    const nowMs = this.#o.clock.monotonicMs()
    const hot = plan.hot ? used : { small: [], large: [] }
    const listed = new Set([...hot.small, ...hot.large].map(({ ino }) => ino))
    const rolling = plan.rolling ? (await this.#oldest(BATCH_COMMANDS)).filter(({ ino }) => !listed.has(ino)).slice(0, BATCH_COMMANDS - listed.size) : []
    // Before the requests: a look that fails is due again only after its time, and the loop backs off by itself.
    if (plan.hot) this.#lastHotMs = nowMs
    if (plan.rolling) this.#lastRollingMs = nowMs
    if (listed.size + rolling.length === 0) return
    await this.#lookAt([...hot.small, ...rolling], hot.large, { priority: plan.hot ? 'listing' : 'background', signal })
    for (const { ino } of rolling) this.#pass?.tried.add(ino)
    await this.#recordSync()
  }

  /** First pages of the ones and newest pages of the others in one request; then what these ask for. */
  async #lookAt(whole: readonly Item[], probed: readonly Item[], call: CallOptions): Promise<void> {
    const listings = whole.map((folder) => this.#o.newListing(folder, 0))
    const stamp = this.#o.newStamp()
    const first = listings.flatMap((listing) => listing.wanted())
    const newest = probed.flatMap(({ base }) => (base === null ? [] : [{ folderId: base.realId, start: 0, order: 'newest' } as const]))
    const outcomes = await this.#o.drive.listPages([...first, ...newest], call)
    for (const [index, listing] of listings.entries()) {
      listing.take(0, outcomes[index] ?? { ok: false, error: new DriveError('bad-answer', 'the portal left a page of a folder out') })
      listing.settle()
    }
    await fetchListings(this.#o.drive, listings, call)
    await this.#o.sweep.take(listings, call)
    const pages = new Map<Item, { page: ListPage; stamp: Stamp }>()
    for (const [index, folder] of probed.entries()) {
      const outcome = outcomes[first.length + index]
      if (outcome?.ok === true) pages.set(folder, { page: outcome.value, stamp })
      else this.#o.log.info({ ino: folder.ino, error: errorText(outcome?.error) }, 'a large folder could not be looked at')
    }
    if (pages.size > 0) await this.#readChanged(await this.#o.large.probe(pages, call), call)
  }

  async #readChanged(changed: readonly Item[], call: CallOptions): Promise<void> {
    const listings = changed.map((folder) => this.#o.newListing(folder, 0))
    await fetchListings(this.#o.drive, listings, call)
    await this.#o.sweep.take(listings, call)
    for (const { folder, result, total } of listings) if (result?.kind === 'listed') await this.#o.large.listed(folder, total ?? 0)
  }

  async #foldersInUse(): Promise<{ small: readonly Item[]; large: readonly Item[] }> {
    const inos = this.#o.inUse.list()
    this.#o.large.keepOnly(new Set(inos))
    const sinceMs = this.#o.clock.nowMs() - JUST_LISTED_MS
    const small: Item[] = []
    const large: Item[] = []
    for (const folder of await this.#o.mirror.getMany(inos)) {
      if (!isWatched(folder) || (folder.listedMs ?? 0) > sinceMs) continue
      const children = await this.#o.mirror.children(folder.ino)
      if (children.size > PAGE_ITEMS) large.push(folder)
      else small.push(folder)
    }
    return { small, large }
  }

  /** Folders listed longest ago; those of the pass while there is one. */
  async #oldest(limit: number): Promise<readonly Item[]> {
    const pass = this.#pass
    if (pass !== undefined) {
      const due = await this.#o.mirror.listedFolders(limit + pass.tried.size, pass.beforeMs)
      const left = due.filter(({ ino }) => !pass.tried.has(ino)).slice(0, limit)
      if (left.length > 0) return left
      this.#pass = undefined
    }
    return this.#o.mirror.listedFolders(limit, this.#o.clock.nowMs() - ROLLING_AGE_MS)
  }

  #recordSync(): Promise<void> {
    const now = new Date(this.#o.clock.nowMs()).toISOString()
    return this.#o.store.transact((tx) => this.#o.mirror.setFact(tx, LAST_SYNC_FACT, now))
  }
}

function isWatched(folder: Item): boolean {
  return folder.kind === 'folder' && folder.listedMs !== null && folder.base !== null && !folder.deleted && !folder.excluded
}
