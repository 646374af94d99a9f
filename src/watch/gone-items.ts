/**
 * Which rows the portal does not have any more in what synchronizes, for a full synchronization: trashed, destroyed, closed to
 * us, moved out, or in a folder of which that is so. And of these, which are present here: files of which every byte is here,
 * edits, and the folders that such things stand in (F2, F3). Reads only, on both sides.
 */
import { ROOT_INO, type Ino, type RemoteId } from '../base/ids.js'
import { DriveError } from '../base/errors.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { CallOptions, Drive, ItemState, RemoteItem } from '../drive/drive.js'
import { ItemNames } from '../mirror/item-names.js'
import type { Mirror } from '../mirror/mirror.js'
import { isBelowExcluded, readUnselected } from '../mirror/selection-rows.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { Store } from '../store/store.js'
import { goesWithFolder } from './absence-plan.js'
import type { BasedItem } from './diff-listing.js'
import { exclusionOf } from './exclusion.js'
import { readGoneTree } from './gone-tree.js'
import { judgeRows } from './judge-rows.js'

export interface GoneItemsOptions {
  readonly drive: Pick<Drive, 'itemStates'>
  readonly store: Store
  readonly mirror: Mirror
  readonly cache: Pick<ContentCache, 'summary'>
}

export interface GoneItem {
  readonly row: BasedItem
  /** F2: it is present here. Else F3, or F4 for what is deleted here as well. */
  readonly stays: boolean
}

export interface MovedItem {
  readonly row: BasedItem
  readonly item: RemoteItem
  readonly parentId: RemoteId
}

const DEEPEST = 64 // a chain of parents that long goes in circles
const SUMMARIES = 500

type Gone = Map<Ino, BasedItem>

export class GoneItems {
  readonly #o: GoneItemsOptions

  constructor(options: GoneItemsOptions) {
    this.#o = options
  }

