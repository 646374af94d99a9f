/**
 * Shows again what was deleted here and the portal still has, for a full synchronization (F1). What was made here anew under the same name
 * goes on as the portal's object, whose bytes the upload compares (F5, F6, F7). Nothing is left that could delete any of it on
 * the portal: what cannot stand where it belongs is forgotten, and the next listing shows it as something new.
 */
import type { Ino, RemoteId } from '../base/ids.js'
import { withoutVersion } from '../mirror/forgotten-version.js'
import { shownName, type Item } from '../mirror/item.js'
import type { Transaction } from '../store/store.js'
import { commit, isKnown, joinNews, NO_NEWS, type KnownItem, type News, type Sending } from './sending.js'
import { bringBack, foldersFirst, PIECE_ROWS } from './undo-deletions.js'

/** A row that is of another object by now is left as it is. Done again it does nothing. */
export async function takeBackDeletions(sending: Sending, rows: readonly (readonly [ino: Ino, id: RemoteId])[]): Promise<void> {
  const ids = new Map(rows)
  const order = foldersFirst(await sending.mirror.getMany([...ids.keys()]))
  for (let from = 0; from < order.length; from += PIECE_ROWS) {
    await commit(sending, async (tx) => {
      const news: News[] = []
      for (const { ino } of order.slice(from, from + PIECE_ROWS)) news.push(await takeBack(sending, tx, ino, ids.get(ino)))
      return joinNews(...news)
    })
  }
}

async function takeBack(sending: Sending, tx: Transaction, ino: Ino, id: RemoteId | undefined): Promise<News> {
  const { mirror, journal, log } = sending
  const item = await mirror.getIn(tx, ino)
  if (!isKnown(item) || item.base.id !== id) return NO_NEWS
  const isAttempted = ((await journal.get(ino, tx))?.attempt ?? null) !== null
  const heir = item.deleted && !isAttempted ? await findHeir(sending, tx, item) : undefined
  if (heir !== undefined) return inherit(sending, tx, item, heir)
  const outcome = await bringBack(sending, tx, ino, 'too')
  if (!('item' in outcome)) return outcome
  log.info({ ino, id, deleted: item.deleted, why: outcome.text }, 'what was deleted here cannot stand here again: the next listing shows it')
  if (!item.deleted || isAttempted) return NO_NEWS
  await journal.remove(tx, ino)
  await mirror.remove(tx, item)
  return NO_NEWS
}

/** Made here under the name, and never sent. */
async function findHeir({ mirror, journal }: Sending, tx: Transaction, { base, kind }: KnownItem): Promise<Item | undefined> {
  const heir = base.parent === null ? undefined : await mirror.childIn(tx, base.parent, shownName(base.name, base.id))
  if (heir?.base !== null || heir.kind !== kind || heir.localOnly) return undefined
  return ((await journal.get(heir.ino, tx))?.attempt ?? null) === null ? heir : undefined
}

async function inherit({ mirror, journal, clock }: Sending, tx: Transaction, { ino, base }: KnownItem, heir: Item): Promise<News> {
  await mirror.transferBase(tx, ino, heir.ino)
  if (heir.kind === 'file') await mirror.setBase(tx, heir.ino, base.parent, withoutVersion(base))
  await journal.touch(tx, heir.ino, clock.nowMs(), clock.nowMs())
  await journal.remove(tx, ino)
  await mirror.remove(tx, await mirror.needIn(tx, ino))
  return { deltas: [{ kind: 'attributes', ino: heir.ino, generation: heir.contentGeneration }], notices: [] }
}
