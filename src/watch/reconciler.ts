/**
 * Makes the mirror agree with listings: what is in them, and what is not. Absence counts only after a complete listing of
 * a folder that is itself alive, and the portal's word about the id itself (gate of bitrix24-desktop-sync.md section 11);
 * the root's absence is never believed.
 */
import type { Clock } from '../base/clock.js'
import { ROOT_INO, type Ino, type RemoteId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { CallOptions, Drive, RemoteItem } from '../drive/drive.js'
import { isConnected } from '../mirror/connected-rows.js'
import { isLink, type Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { readUnselected } from '../mirror/selection-rows.js'
import type { Store } from '../store/store.js'
import { diffListing, hasBase, type BasedItem } from './diff-listing.js'
import type { ConnectedFolders } from './connected-folders.js'
import type { ListedFolder, Stamp } from './folder-listing.js'
import type { GoneRows } from './gone-rows.js'
import type { GoneTree } from './gone-tree.js'
import type { Absence, HeldAbsences } from './held-absences.js'
import { judgeRows, type Judged } from './judge-rows.js'
import type { ListingApplier } from './listing-applier.js'
import type { RowChanges } from './row-changes.js'
import { findSurvivors } from './survivors.js'
import type { WhereaboutsFinder } from './whereabouts.js'

export interface ReconcilerOptions {
  readonly drive: Pick<Drive, 'itemStates'>
  readonly store: Store
  readonly mirror: Mirror
  readonly changes: RowChanges
  readonly applier: ListingApplier
  readonly gone: GoneRows
  readonly absences: HeldAbsences
  readonly finder: WhereaboutsFinder
  readonly connected: ConnectedFolders
  readonly clock: Clock
  readonly log: Log
}

const SAME_LISTING_MS = 60_000 // that a folder in use is the same as a moment ago is not worth a write

export class Reconciler {
  readonly #o: ReconcilerOptions

  constructor(options: ReconcilerOptions) {
    this.#o = options
  }

  /**
   * `suspects`: folders that could not be listed because they seem to be gone. Answers the folders of which the portal's word about an id
   * contradicts that, or what their listing lacked.
   */
  async reconcile(listings: readonly ListedFolder[], suspects: readonly Ino[], call: CallOptions): Promise<readonly Ino[]> {
    const stamp = this.#o.changes.newStamp() // before any row is read that is judged
    const present = new Map<ListedFolder, readonly RemoteItem[]>()
    const candidates = new Map<Ino, BasedItem>()
    const doubtful = [...suspects]
    const doubted = new Map(suspects.map((ino) => [ino, ino])) // by row: the folder that would not be listed, or whose listing lacked it
    const seen = new Map(listings.flatMap(({ items }) => items.map(({ id, kind }) => [id, kind] as const)))
    const unselected = await readUnselected(this.#o.store.read)
    for (const listed of listings) {
      const children = await this.#o.mirror.baseChildrenIn(this.#o.store.read, listed.folder)
      const diff = diffListing(listed, children, unselected)
      present.set(listed, diff.present)
      const missing = diff.missing.filter(({ base, kind }) => seen.get(base.id) !== kind) // one shown in another of these folders has moved there
      for (const row of missing) {
        candidates.set(row.ino, row)
        doubted.set(row.ino, listed.folder)
      }
      if (missing.length > 0 || (await this.#mayBeGone(listed))) doubtful.push(listed.folder)
      await this.#o.absences.seen(children.filter(({ base, kind }) => base !== null && seen.get(base.id) === kind))
    }
    for (const row of await this.#o.mirror.getMany(doubtful)) if (hasBase(row) && row.ino !== ROOT_INO) candidates.set(row.ino, row)
    const apply = (): Promise<unknown> => Promise.all([...present].map(([{ folder, stamp }, items]) => this.#apply(folder, items, stamp)))
    if (candidates.size === 0) {
      await apply()
      await this.#o.connected.showFreed()
      return []
    }
    const judged = await judgeRows(this.#o, [...candidates.values()], call)
    const held = await this.#o.absences.hold(await this.#absences(judged, seen))
    await this.#go(judged.flatMap(({ row, verdict }) => (verdict.kind === 'gone' && !held.has(row.ino) ? [{ row, rule: verdict.rule }] : [])), stamp, call)
    await apply()
    const moved = judged.filter(({ verdict }) => verdict.kind === 'elsewhere')
    await this.#move(moved, stamp, call)
    if (moved.length > 0) await apply() // names that were taken are free now
    await this.#o.connected.showFreed()
    const staying = judged.flatMap(({ row, verdict }) => (verdict.kind === 'stays' ? [row.ino] : []))
    return [...new Set(staying.flatMap((ino) => doubted.get(ino) ?? []))]
  }

  /** No listing shows a folder that was connected here: one that is in the trash lists nothing, like an empty one. */
  async #mayBeGone({ folder, items }: ListedFolder): Promise<boolean> {
    if (items.some(({ deletedType }) => deletedType === 0)) return false
    const row = await this.#o.mirror.get(folder)
    return row !== undefined && isConnected(row)
  }

  async #apply(folder: Ino, items: readonly RemoteItem[], stamp: Stamp): Promise<void> {
    const listedMs = (await this.#o.mirror.get(folder))?.listedMs ?? null
    if (items.length === 0 && listedMs !== null && this.#o.clock.nowMs() - listedMs < SAME_LISTING_MS) return
    await this.#o.applier.apply(folder, items, { stamp, listed: true })
  }

  /**
   * What would be taken away here because it was deleted there, with how much. Not what was deleted here as well, and no
   * links: they are disconnected. `seen`: what this look has found elsewhere.
   */
  async #absences(judged: readonly Judged[], seen: ReadonlyMap<RemoteId, Item['kind']>): Promise<readonly Absence[]> {
    const absences: Absence[] = []
    for (const { row, verdict } of judged) {
      if (verdict.kind !== 'gone' || verdict.rule !== 'C14' || row.deleted || row.excluded || isLink(row)) continue
      const rows = row.kind === 'file' ? [row] : [...(await this.#o.gone.treeOf(row)).rows.values()]
      absences.push({ row, items: rows.filter(({ deleted, base }) => !deleted && !seen.has(base.id)).length })
    }
    return absences
  }

  /** Files go at once; of folders, what was moved out of them before is taken out first. */
  async #go(gone: readonly { readonly row: BasedItem; readonly rule: string }[], stamp: Stamp, call: CallOptions): Promise<void> {
    for (const { row, rule } of gone) if (row.kind === 'file') await this.#o.gone.settle(row, stamp, rule)
    const folders = gone.filter(({ row }) => row.kind === 'folder')
    if (folders.length === 0) return
    const { moved, kept } = await findSurvivors(this.#o.drive, await Promise.all(folders.map(({ row }) => this.#o.gone.treeOf(row))), call)
    await this.#move(moved, stamp, call)
    for (const { row, rule } of folders) {
      const tree = await this.#o.gone.treeOf(row) // without what was taken out
      this.#o.log.info({ ino: row.ino, rule, rows: tree.rows.size }, 'a folder is gone on the portal')
      await this.#o.gone.dissolve(tree, stamp, await this.#withWhatIsIn(tree, kept), rule)
    }
  }

  /** What stands in a folder that stays, stays with it, also what was made there and not sent. */
  async #withWhatIsIn({ rows }: GoneTree, kept: ReadonlySet<Ino>): Promise<ReadonlySet<Ino>> {
    const all = new Set(kept)
    for (const { ino, kind } of rows.values()) {
      if (kind === 'folder' && kept.has(ino)) for (const below of await this.#o.mirror.subtreeIn(this.#o.store.read, ino)) all.add(below.ino)
    }
    return all
  }

  /** C10 for what is in one of our folders, C27 for what left them. */
  async #move(moved: readonly Judged[], stamp: Stamp, call: CallOptions): Promise<void> {
    if (moved.length === 0) return
    const places = await this.#o.finder.find(moved.flatMap(({ verdict }) => (verdict.kind === 'elsewhere' ? [verdict.parentId] : [])), call)
    for (const { row, verdict } of moved) {
      if (verdict.kind !== 'elsewhere') continue
      const place = places.get(verdict.parentId)
      if (place?.kind === 'in') await this.#o.applier.apply(place.folder, [verdict.item], { stamp, listed: false })
      else if (place?.kind === 'outside') await this.#leaves(row, stamp)
    }
  }

  async #leaves(row: BasedItem, stamp: Stamp): Promise<void> {
    if (row.kind === 'file') await this.#o.gone.settle(row, stamp, 'C27')
    else await this.#o.gone.dissolve(await this.#o.gone.treeOf(row), stamp, new Set(), 'C27')
  }
}