  /** `suspects`: rows that no listing showed, or of which nobody has asked. `absent`: all that is gone, also what nothing is to be done about. */
  async find(suspects: readonly BasedItem[], call: CallOptions): Promise<{ readonly gone: readonly GoneItem[]; readonly moved: readonly MovedItem[]; readonly absent: ReadonlySet<Ino> }> {
    const gone: Gone = new Map()
    const elsewhere: MovedItem[] = []
    for (const { row, verdict, unknown } of await judgeRows(this.#o, suspects, call)) {
      if (unknown !== undefined) throw unknown
      if (verdict.kind === 'gone') await this.#add(gone, row)
      if (verdict.kind === 'elsewhere') elsewhere.push({ row, item: verdict.item, parentId: verdict.parentId })
    }
    elsewhere.push(...(await this.#survivors(gone, call)))
    const moved: MovedItem[] = []
    for (const item of elsewhere) {
      // It and what was with it: alive, but out of what synchronizes (C27), or with us all the time.
      if (await this.#isOutside(item.parentId, call)) await this.#add(gone, item.row)
      else {
        await this.#spare(gone, item.row)
        moved.push(item)
      }
    }
    const absent = new Set(gone.keys())
    for (const row of gone.values()) if (await isBelowExcluded(this.#o.store.read, row)) gone.delete(row.ino) // F9: it is being cleared away (C26)
    return { gone: await this.#settlingOrder(gone), moved, absent }
  }

  async #add(gone: Gone, row: BasedItem): Promise<void> {
    if (row.kind === 'file') gone.set(row.ino, row)
    else for (const [ino, below] of (await readGoneTree(this.#o, row)).rows) gone.set(ino, below)
  }

  async #spare(gone: Gone, row: BasedItem): Promise<void> {
    if (row.kind === 'file') gone.delete(row.ino)
    else for (const ino of (await readGoneTree(this.#o, row)).rows.keys()) gone.delete(ino)
  }

  /** What was in a folder that is gone may have been moved out on the portal before it went. Asked about where that makes a difference here. */
  async #survivors(gone: Gone, call: CallOptions): Promise<readonly MovedItem[]> {
    const rows = [...gone.values()].filter(({ kind, contentId, parent, base, deleted }) => !deleted && base.parent !== null && gone.has(base.parent) && (kind === 'folder' || contentId !== null || parent !== base.parent))
    const states = rows.length === 0 ? [] : await this.#o.drive.itemStates(rows.map(({ base, kind }) => ({ id: base.id, kind })), call)
    const realIds = new Set([...gone.values()].map(({ base }) => base.realId))
    return rows.flatMap((row, index): readonly MovedItem[] => {
      const state = known(states[index])
      if (state.state !== 'live' || state.item.kind !== row.kind) return []
      const { item } = state
      return item.parentId === null || realIds.has(item.parentId) ? [] : [{ row, item, parentId: item.parentId }]
    })
  }

  /** Whether a folder is not below one that synchronizes. A folder without a row: its ancestors are asked for. */
  async #isOutside(folderId: RemoteId, call: CallOptions): Promise<boolean> {
    const unselected = await readUnselected(this.#o.store.read)
    const ownStorage = (await this.#o.mirror.get(ROOT_INO))?.base?.storageId
    let at = folderId
    for (let depth = 0; depth < DEEPEST; depth += 1) {
      const rows = await this.#o.mirror.foldersOfRealId(at)
      if (rows.length > 0) return rows.every(({ excluded }) => excluded)
      const state = known((await this.#o.drive.itemStates([{ id: at, kind: 'folder' }], call))[0])
      if (state.state !== 'live' || state.item.kind !== 'folder' || state.item.parentId === null || exclusionOf(state.item, unselected, ownStorage) !== undefined) return true
      at = state.item.parentId
    }
    return true
  }

  /** Files, then folders from the innermost here: whether one stays is seen from what still stands in it. */
  async #settlingOrder(gone: Gone): Promise<readonly GoneItem[]> {
    const staying = await this.#staying(gone)
    const names = new ItemNames(this.#o.store.read)
    const files: GoneItem[] = []
    const folders: { readonly item: GoneItem; readonly depth: number }[] = []
    for (const row of gone.values()) {
      if (!row.deleted && (row.base.trashed || (await isInTrash(this.#o.store.read, row.parent)))) continue // it stays there until somebody empties it
      const item: GoneItem = { row, stays: staying.has(row.ino) }
      if (row.kind === 'file') files.push(item)
      else folders.push({ item, depth: (await names.of(row))?.length ?? 0 })
    }
    return [...files, ...folders.sort((a, b) => b.depth - a.depth).map(({ item }) => item)]
  }

  async #staying(gone: Gone): Promise<ReadonlySet<Ino>> {
    const { mirror, store, cache } = this.#o
    const staying = new Set<Ino>()
    const rows = [...gone.values()].filter(({ deleted, excluded }) => !deleted && !excluded)
    const files = rows.filter(({ kind }) => kind === 'file')
    for (let from = 0; from < files.length; from += SUMMARIES) {
      const piece = files.slice(from, from + SUMMARIES)
      const contents = await cache.summary(piece.flatMap(({ contentId }) => (contentId === null ? [] : [contentId])))
      for (const { ino, contentId } of piece) {
        const content = contentId === null ? undefined : contents.get(contentId)
        if (content?.complete === true || content?.dirty === true) staying.add(ino)
      }
    }
    const folders = new Set(rows.filter(({ kind }) => kind === 'folder').map(({ ino }) => ino))
    const visit = async (ino: Ino): Promise<boolean> => {
      folders.delete(ino)
      for (const child of await mirror.childrenIn(store.read, ino)) {
        const isOpen = child.kind === 'folder' && folders.has(child.ino) && (await visit(child.ino))
        if (!goesWithFolder(child) && (isOpen || staying.has(child.ino) || !gone.has(child.ino))) staying.add(ino)
      }
      return staying.has(ino)
    }
    for (const ino of [...folders]) if (folders.has(ino)) await visit(ino)
    return staying
  }
}

function known(state: ItemState | undefined): Exclude<ItemState, { state: 'unknown' }> {
  if (state === undefined) throw new DriveError('bad-answer', 'the portal left an item out')
  if (state.state === 'unknown') throw state.error
  return state
}
