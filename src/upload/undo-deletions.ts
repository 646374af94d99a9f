/**
 * Takes deletions back that the brake holds: the rows stand where the portal has their items, with the same ids, and have
 * nothing left to send. Bytes went with a deletion, and are fetched again when somebody reads; what is in the trash of a
 * file manager has them, and an edit that was not sent is sent when it is out. What cannot leave it stays there, unsent.
 */
import { errorCode, errorText, hasCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import { shownName, type Item } from '../mirror/item.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { Transaction } from '../store/store.js'
import { settle } from './confirm.js'
import type { DeletionGroup } from './deletion-groups.js'
import type { Undone } from './held-deletions.js'
import { leaveTrash } from './leave-trash.js'
import { goesAlong } from './plan.js'
import { putAt } from './send-place.js'
import { commit, isKnown, joinNews, NO_NEWS, type KnownItem, type News, type Sending } from './sending.js'

export const PIECE_ROWS = 100 // about 100 ms of the write queue

export type Failure = Undone['failed'][number]

/** 'busy' for an item whose name or folder is taken away here, or whose deletion is under way. */
export async function undoDeletions(sending: Sending, groups: readonly DeletionGroup[]): Promise<Undone> {
  const order = foldersFirst(await sending.mirror.getMany(groups.flatMap(({ members }) => members)))
  const failed: Failure[] = []
  for (let from = 0; from < order.length; from += PIECE_ROWS) {
    const failures: Failure[] = []
    await commit(sending, async (tx) => {
      const news: News[] = []
      for (const { ino } of order.slice(from, from + PIECE_ROWS)) {
        const outcome = await bringBack(sending, tx, ino)
        if ('item' in outcome) failures.push(outcome)
        else news.push(outcome)
      }
      return joinNews(...news)
    })
    failed.push(...failures)
  }
  const items = order.length - failed.length
  if (items > 0) sending.log.info({ items, failed: failed.length }, 'a mass deletion that was held is undone')
  return { items, failed }
}

/** 'busy' in the answer where it cannot stand where the portal has it. `attempted`: its entry stays, by which the outcome of a request is found out. */
export async function bringBack(sending: Sending, tx: Transaction, ino: Ino, attempted: 'not' | 'too' = 'not'): Promise<News | Failure> {
  const item = await sending.mirror.getIn(tx, ino)
  if (!isKnown(item)) return NO_NEWS
  if (!item.deleted && (item.base.trashed || !(await isInTrash(tx, item.parent)))) return NO_NEWS // it came with its folder
  const isAttempted = ((await sending.journal.get(ino, tx))?.attempt ?? null) !== null
  if (isAttempted && attempted === 'not') return { item, code: 'busy', text: 'its deletion is being sent' }
  try {
    const news = await (item.deleted ? raise(sending, tx, item) : takeOut(sending, tx, item))
    if (!isAttempted && !('item' in news)) await settle(sending, tx, ino)
    return news
  } catch (error) {
    if (!hasCode(error, 'busy')) throw error
    return { item, code: errorCode(error), text: errorText(error) }
  }
}

async function raise(sending: Sending, tx: Transaction, item: KnownItem): Promise<News | Failure> {
  const { base } = item
  const news = await putAt(sending, tx, item, base.parent, shownName(base.name, base.id))
  const placed = await sending.mirror.needIn(tx, item.ino)
  if (placed.deleted) return { item, code: 'busy', text: 'its folder is deleted' }
  if (item.kind === 'file') await sending.mirror.update(tx, placed, { contentId: null, sizeBytes: base.sizeBytes, mtimeMs: base.updatedMs })
  return news
}

/** To where the portal has it; everything in a folder that was put into the trash comes with it. */
async function takeOut(sending: Sending, tx: Transaction, item: KnownItem): Promise<News | Failure> {
  const { base } = item
  const folder = base.parent === null ? undefined : await sending.mirror.getIn(tx, base.parent)
  if (folder === undefined || folder.deleted || goesAlong(item) || (await isInTrash(tx, folder.ino))) {
    return { item, code: 'busy', text: 'its folder is deleted or in the trash too: it stays in the trash here, and on the portal' }
  }
  const news = await putAt(sending, tx, item, folder.ino, shownName(base.name, base.id))
  const left = await leaveTrash(sending, tx, item)
  return joinNews(news, left)
}

/** Each after the folder it stands in. */
export function foldersFirst(items: readonly Item[]): readonly Item[] {
  const depths = new Map<Ino, number>()
  const byIno = new Map(items.map((item) => [item.ino, item]))
  const depthOf = (item: Item): number => {
    const known = depths.get(item.ino)
    if (known !== undefined) return known
    const above = item.base?.parent ?? null
    const parent = above === null ? undefined : byIno.get(above)
    const depth = parent === undefined ? 0 : depthOf(parent) + 1
    depths.set(item.ino, depth)
    return depth
  }
  return [...items].sort((a, b) => depthOf(a) - depthOf(b))
}
