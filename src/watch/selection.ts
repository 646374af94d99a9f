/**
 * Which folders of the portal synchronize (R5, C26). A folder that a person does not want leaves the view in one transaction, with
 * the choice by its id; then the rows below it and their clean bytes are cleared away in short ones, and what a process that
 * died has left is cleared away by the next. Nothing is asked of the portal, and nothing goes that the portal does not have.
 */
import { cancellation, DriveError, errorCode, errorText } from '../base/errors.js'
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Service } from '../base/service.js'
import { readDirty, readOpened, type ContentRow } from '../cache/content-rows.js'
import type { Journal } from '../journal/journal.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { localOnlyBelow, noteSelected, noteUnselected, readUnselected, standingBelow } from '../mirror/selection-rows.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { Store, Transaction } from '../store/store.js'
import { isMark } from './absence-plan.js'
import { hasBase, type BasedItem } from './diff-listing.js'
import type { GoneRows } from './gone-rows.js'
import { placeOf, type RowChanges } from './row-changes.js'
import { isExcludedCode } from './row-plan.js'

export interface SelectionOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly changes: RowChanges
  readonly gone: GoneRows
  readonly log: Log
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
}

export type Deselected =
  | { readonly kind: 'done' }
  /** Files that somebody may be writing to. Nothing was changed. */
  | { readonly kind: 'in-use'; readonly items: readonly Item[] }
  /** What only this computer has, or has to tell the portal. Nothing was changed. */
  | { readonly kind: 'unsent'; readonly items: readonly Item[] }

const PASSES = 3 // what came below while the rows went is met by the next one

export class Selection implements Service {
  readonly #o: SelectionOptions
  readonly #stopping = new AbortController()
  /** Folders are cleared away, and selected, one after another: what is listed anew must not go with what was there. Never rejects. */
  #clearing: Promise<void> = Promise.resolve()

  constructor(options: SelectionOptions) {
    this.#o = options
  }

