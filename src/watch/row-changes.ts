/**
 * Carries out, inside the caller's transaction, what the plans say about single rows: a new row, a row that follows the
 * portal, a content that is of an older version, a row that goes. Collects what that means to the kernel; the caller
 * reports it after the commit. Guards live here too, because they must hold at the moment of the change.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../base/clock.js'
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { storedNames } from '../base/names.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { RemoteItem } from '../drive/drive.js'
import type { Journal } from '../journal/journal.js'
import type { MirrorDelta, Place } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { ItemChange } from '../mirror/item-change.js'
import type { Mirror } from '../mirror/mirror.js'
import { isInTrash, markRestored, trashNote, unsentIn } from '../mirror/trash-rows.js'
import type { Transaction } from '../store/store.js'
import type { BasedItem } from './diff-listing.js'
import type { Stamp } from './folder-listing.js'
import type { RowFacts, RowPlan } from './row-plan.js'

export interface RowChangesOptions {
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: Pick<ContentCache, 'drop' | 'isDirtyIn'>
  readonly clock: Clock
  readonly log: Log
}

const TURNS_KEPT = 50_000

export class RowChanges {
  readonly #mirror: Mirror
  readonly #journal: Journal
  readonly #cache: Pick<ContentCache, 'drop' | 'isDirtyIn'>
  readonly #clock: Clock
  readonly #log: Log
  #turns = 0
  /** Turn of the request whose answer was applied last to a row: an answer of an older request must not undo it. */
  readonly #applied = new LRUCache<Ino, number>({ max: TURNS_KEPT })

  constructor({ mirror, journal, cache, clock, log }: RowChangesOptions) {
    this.#mirror = mirror
    this.#journal = journal
    this.#cache = cache
    this.#clock = clock
    this.#log = log
  }

  /** To be taken before a request whose answer will be applied. */
  newStamp(): Stamp {
    this.#turns += 1
    return { mark: this.#mirror.mark(), turn: this.#turns }
  }

  async facts(tx: Transaction, row: Item, stamp: Stamp): Promise<RowFacts> {
    const isConfirmed = [row.ino, row.base?.id].some((of) => of !== undefined && this.#mirror.confirmedSince(of, stamp.mark))
    const overtaken = isConfirmed || (this.#applied.get(row.ino) ?? 0) > stamp.turn
    // After a save by renaming, a request about its object may still stand with the row that had that before.
    const isAsked = await this.#journal.isAttempted({ ino: row.ino, remoteId: row.base?.id }, tx)
    return { dirty: await this.isDirty(tx, row), guarded: overtaken || isAsked, inTrash: await isInTrash(tx, row.parent) }
  }

  async isDirty(tx: Transaction, row: Item): Promise<boolean> {
    return row.contentId !== null && (await this.#cache.isDirtyIn(tx, row.contentId))
  }

  /** Names that our own requests may have put into the folder; who has them there is known when their answers are recorded. */
  async namesBeingMade(tx: Transaction, folder: Item): Promise<ReadonlySet<string>> {
    const attempts = [...(await this.#journal.attempts(tx)).values()].filter(({ parentId }) => parentId !== undefined && parentId === folder.base?.realId)
    return new Set(attempts.flatMap(({ name }) => (name === undefined ? [] : storedNames(name))))
  }

  async insert(tx: Transaction, at: Place, remote: RemoteItem, options: { stamp: Stamp; excluded: boolean }): Promise<readonly MirrorDelta[]> {
    const ino = await this.#mirror.insertRemote(tx, at.parent, at.name, remote, { excluded: options.excluded })
    this.#remember(ino, options.stamp)
    this.#log.debug({ ino, id: remote.id, parent: at.parent, name: at.name }, 'new on the portal')
    return options.excluded ? [] : [{ kind: 'appeared', ino, at }]
  }

  /** Frees the name of a row that is about to stand elsewhere; answers the row as it is then. */
  async detach<T extends Item>(tx: Transaction, row: T): Promise<T> {
    if (row.parent !== null) await this.#mirror.update(tx, row, { parent: null })
    return { ...row, parent: null }
  }

  /** `at`: where the row is to stand, undefined: where it stands. `from`: where it stood before it was detached. */
  async carryOut(
    tx: Transaction,
    row: BasedItem,
    plan: RowPlan,
    step: { remote: RemoteItem; folder: Ino | null; stamp: Stamp; at?: Place; from?: Place | undefined },
  ): Promise<readonly MirrorDelta[]> {
    if (!plan.rebase) return []
    const { remote, at, from } = step
    const left = from === undefined ? [] : await this.#leaveTrash(tx, row, from)
    const apart = row.base.trashed ? await markRestored(this.#mirror, tx, row) : []
    for (const ino of apart) await this.#journal.touch(tx, ino, this.#clock.nowMs(), this.#clock.nowMs())
    const content = await this.#contentChange(tx, row, plan, remote)
    const place: ItemChange = at === undefined ? {} : { parent: at.parent, name: at.name, placeChangedMs: null, deleted: false }
    await this.#mirror.update(tx, row, { ...content, ...place })
    await this.#mirror.setBase(tx, row.ino, plan.rebasePlace ? step.folder : row.base.parent, merged(row, plan, remote))
    this.#remember(row.ino, step.stamp)
    const stands = at ?? placeOf(row)
    if (stands === undefined) return left
    return [...deltasOf(row, plan, stands, from), ...left]
  }

  /** Taken out of the trash here by what somebody did on the portal: its note goes, and what was not sent is to be sent. */
  async #leaveTrash(tx: Transaction, row: Item, from: Place): Promise<readonly MirrorDelta[]> {
    if (!(await isInTrash(tx, from.parent))) return []
    const nowMs = this.#clock.nowMs()
    for (const ino of await unsentIn(this.#mirror, tx, row.ino, (content) => this.#cache.isDirtyIn(tx, content))) await this.#journal.touch(tx, ino, nowMs, nowMs)
    const note = await trashNote(this.#mirror, tx, from)
    return note === undefined ? [] : this.remove(tx, note)
  }

  /** The row, its content and its entry go. The caller knows that nothing unsent is lost by it. */
  async remove(tx: Transaction, row: Item): Promise<readonly MirrorDelta[]> {
    if (row.contentId !== null) await this.#cache.drop(tx, row.contentId)
    await this.#journal.remove(tx, row.ino)
    await this.#mirror.remove(tx, row)
    this.#log.debug({ ino: row.ino, id: row.base?.id }, 'gone on the portal')
    const at = placeOf(row)
    return at === undefined || row.excluded ? [] : [{ kind: 'vanished', ino: row.ino, generation: row.contentGeneration, at }]
  }

  async #contentChange(tx: Transaction, row: BasedItem, plan: RowPlan, remote: RemoteItem): Promise<ItemChange> {
    if (plan.content === 'hold') return {}
    if (plan.content === 'same' || remote.kind === 'folder') return timesOf(row, remote)
    if (row.contentId !== null) await this.#cache.drop(tx, row.contentId)
    return {
      contentId: null,
      sizeBytes: remote.sizeBytes,
      mtimeMs: remote.updatedMs,
      ctimeMs: this.#clock.nowMs(),
      contentGeneration: row.contentGeneration + 1,
    }
  }

  /** At once: another listing may be applied in the same commit. Rolled back, an older answer is met by the next look. */
  #remember(ino: Ino, { turn }: Stamp): void {
    this.#applied.set(ino, Math.max(turn, this.#applied.get(ino) ?? 0))
  }
}

export function placeOf(item: Item): Place | undefined {
  return item.parent === null ? undefined : { parent: item.parent, name: item.name }
}

/** Times set by hand here stay; a folder's time only grows. */
function timesOf(row: BasedItem, remote: RemoteItem): ItemChange {
  const follows = row.mtimeMs === row.base.updatedMs || (row.kind === 'folder' && remote.updatedMs > row.mtimeMs)
  return follows ? { mtimeMs: remote.updatedMs, ctimeMs: Math.max(row.ctimeMs, remote.updatedMs) } : {}
}

/** What the base becomes: the portal's item, but for what the plan leaves for later. */
function merged({ base }: BasedItem, plan: RowPlan, remote: RemoteItem): RemoteItem {
  const named = plan.rebasePlace ? remote : { ...remote, name: base.name }
  if (plan.content !== 'hold' || named.kind === 'folder') return named
  return { ...named, version: base.version, blobId: base.blobId, sizeBytes: base.sizeBytes }
}

function deltasOf({ ino, contentGeneration }: BasedItem, plan: RowPlan, at: Place, from: Place | undefined): readonly MirrorDelta[] {
  const deltas: MirrorDelta[] = []
  if (plan.rule === 'C9') return [{ kind: 'appeared', ino, at }]
  if (from !== undefined && (from.parent !== at.parent || from.name !== at.name)) deltas.push({ kind: 'moved', ino, from, to: at })
  deltas.push(plan.content === 'drop' ? { kind: 'content', ino, at } : { kind: 'attributes', ino, generation: contentGeneration })
  return deltas
}
