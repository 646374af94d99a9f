/**
 * Lists folders that somebody waits for. The caller is a process stuck in OPENDIR or LOOKUP, so it never waits longer
 * than its deadline; the listing it started goes on, and whoever asks again joins it. Each request is filled up with
 * folders that a walk will want next (listing-ahead.ts). A folder whose listing fails alone fails for those who wait for it.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../base/clock.js'
import { DriveError, errorCode, errorText, type ErrorCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Drive } from '../drive/drive.js'
import { isConnected } from '../mirror/connected-rows.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { isOfFolder, seemsGone } from './folder-failure.js'
import { fetchNextPages } from './fetch-listings.js'
import type { FolderListing, ListedFolder } from './folder-listing.js'
import { foldersAhead } from './listing-ahead.js'
import { ListingRamp } from './listing-ramp.js'

/** Why a folder could not be listed, since its first failure. */
export interface FolderProblem {
  readonly code: ErrorCode
  readonly text: string
  readonly sinceMs: number
}

export interface DemandListerOptions {
  readonly drive: Pick<Drive, 'listPages'>
  readonly mirror: Mirror
  readonly clock: Clock
  readonly log: Log
  /** A listing to be filled, with the number of items told by an earlier look. */
  readonly newListing: (folder: Item, expectedItems: number) => FolderListing
  readonly apply: (listed: ListedFolder) => Promise<void>
  /** A folder that was connected here cannot be listed: no other list will tell that it is gone. */
  readonly suspect: (folder: Ino) => Promise<void>
}

const SIZES_KEPT = 10_000
const PROBLEMS_KEPT = 1_000

/** A folder being listed; several may wait for it. */
interface Job {
  readonly folder: Item
  readonly done: Promise<void>
  readonly settle: (error?: Error) => void
  /** Somebody asked for it: it goes on to the last page. */
  wanted: boolean
}

export class DemandLister {
  readonly #o: DemandListerOptions
  readonly #ramp = new ListingRamp()
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #jobs = new Map<Ino, Job>()
  /** How many items a folder has that was too large to be listed ahead: its pages are asked for at once next time. */
  readonly #sizes = new LRUCache<Ino, number>({ max: SIZES_KEPT })
  /** Folders whose last listing failed for them alone: shown to the user, and not listed ahead again. */
  readonly #problems = new LRUCache<Ino, FolderProblem>({ max: PROBLEMS_KEPT })

  constructor(options: DemandListerOptions) {
    this.#o = options
  }

  /**
   * Resolves when the folder's children are in the mirror. 'offline' at once when the portal is known to be out of reach,
   * 'deadline', 'interrupted' when the signal aborts, or the failure of this folder (403 …).
   */
  async ensureListed(folder: Ino, signal: AbortSignal, deadlineMs: number): Promise<void> {
    const item = this.#o.mirror.peek(folder) ?? (await this.#o.mirror.get(folder))
    if (item === undefined) throw new DriveError('not-found', 'the folder is gone')
    if (item.kind !== 'folder') throw new DriveError('not-directory', 'only folders are listed')
    if (item.listedMs !== null || item.base === null || item.excluded || item.deleted || item.base.trashed) return
    await this.#wait(this.#demand(item).done, signal, deadlineMs)
  }

  problems(): ReadonlyMap<Ino, FolderProblem> {
    return new Map(this.#problems.entries())
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DriveError('cancelled', 'listing is stopping'))
    await Promise.all(this.#running)
  }

  #demand(folder: Item): Job {
    const known = this.#jobs.get(folder.ino)
    if (known !== undefined) {
      known.wanted = true
      return known
    }
    const job = this.#begin(folder, true)
    const run = this.#run(job, this.#ramp.next(this.#o.clock.monotonicMs()))
    this.#running.add(run)
    void run.finally(() => this.#running.delete(run))
    return job
  }

  #begin(folder: Item, wanted: boolean): Job {
    let resolve: () => void = () => undefined
    let reject: (error: Error) => void = () => undefined
    const done = new Promise<void>((onListed, onFailure) => {
      resolve = onListed
      reject = onFailure
    })
    done.catch(() => undefined) // one listed ahead that nobody waits for fails without a witness: it is logged in #settle
    const settle = (error?: Error): void => {
      this.#jobs.delete(folder.ino)
      if (error === undefined) resolve()
      else reject(error)
    }
    const job = { folder, done, settle, wanted }
    this.#jobs.set(folder.ino, job)
    return job
  }

