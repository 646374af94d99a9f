/**
 * Walks through what is pinned: lists the folders that nobody has looked at yet, marks every file below, and has it
 * fetched. A folder that cannot be listed keeps nobody from the others; the walk is made again, ever more rarely.
 */
import { delay } from '../base/clock.js'
import { DriveError, errorCode, errorText, hasCode } from '../base/errors.js'
import type { ContentId, Ino } from '../base/ids.js'
import { untilCancelled } from '../base/until-cancelled.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import { seemsGone } from '../watch/folder-failure.js'
import type { Watch } from '../watch/watch.js'
import { FETCH_AGAIN_MS, SELDOM_AGAIN_MS, type BackgroundFetches, type BackgroundFetchesOptions } from './background-fetches.js'
import { contentRow } from './content-holding.js'

export interface PinnedWalksOptions extends Omit<BackgroundFetchesOptions, 'hydrator' | 'onPresence'> {
  readonly watch: Pick<Watch, 'ensureListed'>
  readonly fetches: BackgroundFetches
  /** Nothing is listed that nobody waits for. */
  readonly isPaused: () => boolean
  /** The item itself or a folder above it is pinned. */
  readonly isPinned: (ino: Ino) => Promise<boolean>
}

const SOON_AGAIN_MS = 1_000 // somebody waits
const PATIENTLY_AGAIN_MS = 30_000

export class PinnedWalks {
  readonly #o: PinnedWalksOptions
  readonly #stopping = new AbortController()
  /** Under way; none rejects. */
  readonly #walks = new Set<Promise<void>>()
  /** Not everything that is pinned was looked through. */
  #isDue = true
  /** What kept a folder from being listed and passes by itself. One that the portal refuses is no obstacle: it is asked for again, and nobody waits for it. */
  #obstacle: unknown
  #pauseMs = FETCH_AGAIN_MS
  #cancelRetry: (() => void) | undefined

  constructor(options: PinnedWalksOptions) {
    this.#o = options
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DriveError('cancelled', 'the walk through what is pinned is stopping'))
    this.#endRetry()
    await Promise.all(this.#walks)
  }

  /** Looks through everything that is pinned, unless that was done. */
  hurry(): void {
    if (!this.#isDue || this.#isStopping || this.#o.isPaused()) return
    this.#endRetry()
    this.#isDue = false
    this.#begin(this.#all())
  }

  /** New or changed files below a pinned folder are to be kept as well. */
  follow(deltas: readonly MirrorDelta[]): void {
    if (!this.#isStopping) this.#begin(this.#changed(deltas))
  }

  /** Throws what kept the first folder from being listed; the others are walked through all the same, and it is asked for again. */
  async below(ino: Ino): Promise<void> {
    const failures: unknown[] = []
    try {
      await this.#keepBelow(ino, failures)
    } catch (error) {
      failures.push(error)
    }
    this.#note(failures)
    if (failures.length > 0) throw failures[0]
  }

  /** Resolves when everything was looked through that can be; 'cancelled' by the signal or the stop. */
  async waitUntilDone(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#stopping.signal])
    for (let pauseMs = SOON_AGAIN_MS; ; pauseMs = Math.min(pauseMs * 2, PATIENTLY_AGAIN_MS)) {
      this.hurry()
      while (this.#walks.size > 0) await untilCancelled(Promise.all(this.#walks), either)
      if (this.#obstacle === undefined) return
      await delay(this.#o.clock, pauseMs, either)
    }
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  async #all(): Promise<readonly unknown[]> {
    const failures: unknown[] = []
    for (const { ino } of await this.#o.mirror.pinnedItems()) await this.#keepBelow(ino, failures)
    this.#obstacle = undefined
    if (failures.length === 0) this.#pauseMs = FETCH_AGAIN_MS
    return failures
  }

  async #changed(deltas: readonly MirrorDelta[]): Promise<readonly unknown[]> {
    const failures: unknown[] = []
    for (const delta of deltas) {
      if (delta.kind !== 'appeared' && delta.kind !== 'content' && delta.kind !== 'moved') continue
      if (await this.#o.isPinned(delta.ino)) await this.#keepBelow(delta.ino, failures)
    }
    return failures
  }

  #begin(walk: Promise<readonly unknown[]>): void {
    const walking: Promise<void> = walk
      .catch((error: unknown) => [error])
      .then((failures) => {
        this.#note(failures)
      })
      .finally(() => this.#walks.delete(walking))
    this.#walks.add(walking)
  }

  #note(failures: readonly unknown[]): void {
    const [first] = failures
    if (first === undefined || this.#isStopping) return
    this.#o.log.info({ folders: failures.length, code: errorCode(first), error: errorText(first) }, 'what is pinned could not all be looked through, and is again later')
    this.#isDue = true
    this.#obstacle = failures.find((error) => !seemsGone(error)) ?? this.#obstacle
    if (this.#cancelRetry !== undefined) return
    this.#cancelRetry = this.#o.clock.setTimer(this.#pauseMs, () => {
      this.#cancelRetry = undefined
      this.hurry()
    })
    this.#pauseMs = Math.min(this.#pauseMs * 2, SELDOM_AGAIN_MS)
  }

  #endRetry(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
  }

  /** Throws 'offline' and 'cancelled': then nothing else would come through. */
  async #keepBelow(ino: Ino, failures: unknown[]): Promise<void> {
    if (this.#isStopping) throw this.#stopping.signal.reason
    const item = await this.#o.mirror.get(ino)
    if (item === undefined || item.deleted || item.excluded) return
    if (item.kind === 'file') {
      await this.#keepFiles([item])
      return
    }
    if (item.listedMs === null && !(await this.#list(ino, failures))) return
    const children = await this.#o.mirror.getMany([...(await this.#o.mirror.children(ino)).values()])
    await this.#keepFiles(children.filter(({ kind, deleted, excluded }) => kind === 'file' && !deleted && !excluded))
    for (const child of children) if (child.kind === 'folder') await this.#keepBelow(child.ino, failures)
  }

  async #list(ino: Ino, failures: unknown[]): Promise<boolean> {
    try {
      await this.#o.watch.ensureListed(ino, this.#stopping.signal)
      return true
    } catch (error) {
      if (this.#isStopping || hasCode(error, 'offline')) throw error
      failures.push(error)
      return false
    }
  }

  async #keepFiles(files: readonly Item[]): Promise<void> {
    const contents: ContentId[] = []
    const kept: Ino[] = []
    for (const { ino, contentId } of files) {
      if (this.#isStopping) return
      const content = contentId ?? (await this.#placeholder(ino))
      if (content === undefined) continue
      contents.push(content)
      kept.push(ino)
    }
    if (contents.length === 0) return
    await this.#o.store.transact((tx) => this.#o.cache.setPinned(tx, contents, true))
    for (const ino of kept) this.#o.fetches.want(ino)
  }

  /** Undefined when it has gone in this moment. */
  async #placeholder(ino: Ino): Promise<ContentId | undefined> {
    try {
      return await contentRow(this.#o, ino)
    } catch (error) {
      if (hasCode(error, 'not-found')) return undefined
      throw error
    }
  }
}
