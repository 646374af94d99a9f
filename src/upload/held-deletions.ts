/**
 * Which deletions made here the mass-deletion brake holds (6a.12): what was deleted, and what was put into the trash of a
 * file manager and is to follow on the portal. Looks when a deletion is about to be sent and something
 * was queued since the last look; what it decides is written down before anything is sent, and stays until a person allows
 * it or takes it back, or the deletion is taken back by itself. Never sends anything.
 */
import type { Clock } from '../base/clock.js'
import type { ErrorCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { decideBrake } from '../brake/brake-decision.js'
import { allow, forget, hold, readMarks, type BrakeMark } from '../brake/brake-rows.js'
import type { Journal } from '../journal/journal.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { countBelowTombstones, countOfStorage, readTombstones } from '../mirror/tombstones.js'
import { readToBeTrashed } from '../mirror/trash-rows.js'
import type { Store } from '../store/store.js'
import { groupDeletions, type DeletionGroup, type Grouped } from './deletion-groups.js'
import { LINK_QUIET_MS } from './plan.js'
import { isKnown, type KnownItem } from './sending.js'

export interface HeldDeletionsOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly clock: Clock
  readonly log: Log
  /** Somebody asked for everything at this moment. */
  readonly hurriedAtMs: () => number
}

export interface HeldGroup extends DeletionGroup {
  readonly sinceMs: number
}

export interface Undone {
  readonly items: number
  /** What could not be brought back, and is still held. */
  readonly failed: readonly { readonly item: Item; readonly code: ErrorCode; readonly text: string }[]
}

export class HeldDeletions {
  readonly #o: HeldDeletionsOptions
  /** Rows that are held, as of the last look, and what that look was good for. */
  #held: ReadonlySet<Ino> = new Set()
  #seen = { touches: -1, hurriedAtMs: 0, untilMs: 0 }
  #looking: Promise<readonly DeletionGroup[]> = Promise.resolve([])

  constructor(options: HeldDeletionsOptions) {
    this.#o = options
  }

  /** Whether a deletion that is about to be sent has to wait. */
  async isHeld(ino: Ino): Promise<boolean> {
    if (this.#held.has(ino)) return true
    const { touches, hurriedAtMs, untilMs } = this.#seen
    const isNews = touches !== this.#o.journal.touches || hurriedAtMs !== this.#o.hurriedAtMs() || untilMs <= this.#o.clock.nowMs()
    if (isNews) await this.look()
    return this.#held.has(ino)
  }

  /** Decides anew about everything that is deleted here. Answers the deletions that are held. */
  look(): Promise<readonly DeletionGroup[]> {
    const look = (): Promise<readonly DeletionGroup[]> => this.#look()
    this.#looking = this.#looking.then(look, look)
    return this.#looking
  }

  /** How many items are held. */
  async count(): Promise<number> {
    return (await this.look()).reduce((sum, { items }) => sum + items, 0)
  }

  /** What is held, as it is to be shown. */
  async groups(): Promise<readonly HeldGroup[]> {
    const groups = await this.look()
    const marks = await readMarks(this.#o.store.read, 'here')
    return groups.map((group) => ({
      ...group,
      sinceMs: Math.min(...group.members.map((ino) => marks.get(ino)?.sinceMs ?? Infinity)),
    }))
  }

  /** Lets everything go that is held now. Answers how many items that are. */
  async allow(): Promise<number> {
    const groups = await this.look()
    await this.#o.store.transact((tx) => allow(tx, 'here', groups.flatMap(({ members }) => members)))
    await this.look()
    const items = groups.reduce((sum, group) => sum + group.items, 0)
    if (items > 0) this.#o.log.info({ items }, 'a mass deletion that was held is allowed')
    return items
  }

  async #look(): Promise<readonly DeletionGroup[]> {
    const { store, clock, journal } = this.#o
    const seen = { touches: journal.touches, hurriedAtMs: this.#o.hurriedAtMs() } // what comes later is looked at later
    const gone = [...(await readTombstones(store.read)), ...(await readToBeTrashed(store.read))].filter(isKnown)
    const marks = await readMarks(store.read, 'here')
    const { groups, undecided } = gone.length === 0 ? { groups: [], undecided: [] } : await this.#group(gone, marks)
    const pulled = await decideBrake(store.read, 'here', groups, (storageId, atMost) => countOfStorage(store.read, storageId, atMost))
    const held = groups.filter(({ ino }) => pulled.has(ino))
    await this.#record(gone, held, marks, clock.nowMs())
    this.#held = new Set(held.flatMap(({ members }) => members))
    this.#seen = { ...seen, untilMs: Math.min(...undecided.map(({ placeChangedMs }) => (placeChangedMs ?? 0) + LINK_QUIET_MS)) }
    return held
  }

  async #group(gone: readonly KnownItem[], marks: ReadonlyMap<Ino, BrakeMark>): Promise<Grouped> {
    const { store, clock, hurriedAtMs } = this.#o
    return groupDeletions(gone, {
      above: await this.#above(gone),
      standingBelow: await countBelowTombstones(store.read),
      marks,
      linkQuietSinceMs: Math.max(clock.nowMs() - LINK_QUIET_MS, hurriedAtMs()),
    })
  }

  async #above(gone: readonly KnownItem[]): Promise<ReadonlyMap<Ino, Item>> {
    const above = new Map<Ino, Item>()
    const deleted = new Set(gone.map(({ ino }) => ino))
    let level: readonly Item[] = gone
    while (level.length > 0) {
      const parents = new Set(level.map(({ base }) => base?.parent ?? null).filter((ino) => ino !== null))
      level = await this.#o.mirror.getMany([...parents].filter((ino) => !above.has(ino) && !deleted.has(ino)))
      for (const item of level) above.set(item.ino, item)
    }
    return above
  }

  /** Marks what is held now, and forgets marks of deletions that are no more, or that go with a link. */
  async #record(gone: readonly KnownItem[], held: readonly DeletionGroup[], marks: ReadonlyMap<Ino, BrakeMark>, nowMs: number): Promise<void> {
    const { store, log } = this.#o
    const members = held.flatMap((group) => group.members)
    const isMember = new Set(members)
    const isGone = new Set(gone.map(({ ino }) => ino))
    const added = members.filter((ino) => !marks.has(ino))
    const over = [...marks].flatMap(([ino, { state }]) => (isMember.has(ino) || (state === 'allowed' && isGone.has(ino)) ? [] : [ino]))
    if (added.length + over.length === 0) return
    await store.transact(async (tx) => {
      await forget(tx, 'here', over)
      await hold(tx, 'here', added, nowMs)
    })
    const items = held.reduce((sum, group) => sum + group.items, 0)
    const wasHolding = [...marks.values()].some(({ state }) => state === 'held')
    if (added.length > 0 && !wasHolding) log.error({ items }, 'many items were deleted here within a minute: their deletion is held until it is allowed')
  }
}