  /** Never throws: what fails is the outcome of the jobs. */
  async #run(first: Job, size: number): Promise<void> {
    const jobs = [first]
    try {
      const ahead = await foldersAhead(this.#o.mirror, first.folder, size - 1, (ino) => this.#jobs.has(ino) || this.#problems.has(ino) || this.#sizes.has(ino))
      for (const folder of ahead) if (!this.#jobs.has(folder.ino)) jobs.push(this.#begin(folder, false))
      await this.#list(jobs, size)
      this.#ramp.answered(this.#o.clock.monotonicMs())
    } catch (error) {
      const failure = error instanceof Error ? error : new DriveError('internal', errorText(error))
      for (const job of jobs) if (this.#jobs.get(job.folder.ino) === job) job.settle(failure)
    }
  }

  async #list(jobs: readonly Job[], size: number): Promise<void> {
    const open = new Map(jobs.map((job) => [job, this.#o.newListing(job.folder, this.#sizes.get(job.folder.ino) ?? 0)]))
    for (let isFirst = true; open.size > 0; isFirst = false) {
      await fetchNextPages(this.#o.drive, [...open.values()], { priority: 'listing', signal: this.#stopping.signal }, isFirst ? Math.max(size, this.#pagesOf(open)) : undefined)
      const finished = [...open].filter(([, { result }]) => result !== undefined)
      for (const [job] of finished) open.delete(job)
      await Promise.all(finished.map(([job, listing]) => this.#settle(job, listing)))
      for (const [job, listing] of open) if (!job.wanted) this.#postpone(open, job, listing)
    }
  }

  /** Pages of the folder that is waited for; they go together however small the batch was to be. */
  #pagesOf(open: ReadonlyMap<Job, FolderListing>): number {
    const [listing] = open.values()
    return Math.min(listing?.wanted().length ?? 1, 50)
  }

  /** A large folder that nobody has asked for yet: its size is kept, so that one request fetches all its pages then. */
  #postpone(open: Map<Job, FolderListing>, job: Job, listing: FolderListing): void {
    if (listing.total !== undefined) this.#sizes.set(job.folder.ino, listing.total)
    open.delete(job)
    job.settle()
  }

  async #settle(job: Job, { result }: FolderListing): Promise<void> {
    const { ino } = job.folder
    if (result === undefined) return
    if (result.kind === 'failed') {
      const problem = { code: errorCode(result.error), text: errorText(result.error) }
      if (isOfFolder(result.error)) this.#problems.set(ino, { ...problem, sinceMs: this.#problems.get(ino)?.sinceMs ?? this.#o.clock.nowMs() })
      this.#o.log.info({ ino, ...problem }, 'a folder could not be listed')
      job.settle(result.error)
      if (isConnected(job.folder) && seemsGone(result.error)) await this.#suspect(ino)
      return
    }
    try {
      await this.#o.apply(result.listed)
      this.#problems.delete(ino)
      this.#sizes.delete(ino)
      job.settle()
    } catch (error) {
      job.settle(error instanceof Error ? error : new DriveError('internal', errorText(error)))
    }
  }

  /** The others of the batch do not suffer from it: whoever looks again asks again. */
  async #suspect(ino: Ino): Promise<void> {
    try {
      await this.#o.suspect(ino)
    } catch (error) {
      this.#o.log.info({ ino, code: errorCode(error), error: errorText(error) }, 'whether a connected folder is gone could not be asked')
    }
  }

  #wait(done: Promise<void>, signal: AbortSignal, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        finish(new DriveError('interrupted', 'the wait for a listing was interrupted'))
      }
      const cancel = this.#o.clock.setTimer(deadlineMs, () => {
        finish(new DriveError('deadline', 'the folder was not listed in time'))
      })
      const finish = (error?: Error): void => {
        cancel()
        signal.removeEventListener('abort', onAbort)
        if (error === undefined) resolve()
        else reject(error)
      }
      if (signal.aborted) {
        onAbort()
        return
      }
      signal.addEventListener('abort', onAbort, { once: true })
      done.then(() => {
        finish()
      }, finish)
    })
  }
}
