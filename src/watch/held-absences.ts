/**
 * Which items that were deleted on the portal the mass-deletion brake keeps here (6a.12). They stay listed, what is cached
 * of them can be read, and nothing of them is sent, until a person lets them go or brings them back on the portal. What is
 * held is written down before anything goes; what the portal has again leaves the hold.
 */
import type { Clock } from '../base/clock.js'
import { errorCode, errorText, type ErrorCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { decideBrake } from '../brake/brake-decision.js'
import type { Deletion } from '../brake/brake-plan.js'
import { allow, forget, hold, noteGone, readMarks } from '../brake/brake-rows.js'
import type { Drive } from '../drive/drive.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { countOfStorage } from '../mirror/tombstones.js'
import type { Store } from '../store/store.js'
import { hasBase, type BasedItem } from './diff-listing.js'

export interface HeldAbsencesOptions {
  readonly drive: Pick<Drive, 'restore'>
  readonly store: Store
  readonly mirror: Mirror
  readonly clock: Clock
  readonly log: Log
}

/** A row whose remote item was deleted, and how many items would go here with it. */
export interface Absence {
  readonly row: BasedItem
  readonly items: number
}

export interface HeldAbsence extends Absence {
  readonly sinceMs: number
}

export interface Restored {
  readonly items: number
  /** What the portal did not give back, and is still held. */
  readonly failed: readonly { readonly item: Item; readonly code: ErrorCode; readonly text: string }[]
}

export class HeldAbsences {
  readonly #o: HeldAbsencesOptions
  /** Rows with a mark, held or allowed; undefined until they were read. */
  #marked: Set<Ino> | undefined
  /** Let go before, and counted then: a folder stands as long as something in it must not go. */
  readonly #counted = new Set<Ino>()

  constructor(options: HeldAbsencesOptions) {
    this.#o = options
  }

  /** Decides about proven absences, and answers those that must stay. The others are about to go. */
  async hold(absences: readonly Absence[]): Promise<ReadonlySet<Ino>> {
    const { store, clock, log } = this.#o
    if (absences.length === 0) return new Set()
    const marks = await readMarks(store.read, 'portal')
    const news = absences.filter(({ row }) => !marks.has(row.ino) && !this.#counted.has(row.ino))
    const before = new Set([...marks].flatMap(([ino, { state }]) => (state === 'held' ? [ino] : [])))
    if (news.length === 0) return before
    const nowMs = clock.nowMs()
    const deletions = [...(await this.held()).map((held) => deletionOf(held, held.sinceMs, true)), ...news.map((absence) => deletionOf(absence, nowMs, false))]
    const held = await decideBrake(store.read, 'portal', deletions, (storageId, atMost) => countOfStorage(store.read, storageId, atMost))
    await store.transact(async (tx) => {
      for (const { row, items } of news) {
        if (held.has(row.ino)) await hold(tx, 'portal', [row.ino], nowMs, items)
        else await noteGone(tx, 'portal', { storageId: row.base.storageId, atMs: nowMs, items }, nowMs)
      }
    })
    for (const { row } of news) if (!held.has(row.ino)) this.#counted.add(row.ino)
    this.#marked = new Set([...marks.keys(), ...held])
    const items = news.reduce((sum, absence) => sum + (held.has(absence.row.ino) ? absence.items : 0), 0)
    if (items > 0 && before.size === 0) log.error({ items }, 'many items were deleted on the portal within a minute: they are kept here until that is allowed')
    return held
  }

  /** The portal lists these. */
  async seen(rows: readonly Item[]): Promise<void> {
    const { store } = this.#o
    for (const { ino } of rows) this.#counted.delete(ino)
    this.#marked ??= new Set((await readMarks(store.read, 'portal')).keys())
    const marked = this.#marked
    const back = rows.map(({ ino }) => ino).filter((ino) => marked.has(ino))
    if (back.length > 0) await this.#forget(back)
  }

  /** What is held, as far as its rows still stand for something on the portal. */
  async held(): Promise<readonly HeldAbsence[]> {
    const { store, mirror } = this.#o
    const marks = await readMarks(store.read, 'portal')
    if (marks.size === 0) return []
    const rows = new Map((await mirror.getMany([...marks.keys()])).filter(hasBase).map((row) => [row.ino, row]))
    const over = [...marks.keys()].filter((ino) => rows.get(ino)?.deleted !== false)
    if (over.length > 0) await this.#forget(over)
    return [...marks].flatMap(([ino, { state, sinceMs, items }]) => {
      const row = rows.get(ino)
      return row === undefined || row.deleted || state !== 'held' ? [] : [{ row, sinceMs, items }]
    })
  }

  async count(): Promise<number> {
    return sumOf(await this.held())
  }

  /** Lets everything go that is held now; it goes when its absence is proven again. */
  async allow(): Promise<{ readonly inos: readonly Ino[]; readonly items: number }> {
    const held = await this.held()
    const inos = held.map(({ row }) => row.ino)
    const items = sumOf(held)
    if (items > 0) {
      await this.#o.store.transact((tx) => allow(tx, 'portal', inos))
      this.#o.log.info({ items }, 'a mass deletion of the portal that was held is allowed')
    }
    return { inos, items }
  }

  /** Brings what is held back from the portal's trash, by id, the topmost items with what is in them. */
  async restore(): Promise<Restored> {
    const failed: Restored['failed'][number][] = []
    let items = 0
    for (const held of await this.held()) {
      const { row } = held
      try {
        await this.#o.drive.restore({ id: row.base.id, kind: row.kind }, { priority: 'interactive' })
        await this.#forget([row.ino])
        items += held.items
      } catch (error) {
        this.#o.log.info({ ino: row.ino, code: errorCode(error), error: errorText(error) }, 'the portal did not bring an item back from its trash')
        failed.push({ item: row, code: errorCode(error), text: errorText(error) })
      }
    }
    if (items > 0) this.#o.log.info({ items, failed: failed.length }, 'a mass deletion of the portal that was held is undone')
    return { items, failed }
  }

  async #forget(inos: readonly Ino[]): Promise<void> {
    await this.#o.store.transact((tx) => forget(tx, 'portal', inos))
    for (const ino of inos) this.#marked?.delete(ino)
  }
}

function deletionOf({ row, items }: Absence, atMs: number, isHeld: boolean): Deletion {
  return { ino: row.ino, storageId: row.base.storageId, atMs, items, isHeld }
}

function sumOf(absences: readonly Absence[]): number {
  return absences.reduce((sum, { items }) => sum + items, 0)
}