  /**
   * The folder is not wanted here. `writers`: items that are open for writing. 'not-permitted' for what never synchronizes or is
   * no folder of the portal. A pin of the folder ends. Resolves when it is cleared away, or at once when the signal aborts.
   */
  async deselect(ino: Ino, { writers, signal }: { readonly writers: () => readonly Ino[]; readonly signal: AbortSignal }): Promise<Deselected> {
    const { outcome, row, deltas } = await this.#o.store.transact(async (tx) => {
      const row = await this.#choosable(tx, ino)
      if (row.excluded) return { outcome: { kind: 'done' } as const, row, deltas: [] }
      const outcome = await this.#obstacles(tx, row, writers())
      if (outcome.kind !== 'done') return { outcome, row, deltas: [] }
      if (!hasBase(row)) throw new DriveError('not-permitted', 'it is no folder of the portal')
      await noteUnselected(tx, [row.base.id])
      await this.#o.mirror.update(tx, row, { excluded: true, pinned: false, listedMs: null })
      const at = placeOf(row)
      const deltas: readonly MirrorDelta[] = at === undefined ? [] : [{ kind: 'vanished', ino, generation: row.contentGeneration, at }]
      return { outcome, row, deltas }
    })
    if (outcome.kind === 'done') this.#clearLater(() => Promise.resolve([row]))
    const cleared = this.#clearing
    if (deltas.length > 0) this.#o.onDelta(deltas)
    if (outcome.kind === 'done') await doneOrAborted(cleared, signal)
    return outcome
  }

  /**
   * The folder is shown again, and listed when somebody looks. 'not-permitted', 'exists' when another link to the same folder
   * is shown, 'cancelled' when the signal aborts while others are cleared away.
   */
  async select(ino: Ino, signal: AbortSignal): Promise<void> {
    const selecting = this.#clearing.then(async () => {
      if (!signal.aborted) await this.#selectNow(ino)
    })
    const over = selecting.catch(() => undefined) // who asked is told
    this.#clearing = over
    await doneOrAborted(over, signal)
    if (signal.aborted) throw cancellation(signal)
    await selecting
  }

  async #selectNow(ino: Ino): Promise<void> {
    const deltas = await this.#o.store.transact(async (tx): Promise<readonly MirrorDelta[]> => {
      const row = await this.#choosable(tx, ino)
      const at = placeOf(row)
      if (!row.excluded || !hasBase(row) || at === undefined) return []
      const others = await this.#o.mirror.foldersOfRealId(row.base.realId, tx)
      const shown = others.find(({ ino, excluded, deleted }) => ino !== row.ino && !excluded && !deleted)
      if (shown !== undefined) throw new DriveError('exists', `the same folder is shown as "${shown.name}" already`)
      await noteSelected(tx, row.base.id)
      await this.#o.mirror.update(tx, row, { excluded: false })
      return [{ kind: 'appeared', ino, at }]
    })
    if (deltas.length > 0) this.#o.onDelta(deltas)
  }

  /** What an earlier process has begun is finished. */
  start(): void {
    this.#clearLater(async () => [...(await this.#o.mirror.byRemoteIds([...(await readUnselected(this.#o.store.read))])).values()])
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#clearing
  }

  /** A failure is for the next start: the folders are out of view. */
  #clearLater(folders: () => Promise<readonly Item[]>): void {
    const clear = async (): Promise<void> => {
      for (const folder of await folders()) await this.#clear(folder)
    }
    this.#clearing = this.#clearing.then(clear).catch((error: unknown) => {
      this.#o.log.error({ code: errorCode(error), error: errorText(error) }, 'what is not wanted here could not be cleared away')
    })
  }

  /** A folder of the portal that synchronizes, or would if it were wanted. */
  async #choosable(tx: Transaction, ino: Ino): Promise<Item> {
    const row = await this.#o.mirror.needIn(tx, ino)
    if (row.kind === 'file') throw new DriveError('not-directory', 'only folders are chosen; files synchronize with their folder')
    if (row.ino === ROOT_INO) throw new DriveError('not-permitted', 'the drive as a whole is not chosen: "elastic-drive disconnect" ends its connection')
    if (row.localOnly || (await isInTrash(tx, row.ino))) throw new DriveError('not-permitted', 'it is only on this computer and does not synchronize')
    if (row.excluded && isExcludedCode(row.base?.code ?? null)) throw new DriveError('not-permitted', '"Uploaded files" never synchronizes')
    if (row.excluded && !(row.base !== null && (await readUnselected(tx)).has(row.base.id))) throw new DriveError('not-permitted', 'the same folder is shown under another name already')
    return row
  }

  async #obstacles(tx: Transaction, row: Item, writers: readonly Ino[]): Promise<Deselected> {
    const opened = [...writers, ...(await this.#itemsOf(tx, await readOpened(tx)))]
    const inUse = await standingBelow(tx, row.ino, opened)
    if (inUse.length > 0) return { kind: 'in-use', items: inUse }
    const queued = (await this.#o.journal.entries(tx)).map(({ ino }) => ino)
    const dirty = await this.#itemsOf(tx, await readDirty(tx))
    const toSend = (await standingBelow(tx, row.ino, [...new Set([...queued, ...dirty])])).filter(({ localOnly }) => !localOnly)
    const unsent = [...toSend, ...(await localOnlyBelow(tx, row.ino)).filter((item) => !isMark(item))]
    return unsent.length === 0 ? { kind: 'done' } : { kind: 'unsent', items: unsent }
  }

  /** Not what is in the trash of a file manager: that stays there with its bytes. */
  async #itemsOf(tx: Transaction, contents: readonly ContentRow[]): Promise<readonly Ino[]> {
    const inos: Ino[] = []
    for (const { id } of contents) {
      const item = await this.#o.mirror.byContent(id, tx)
      if (item !== undefined && !(await isInTrash(tx, item.ino))) inos.push(item.ino)
    }
    return inos
  }

  /** All that is known below the folder goes; what was made there since it left the view goes to the recovery folder. */
  async #clear({ ino }: Item): Promise<void> {
    const folder = await this.#o.mirror.get(ino)
    if (folder?.excluded !== true || !hasBase(folder)) return
    for (let pass = 0; pass < PASSES && (await this.#childrenOf(folder)).length > 0; pass += 1) await this.#clearBelow(folder, folder)
  }

  /** The deepest first, so that never more than one folder's rows are held. */
  async #clearBelow(folder: BasedItem, top: BasedItem): Promise<void> {
    for (const child of await this.#childrenOf(folder)) if (child.kind === 'folder' && hasBase(child)) await this.#clearBelow(child, top)
    if (this.#stopping.signal.aborted) return
    const stamp = this.#o.changes.newStamp()
    await this.#o.gone.dissolve(await this.#o.gone.treeOf(folder), stamp, new Set([top.ino]), 'C26')
  }

  #childrenOf(folder: Item): Promise<readonly Item[]> {
    return this.#o.mirror.childrenIn(this.#o.store.read, folder.ino)
  }
}

async function doneOrAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      signal.removeEventListener('abort', end)
      resolve()
    }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    void work.then(end)
  })
}
