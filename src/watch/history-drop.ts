/**
 * Drops the history of rows as a full synchronization has decided it (R11): what is present here and not there becomes something new
 * that is to be sent (F2), what is not present here goes (F3, F4), and of a file that both sides have the version is forgotten
 * that its bytes were of, so that the upload compares them and keeps both where they differ (F5, F6). Asks the portal nothing, in short
 * transactions, each of which may be carried out again: what a decision does not fit any more is left as it is.
 */
import type { Clock } from '../base/clock.js'
import { hasCode } from '../base/errors.js'
import type { ContentId, Ino, RemoteId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Content } from '../cache/content.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Journal } from '../journal/journal.js'
import type { MirrorDelta } from '../mirror/delta.js'
import { withoutVersion } from '../mirror/forgotten-version.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { isBelowExcluded } from '../mirror/selection-rows.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { Store, Transaction } from '../store/store.js'
import { goesWithFolder } from './absence-plan.js'
import { hasBase, type BasedItem } from './diff-listing.js'
import type { RowChanges } from './row-changes.js'

export interface HistoryDropOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: Pick<ContentCache, 'acquire'>
  readonly changes: RowChanges
  readonly clock: Clock
  readonly log: Log
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
}

/** A row, and the object that it stood for when that was decided. */
export type RowOf = readonly [ino: Ino, id: RemoteId]

const PIECE_ROWS = 100

type Contents = ReadonlyMap<ContentId, Content>

export class HistoryDrop {
  readonly #o: HistoryDropOptions

  constructor(options: HistoryDropOptions) {
    this.#o = options
  }

  /** Not on the portal: files first, then folders from the innermost. */
  gone(rows: readonly RowOf[]): Promise<void> {
    return this.#inPieces(rows, (tx, row, contents) => this.#settle(tx, row, contents))
  }

  /** On both sides, and not by our knowledge with the same bytes. */
  differing(rows: readonly RowOf[]): Promise<void> {
    return this.#inPieces(rows, (tx, row, contents) => this.#forgetVersion(tx, row, contents))
  }

  async #inPieces(rows: readonly RowOf[], work: (tx: Transaction, row: BasedItem, contents: Contents) => Promise<readonly MirrorDelta[]>): Promise<void> {
    for (let from = 0; from < rows.length; from += PIECE_ROWS) {
      const piece = rows.slice(from, from + PIECE_ROWS)
      const contents = await this.#hold(await this.#o.mirror.getMany(piece.map(([ino]) => ino)))
      try {
        const deltas = await this.#o.store.transact(async (tx) => {
          const found: MirrorDelta[] = []
          for (const [ino, id] of piece) {
            const row = await this.#o.mirror.getIn(tx, ino)
            if (row === undefined || !hasBase(row) || row.base.id !== id) continue // of another object by now, nothing was decided about it
            if (row.base.trashed || (await isInTrash(tx, row.parent))) continue
            if (await isBelowExcluded(tx, row)) continue // F9: not wanted here since, it is cleared away and never sent (C26)
            found.push(...(await work(tx, row, contents)))
          }
          return found
        })
        if (deltas.length > 0) this.#o.onDelta(deltas)
      } finally {
        for (const content of contents.values()) await content.release()
      }
    }
  }

  /** Inside a transaction nothing can be acquired, and what is held is not evicted. */
  async #hold(rows: readonly Item[]): Promise<Contents> {
    const contents = new Map<ContentId, Content>()
    for (const { contentId } of rows) {
      if (contentId === null) continue
      try {
        contents.set(contentId, await this.#o.cache.acquire(contentId))
      } catch (error) {
        if (!hasCode(error, 'not-found')) throw error // replaced meanwhile: the row says so inside the transaction
      }
    }
    return contents
  }

  async #settle(tx: Transaction, row: BasedItem, contents: Contents): Promise<readonly MirrorDelta[]> {
    const { mirror, journal, changes, log } = this.#o
    if (row.deleted || row.excluded) return (await this.#isBeingCleared(tx, row)) ? [] : changes.remove(tx, row)
    // The answer to a request of ours about it is not known: finding that out ends in the same (C15, C16).
    if (((await journal.get(row.ino, tx))?.attempt ?? null) !== null) return []
    if (row.kind === 'folder') {
      const below = await mirror.childrenIn(tx, row.ino)
      if (below.every(goesWithFolder)) {
        for (const child of below) if (await this.#isBeingCleared(tx, child)) return [] // the next look finds it gone without that
        const deltas: MirrorDelta[] = []
        for (const child of [...below, row]) deltas.push(...(await changes.remove(tx, child)))
        return deltas
      }
    } else {
      const content = row.contentId === null ? undefined : contents.get(row.contentId)
      if (content === undefined || !(content.isDirty || content.isComplete)) return row.contentId !== null && content === undefined ? [] : changes.remove(tx, row)
      if (!content.isDirty) await content.markDirty(tx)
    }
    await mirror.clearBase(tx, row.ino)
    // A folder made here is known whole.
    if (row.kind === 'folder' && row.listedMs === null) await mirror.update(tx, row, { listedMs: this.#o.clock.nowMs() })
    await this.#touch(tx, row.ino)
    log.info({ ino: row.ino, id: row.base.id }, 'not on the portal and present here: to be sent as something new')
    return [{ kind: 'attributes', ino: row.ino, generation: row.contentGeneration }]
  }

  async #forgetVersion(tx: Transaction, row: BasedItem, contents: Contents): Promise<readonly MirrorDelta[]> {
    const content = row.contentId === null ? undefined : contents.get(row.contentId)
    if (row.deleted || row.excluded || content === undefined || !(content.isDirty || content.isComplete)) return []
    if (((await this.#o.journal.get(row.ino, tx))?.attempt ?? null) !== null) return []
    if (!content.isDirty) await content.markDirty(tx)
    await this.#o.mirror.setBase(tx, row.ino, row.base.parent, withoutVersion(row.base))
    await this.#touch(tx, row.ino)
    return []
  }

  /** A folder that is not wanted here, of which not all rows below are gone yet: they need it to be found. */
  async #isBeingCleared(tx: Transaction, { ino, excluded }: Item): Promise<boolean> {
    return excluded && (await this.#o.mirror.childrenIn(tx, ino)).length > 0
  }

  #touch(tx: Transaction, ino: Ino): Promise<void> {
    const nowMs = this.#o.clock.nowMs()
    return this.#o.journal.touch(tx, ino, nowMs, nowMs)
  }
}
