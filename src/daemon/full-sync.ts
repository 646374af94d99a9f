/**
 * Full synchronization of a mounted drive (R11): history is dropped, and what the portal has now is compared with what is here,
 * as after disconnecting and connecting, but without leaving the mount. While it compares nothing is sent and nothing else
 * looked for; until its decisions are written down, in one durable transaction, it is not in effect and has changed nothing. From there on
 * it needs no portal and the only way is forward: whoever dies or fails on it is followed by one that does the rest before anything else.
 */
import { DriveError } from '../base/errors.js'
import type { RemoteId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Journal } from '../journal/journal.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import type { Upload } from '../upload/upload.js'
import type { Comparison } from '../watch/full-comparison.js'
import type { RowOf } from '../watch/history-drop.js'
import type { Watch } from '../watch/watch.js'

export interface FullSyncOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly watch: Watch
  readonly upload: Upload
  readonly log: Log
}

/** What was decided, row by row, each with the object that it stood for. */
interface Decisions {
  readonly gone: readonly RowOf[]
  readonly differing: readonly RowOf[]
  readonly back: readonly RowOf[]
}

/** Fact of the mirror: decisions that are not all carried out; '' when there are none. */
export const FULL_SYNC_FACT = 'fullSync'

export class FullSync {
  readonly #o: FullSyncOptions
  #running = false
  /** Nothing is sent or looked for, until each is called. */
  #releases: readonly (() => void)[] = []
  /** It is in effect and not carried out, because that failed: nothing else may happen before it is. */
  #isUnfinished = false

  constructor(options: FullSyncOptions) {
    this.#o = options
  }

  /** What `run` would find now. Changes nothing, and asks the portal only questions. */
  async compare(signal: AbortSignal): Promise<Comparison> {
    return this.#o.watch.compare(await this.#made(), signal)
  }

  /**
   * Resolves when history is dropped: what is to be sent is queued then, and what is to be listed is found by the next look.
   * 'busy' while another one runs; 'cancelled', 'offline' and whatever else the portal failed with, all before it was in effect.
   */
  async run(signal: AbortSignal): Promise<Comparison> {
    if (this.#running) throw new DriveError('busy', 'a full synchronization is under way already: wait for its end')
    return this.#alone(async () => {
      await this.#hold(signal)
      await this.#carryOutWritten()
      const comparison = await this.compare(signal)
      const { gone, moved, differing, back, uncompared } = comparison
      await this.#o.watch.follow(moved, signal)
      const decisions: Decisions = { gone: gone.map(({ row }) => refOf(row)), differing: differing.map(({ row }) => refOf(row)), back: back.map(refOf) }
      await this.#write(JSON.stringify(decisions))
      this.#o.log.info({ gone: gone.length, differing: differing.length, back: back.length, uncompared: uncompared.length }, 'full synchronization: history is dropped')
      await this.#carryOut(decisions)
      return comparison
    })
  }

  /** The rest of one that was in effect and did not come to its end. To be called before anything is sent or looked for. */
  async finish(): Promise<void> {
    if (!this.#running) await this.#alone(() => this.#carryOutWritten())
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#running = true
    try {
      return await work()
    } finally {
      this.#running = false
      if (!this.#isUnfinished) this.#letGo()
    }
  }

  async #hold(signal: AbortSignal): Promise<void> {
    if (this.#releases.length > 0) return
    this.#releases = [await this.#o.upload.hold(signal)]
    this.#releases = [await this.#o.watch.hold(signal), ...this.#releases]
  }

  #letGo(): void {
    for (const release of this.#releases) release()
    this.#releases = []
  }

  async #carryOutWritten(): Promise<void> {
    const text = (await this.#o.mirror.fact(FULL_SYNC_FACT)) ?? ''
    if (text === '') return
    this.#o.log.info({}, 'a full synchronization that did not come to its end goes on')
    await this.#carryOut(parse(text))
  }

  async #carryOut({ gone, differing, back }: Decisions): Promise<void> {
    const { watch, upload } = this.#o
    this.#isUnfinished = true
    await upload.takeBack(back) // first: files that are gone may stand in folders that come back
    await watch.history.gone(gone)
    await watch.history.differing(differing)
    await this.#write('')
    this.#isUnfinished = false
  }

  #write(text: string): Promise<void> {
    return this.#o.store.transact((tx) => this.#o.mirror.setFact(tx, FULL_SYNC_FACT, text), { durable: true })
  }

  /** What is here and was never sent. */
  async #made(): Promise<readonly Item[]> {
    const queued = await this.#o.mirror.getMany((await this.#o.journal.entries()).map(({ ino }) => ino))
    return queued.filter(({ base, parent, localOnly, excluded, deleted }) => base === null && parent !== null && !localOnly && !excluded && !deleted)
  }
}

function refOf({ ino, base }: Item & { readonly base: { readonly id: RemoteId } }): RowOf {
  return [ino, base.id]
}

function parse(text: string): Decisions {
  try {
    return JSON.parse(text) as Decisions
  } catch (cause) {
    throw new DriveError('database-damaged', 'the decisions of a full synchronization cannot be read', { cause })
  }
}
