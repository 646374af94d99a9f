/**
 * Brings a listing into the mirror: items that appeared, changed, or stand elsewhere now. Reads the rows again inside the
 * transaction, because programs go on meanwhile. Large listings go in pieces, so that nobody waits long for the one write
 * queue. Never concludes anything from what is not in the listing.
 */
import type { Clock } from '../base/clock.js'
import { ROOT_INO, type Ino, type RemoteId, type StorageId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { RemoteFile, RemoteItem } from '../drive/drive.js'
import { conflictName } from '../mirror/conflict-name.js'
import { giveNameAway, isConnected, othersLeadingTo } from '../mirror/connected-rows.js'
import { recordConflict } from '../mirror/conflicts.js'
import type { MirrorDelta } from '../mirror/delta.js'
import { shownName, type Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { readUnselected } from '../mirror/selection-rows.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { Store, Transaction } from '../store/store.js'
import { hasBase, type BasedItem } from './diff-listing.js'
import { exclusionOf } from './exclusion.js'
import type { Stamp } from './folder-listing.js'
import { planNames, type NameWish } from './plan-names.js'
import { placeOf, type RowChanges } from './row-changes.js'
import { differenceOf, planRow, type RowPlan } from './row-plan.js'

export interface ListingApplierOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly changes: RowChanges
  readonly clock: Clock
  readonly log: Log
  readonly host: string
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
  /** See `ListingApplier.blocked`. */
  readonly onBlocked: (folder: Ino) => void
}

/** What is deleted here, or in the trash, and comes back to its place. */
const BROUGHT_BACK: ReadonlySet<RowPlan['rule']> = new Set(['C9', 'C18'])

const PIECE_ITEMS = 500 // about 150 ms of the write queue

/** A known row that differs, or an item without a row. */
interface Wish extends NameWish {
  readonly remote: RemoteItem
  readonly known: { readonly row: BasedItem; readonly plan: RowPlan } | undefined
  readonly excluded: boolean
}

interface Seen {
  readonly folder: Item
  readonly stamp: Stamp
  /** What a person does not want. */
  readonly unselected: ReadonlySet<RemoteId>
  /** Of the account's own drive. */
  readonly ownStorage: StorageId | undefined
}

interface Applied {
  readonly deltas: readonly MirrorDelta[]
  /** Items that could not have their names yet, or were passed over. */
  readonly blocked: number
}

const NOTHING: Applied = { deltas: [], blocked: 0 }

export class ListingApplier {
  readonly #o: ListingApplierOptions
  /** See `blocked`. */
  readonly #blocked = new Set<Ino>()

  constructor(options: ListingApplierOptions) {
    this.#o = options
  }

  /**
   * Folders in which an item of the portal cannot stand yet, because something that was not sent has its name, or which was
   * passed over for a request of ours that was under way: a listing after that is sent brings it.
   */
  get blocked(): ReadonlySet<Ino> {
    return this.#blocked
  }

  /** Items seen in `folder` by a request of `stamp`. `listed`: they are all of it, so the folder counts as listed now. */
  async apply(folder: Ino, items: readonly RemoteItem[], options: { stamp: Stamp; listed: boolean }): Promise<void> {
    let isBlocked = false
    for (let from = 0; from === 0 || from < items.length; from += PIECE_ITEMS) {
      const piece = items.slice(from, from + PIECE_ITEMS)
      const isLast = from + PIECE_ITEMS >= items.length
      const { deltas, blocked } = await this.#o.store.transact((tx) => this.#applyPiece(tx, folder, piece, { stamp: options.stamp, listed: options.listed && isLast }))
      if (deltas.length > 0) this.#o.onDelta(deltas)
      isBlocked ||= blocked > 0
    }
    if (isBlocked) {
      this.#blocked.add(folder)
      this.#o.onBlocked(folder)
    } else if (options.listed) this.#blocked.delete(folder)
  }

  /** A newer state of a file that somebody met on the way (hydrate): its content and times; its place only where it is known to be the same. */
  async applyFile(remote: RemoteFile, stamp: Stamp): Promise<void> {
    const deltas = await this.#o.store.transact(async (tx) => {
      const row = await this.#o.mirror.byRemoteId(remote.id, tx)
      if (row === undefined || !hasBase(row) || remote.deletedType !== 0) return []
      const plan = planRow(row, row.base.parent, { ...remote, name: row.base.name }, await this.#o.changes.facts(tx, row, stamp))
      const at = plan.follow ? await this.#placeAgain(tx, row) : undefined
      if (plan.follow && at === undefined) return []
      return this.#o.changes.carryOut(tx, row, plan, { remote: { ...remote, name: row.base.name }, folder: row.base.parent, stamp, ...(at === undefined ? {} : { at, from: placeOf(row) }) })
    })
    if (deltas.length > 0) this.#o.onDelta(deltas)
  }

  /** Items seen in this folder, one by one or from a listing. Answers what to report after the commit, and how many names were not free. */
  async #applyIn(tx: Transaction, seen: Seen, remotes: readonly RemoteItem[]): Promise<Applied> {
    const { mirror } = this.#o
    const rows = await mirror.byRemoteIds(remotes.map(({ id }) => id), tx)
    const ancestors = await this.#ancestors(tx, seen.folder)
    const beingMade = remotes.some(({ id }) => !rows.has(id)) ? await this.#o.changes.namesBeingMade(tx, seen.folder) : new Set<string>()
    const wishes: Wish[] = []
    const leadingTo = new Set<RemoteId>() // of two links that are new in one listing, one is shown
    const deltas: MirrorDelta[] = []
    let passedOver = 0
    for (const remote of remotes) {
      const row = rows.get(remote.id)
      if (row?.excluded === true) {
        deltas.push(...(await this.#hidden(tx, seen, row, remote)))
        continue
      }
      // Trashed by us or found gone since it was seen, or just made by us: no news, whatever our row is called by now.
      if (row === undefined && (mirror.confirmedSince(remote.id, seen.stamp.mark) || beingMade.has(remote.name))) continue
      const known = await this.#plan(tx, row, seen, remote)
      if (known === 'pass-over') passedOver += 1
      if (known === 'leave' || known === 'pass-over') continue
      if (known !== undefined && !(known.plan.follow && !ancestors.has(known.row.ino))) deltas.push(...(await this.#stay(tx, seen, known, remote)))
      else wishes.push(await this.#wish(tx, seen, remote, { known, leadingTo }))
    }
    const names = wishes.map(({ name }) => name)
    const plan = planNames(wishes, names.length === 0 ? [] : await mirror.twinsOfIn(tx, seen.folder.ino, names))
    for (const row of plan.forked) deltas.push(...(await this.#fork(tx, seen.folder.ino, row)))
    for (const wish of plan.blocked) {
      this.#o.log.info({ folder: seen.folder.ino, id: wish.remote.id, name: wish.name }, 'a name of the portal is taken here by something not sent yet')
      if (wish.known !== undefined) deltas.push(...(await this.#stay(tx, seen, wish.known, wish.remote)))
    }
    deltas.push(...(await this.#place(tx, seen, plan.granted)))
    for (const { ino, name, localOnly } of plan.forked) {
      if (!localOnly) continue
      const original = (await mirror.childIn(tx, seen.folder.ino, name))?.ino ?? null
      await recordConflict(tx, { copy: ino, original, side: 'mine', why: 'name-taken', sinceMs: this.#o.clock.nowMs() })
    }
    return { deltas, blocked: plan.blocked.length + passedOver }
  }

  async #applyPiece(tx: Transaction, ino: Ino, remotes: readonly RemoteItem[], options: { stamp: Stamp; listed: boolean }): Promise<Applied> {
    const folder = await this.#o.mirror.getIn(tx, ino)
    if (folder === undefined || folder.deleted || folder.excluded) return NOTHING // gone while it was listed
    // On its way to the portal's trash: what nobody has seen in it when that is sent brings it back (6a.12), so nothing is seen before.
    if (folder.base?.trashed === false && (await isInTrash(tx, folder.ino))) return NOTHING
    const applied = remotes.length === 0 ? NOTHING : await this.#applyIn(tx, { folder, stamp: options.stamp, unselected: await readUnselected(tx), ownStorage: (await this.#o.mirror.getIn(tx, ROOT_INO))?.base?.storageId }, remotes)
    if (options.listed) await this.#o.mirror.update(tx, folder, { listedMs: this.#o.clock.nowMs() })
    // Nobody has looked into a folder that was never listed: there is nothing to tell about its children.
    return folder.listedMs === null ? { ...applied, deltas: applied.deltas.filter(({ kind }) => kind !== 'appeared') } : applied
  }

  async #plan(tx: Transaction, row: Item | undefined, { folder, stamp }: Seen, remote: RemoteItem): Promise<Wish['known'] | 'leave' | 'pass-over'> {
    if (row === undefined || !hasBase(row)) return undefined
    const plan = planRow(row, folder.ino, remote, await this.#o.changes.facts(tx, row, stamp))
    if (['C9', 'C12', 'C7'].includes(plan.rule)) this.#o.log.info({ ino: row.ino, rule: plan.rule }, 'changed here and on the portal')
    else if (plan.rebase) this.#o.log.debug({ ino: row.ino, rule: plan.rule, version: remote.kind === 'file' ? remote.version : undefined, base: row.base.version }, 'changed on the portal')
    if (plan.rule === 'guarded' && isNews(row, folder.ino, remote)) return 'pass-over'
    return plan.rebase ? { row, plan } : 'leave'
  }

  async #wish(tx: Transaction, { folder, unselected, ownStorage }: Seen, remote: RemoteItem, { known, leadingTo }: { known: Wish['known']; leadingTo: Set<RemoteId> }): Promise<Wish> {
    const isSecond = remote.kind === 'folder' && leadingTo.has(remote.realId)
    const excluded = known === undefined && (isSecond || exclusionOf(remote, unselected, ownStorage) !== undefined || (await this.#hasStandIn(tx, remote)))
    if (remote.kind === 'folder' && (!excluded || unselected.has(remote.id))) leadingTo.add(remote.realId)
    const name = shownName(remote.name, remote.id)
    // What is not shown takes no name from what is: a folder that was connected here would have to give way.
    const twin = excluded ? await this.#o.mirror.childIn(tx, folder.ino, name) : undefined
    return { ino: known?.row.ino, name: twin !== undefined && isConnected(twin) ? `${name}~${remote.id}` : name, remote, known, excluded }
  }

  /** The row stays where it is; a change of place that could not be followed is seen again next time. */
  #stay(tx: Transaction, { folder, stamp }: Seen, { row, plan }: NonNullable<Wish['known']>, remote: RemoteItem): Promise<readonly MirrorDelta[]> {
    if (plan.follow && (row.deleted || BROUGHT_BACK.has(plan.rule))) return Promise.resolve([]) // its name is taken: brought back when that is free
    const staying = plan.follow ? { ...plan, follow: false, rebasePlace: false } : plan
    return this.#o.changes.carryOut(tx, row, staying, { remote, folder: folder.ino, stamp })
  }

  /** First all leave their places, then all take the new ones: names may be exchanged. */
  async #place(tx: Transaction, { folder, stamp }: Seen, wishes: readonly Wish[]): Promise<readonly MirrorDelta[]> {
    const deltas: MirrorDelta[] = []
    const leaving = new Map<RemoteId, BasedItem>()
    for (const { known, remote, name } of wishes) {
      if (known === undefined) continue
      const stands = known.row.parent === folder.ino && known.row.name === name
      leaving.set(remote.id, stands ? known.row : await this.#o.changes.detach(tx, known.row))
    }
    for (const { known, remote, name, excluded } of wishes) {
      const at = { parent: folder.ino, name }
      const row = leaving.get(remote.id)
      if (known === undefined || row === undefined) deltas.push(...(await this.#o.changes.insert(tx, at, remote, { stamp, excluded })))
      else deltas.push(...(await this.#o.changes.carryOut(tx, row, known.plan, { remote, folder: folder.ino, stamp, at, from: placeOf(known.row) })))
    }
    return deltas
  }

  /** What has its name only here gives it to the portal's and stays under another one. */
  async #fork(tx: Transaction, folder: Ino, row: Item): Promise<readonly MirrorDelta[]> {
    const { mirror, host, clock } = this.#o
    if (isConnected(row)) return giveNameAway(mirror, tx, row)
    const name = await mirror.freeNameIn(tx, folder, (attempt) => conflictName(row.name, host, clock.nowMs(), attempt))
    await mirror.update(tx, row, { name })
    return [{ kind: 'moved', ino: row.ino, from: { parent: folder, name: row.name }, to: { parent: folder, name } }]
  }

  /** C9: back to where it was on the portal, under a free name. */
  async #placeAgain(tx: Transaction, row: BasedItem): Promise<{ parent: Ino; name: string } | undefined> {
    const folder = row.base.parent === null ? undefined : await this.#o.mirror.getIn(tx, row.base.parent)
    if (folder === undefined || folder.deleted || folder.excluded) return undefined
    const name = shownName(row.base.name, row.base.id)
    return (await this.#o.mirror.twinsIn(tx, folder.ino, name)).length > 0 ? undefined : { parent: folder.ino, name }
  }

  /**
   * What is not shown follows the portal all the same, so that its name here is the one that is taken there. A second link
   * to a folder is shown when the first one is gone; "Uploaded files" and what a person does not want is not.
   */
  async #hidden(tx: Transaction, { folder, stamp, unselected, ownStorage }: Seen, row: Item, remote: RemoteItem): Promise<readonly MirrorDelta[]> {
    const { mirror, changes } = this.#o
    if (!hasBase(row) || row.kind !== remote.kind || (await changes.facts(tx, row, stamp)).guarded) return []
    const isHidden = exclusionOf(remote, unselected, ownStorage) !== undefined || (await this.#hasStandIn(tx, remote))
    const own = shownName(remote.name, remote.id)
    const standing = await mirror.childIn(tx, folder.ino, own)
    const other = standing === undefined || standing.ino === row.ino ? undefined : standing
    if (other !== undefined && !isConnected(other)) return [] // seen again next time, when that may be sent
    const deltas = other === undefined || isHidden ? [] : await giveNameAway(mirror, tx, other)
    const at = { parent: folder.ino, name: other !== undefined && isHidden ? `${own}~${remote.id}` : own }
    const { place, attributes } = differenceOf(row.base, folder.ino, remote)
    if (place || attributes || row.name !== at.name) {
      await mirror.update(tx, row, at)
      await mirror.setBase(tx, row.ino, folder.ino, remote)
    }
    if (isHidden) return deltas
    await mirror.update(tx, await mirror.needIn(tx, row.ino), { excluded: false })
    return [...deltas, { kind: 'appeared', ino: row.ino, at }]
  }

  /**
   * One real folder is shown once, whatever links lead to it: its children have one row each, and a cycle would never end
   * (13.2). Where a person does not want the one that would be shown, no other takes its place. A link that was deleted here
   * counts until it is gone on the portal too: what was deleted below it with it must not be met as a child of another one,
   * and be deleted there for everybody.
   */
  async #hasStandIn(tx: Transaction, remote: RemoteItem): Promise<boolean> {
    if (remote.kind === 'file') return false
    const [standIn] = await othersLeadingTo(this.#o.mirror, tx, remote)
    if (standIn !== undefined) this.#o.log.debug({ id: remote.id, realId: remote.realId, shownAs: standIn.ino }, 'a folder that is shown elsewhere is not shown again')
    return standIn !== undefined
  }

  async #ancestors(tx: Transaction, folder: Item): Promise<ReadonlySet<Ino>> {
    const inos = new Set<Ino>()
    let at: Item | undefined = folder
    while (at !== undefined && !inos.has(at.ino)) {
      inos.add(at.ino)
      at = at.parent === null ? undefined : await this.#o.mirror.getIn(tx, at.parent)
    }
    return inos
  }
}

/** Not what we have just done ourselves, as far as the listing can tell: another place, or a version after the one that we know. */
function isNews({ base }: BasedItem, folder: Ino, remote: RemoteItem): boolean {
  return differenceOf(base, folder, remote).place || (remote.kind === 'file' && remote.version > base.version)
}
