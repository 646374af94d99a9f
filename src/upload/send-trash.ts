/**
 * Deletions (C4): to the portal's trash, never further; a link is disconnected. What stands in the trash of a file manager
 * keeps its row and its bytes, so that it can be brought back by its id. Read first: what somebody changed
 * meanwhile is brought back instead (C9), and so is a folder that holds items nobody here has seen (6a.12), or an item
 * that we may not delete (C24).
 */
import { hasCode } from '../base/errors.js'
import { noteGone, readMark } from '../brake/brake-rows.js'
import type { RemoteId } from '../base/ids.js'
import type { RemoteItem } from '../drive/drive.js'
import type { Attempt } from '../journal/journal.js'
import { isConnected } from '../mirror/connected-rows.js'
import { isLink, shownName, type Item } from '../mirror/item.js'
import { isInTrash, markTrashed } from '../mirror/trash-rows.js'
import type { Transaction } from '../store/store.js'
import { isClean, settle } from './confirm.js'
import { findUnseen } from './folder-evidence.js'
import { leaveTrash } from './leave-trash.js'
import type { UploadNotice } from './notices.js'
import { goesAlong } from './plan.js'
import { moveToRecovery } from './recovery-folder.js'
import { putAt } from './send-place.js'
import { checkFolderKnown } from './still-ours.js'
import { callOf, checkOutcomeIsFinal, commit, forgetAttempt, isKnown, joinNews, lacksRight, NO_NEWS, readById, readRemote, sameIntent, sendOnce, type KnownItem, type News, type Sending } from './sending.js'

const PIECE_ROWS = 300 // about 100 ms of it

type KeptReason = Extract<UploadNotice, { kind: 'brought-back' }>['why']

export async function sendTrash(sending: Sending, item: KnownItem, signal: AbortSignal): Promise<void> {
  if (isConnected(item)) {
    await endConnection(sending, item)
    return
  }
  try {
    const remote = await readRemote(sending, item, signal)
    if (remote === undefined) {
      await commit(sending, (tx) => leaveOrForget(sending, tx, item, 'others')) // C16; of what is in the trash here a restore finds out whether it still exists
      return
    }
    await checkFolderKnown(sending, item, remote)
    if (remote.kind === 'file' && (remote.version !== item.base.version || remote.blobId !== item.base.blobId)) {
      await commit(sending, (tx) => bringBack(sending, tx, item, remote, 'changed-on-portal')) // C9
      return
    }
    if (remote.kind === 'folder' && remote.realId === remote.id) {
      const seen = await findUnseen(sending, item, signal)
      if (seen.kind === 'pending') return // something known has to leave it first: planned anew
      if (seen.kind === 'unseen') {
        await commit(sending, (tx) => bringBackFolders(sending, tx, seen.folders))
        return
      }
    }
    await send(sending, item, signal)
  } catch (error) {
    if (!lacksRight(error) && !hasCode(error, 'not-permitted')) throw error
    await commit(sending, (tx) => bringBack(sending, tx, item, undefined, 'no-right')) // C24
  }
}

async function send(sending: Sending, item: KnownItem, signal: AbortSignal): Promise<void> {
  const attempt: Attempt = { step: 'trash', startedServerMs: await sending.serverClock.nowMs(callOf(signal)), remoteId: item.base.id }
  const sent = await sendOnce(sending, item, attempt, async () => {
    await sending.drive.trash({ id: item.base.id, kind: item.kind }, callOf(signal))
    return true
  })
  if (sent === true) await commit(sending, (tx) => leaveOrForget(sending, tx, item, 'us'))
}

/** The portal's object is trashed: a tombstone goes, and what stands in the trash here stays. */
async function leaveOrForget(sending: Sending, tx: Transaction, planned: KnownItem, by: 'us' | 'others'): Promise<News> {
  const { mirror, journal, clock } = sending
  const holder = await mirror.byRemoteId(planned.base.id, tx)
  if (planned.deleted || holder === undefined || holder.deleted) return by === 'us' ? forgetTrashed(sending, tx, planned) : forgetTombstones(sending, tx, planned)
  if (by === 'us' && (await isInTrash(tx, holder.parent))) {
    const rows = await mirror.subtreeIn(tx, holder.ino)
    await noteSent(sending, tx, planned, rows.filter((row) => isKnown(row) && !row.base.trashed && (row.ino === holder.ino || goesAlong(row))).length)
  }
  for (const ino of await markTrashed(mirror, tx, holder)) await journal.touch(tx, ino, clock.nowMs(), clock.nowMs())
  const parent = holder.parent === null ? undefined : await mirror.getIn(tx, holder.parent)
  if (isKnown(parent) && (await isInTrash(tx, parent.ino))) {
    // It was moved into another folder that is there: it went by itself, and that one will not bring it back.
    await mirror.setTrashed(tx, [holder.ino], 'may-be-live')
    await journal.remove(tx, holder.ino)
  } else await settle(sending, tx, holder.ino) // brought back while the request was under way, it is restored
  if (holder.ino !== planned.ino) await settle(sending, tx, planned.ino)
  return NO_NEWS
}

/** As `forgetTombstones`, after our own request. */
async function forgetTrashed(sending: Sending, tx: Transaction, planned: KnownItem): Promise<News> {
  const tombstones = await tombstonesIn(sending, tx, await sending.mirror.byRemoteId(planned.base.id, tx))
  await noteSent(sending, tx, planned, isLink(planned) ? Math.min(1, tombstones.length) : tombstones.length)
  return forgetTombstones(sending, tx, planned)
}

/** What was connected here is nothing to the portal. What has been shown through it goes in pieces, so that nobody waits long for the one write queue. */
export async function endConnection(sending: Sending, item: KnownItem): Promise<void> {
  const below = (await sending.mirror.subtreeIn(sending.store.read, item.ino)).filter(({ ino }) => ino !== item.ino).reverse()
  for (let from = 0; from < below.length; from += PIECE_ROWS) {
    await commit(sending, async (tx) => {
      if ((await sending.mirror.getIn(tx, item.ino))?.deleted !== true) return NO_NEWS
      return removeRows(sending, tx, below.slice(from, from + PIECE_ROWS))
    })
  }
  await commit(sending, (tx) => forgetTombstones(sending, tx, item))
}

/** The brake counts it with what comes in the same minute. */
async function noteSent({ clock }: Sending, tx: Transaction, { ino, base, placeChangedMs }: KnownItem, items: number): Promise<void> {
  if (items === 0 || (await readMark(tx, 'here', ino)) === 'allowed') return
  const nowMs = clock.nowMs()
  await noteGone(tx, 'here', { storageId: base.storageId, atMs: placeChangedMs ?? nowMs, items }, nowMs)
}

/** The deleted item and what was deleted below it, topmost first. */
async function tombstonesIn({ mirror }: Sending, tx: Transaction, top: Item | undefined): Promise<readonly Item[]> {
  if (top?.deleted !== true) return []
  const found: Item[] = [top]
  for (const item of found) found.push(...(await mirror.baseChildrenIn(tx, item.ino)).filter(({ deleted }) => deleted))
  return found
}

/** The portal's object is trashed: its row goes, and with it all tombstones below and, for a link, everything shown through it. */
async function forgetTombstones(sending: Sending, tx: Transaction, planned: KnownItem): Promise<News> {
  const { mirror, journal, cache } = sending
  const holder = await mirror.byRemoteId(planned.base.id, tx)
  if (holder === undefined) {
    await settle(sending, tx, planned.ino)
    return NO_NEWS
  }
  if (!holder.deleted) {
    // Made again, or given to another row, while the request was under way: that one is something new now.
    await mirror.clearBase(tx, holder.ino)
    await settle(sending, tx, holder.ino)
    if (holder.ino !== planned.ino) await settle(sending, tx, planned.ino)
    return NO_NEWS
  }
  const news = [await removeShown(sending, tx, holder)]
  for (const item of await tombstonesIn(sending, tx, holder)) {
    if (item.contentId !== null) await cache.drop(tx, item.contentId)
    await journal.remove(tx, item.ino)
    await mirror.remove(tx, item)
  }
  return joinNews(...news)
}

/** Rows that still stand below a disconnected link: unsent work goes to the recovery folder (C20), the rest goes. */
async function removeShown(sending: Sending, tx: Transaction, folder: Item): Promise<News> {
  const below = (await sending.mirror.subtreeIn(tx, folder.ino)).filter(({ ino }) => ino !== folder.ino)
  return removeRows(sending, tx, [...below].reverse())
}

/** Deepest first. */
async function removeRows(sending: Sending, tx: Transaction, rows: readonly Item[]): Promise<News> {
  const { mirror, journal, cache } = sending
  const news: News[] = []
  for (const { ino, parent } of rows) {
    const item = await mirror.getIn(tx, ino)
    if (item?.parent !== parent || (item.kind === 'folder' && (await mirror.childrenIn(tx, ino)).length > 0)) continue // taken away, or something was put into it meanwhile
    const isUnsent = item.kind === 'file' && (item.base === null || !(await isClean(sending, tx, item)))
    if (isUnsent && !item.localOnly) {
      if (item.base !== null) await mirror.clearBase(tx, item.ino)
      news.push(await moveToRecovery(sending, tx, await mirror.needIn(tx, item.ino)))
      continue
    }
    if (item.contentId !== null) await cache.drop(tx, item.contentId)
    await journal.remove(tx, item.ino)
    await mirror.remove(tx, item)
  }
  return joinNews(...news)
}

/** The item is shown again where the portal has it, with what it has there. */
async function bringBack(sending: Sending, tx: Transaction, planned: KnownItem, remote: RemoteItem | undefined, why: KeptReason): Promise<News> {
  const { mirror, journal, clock } = sending
  const item = await mirror.getIn(tx, planned.ino)
  if (!sameIntent(item, planned) || item.base === null) return NO_NEWS
  const { base } = item
  const name = shownName(base.name, base.id)
  const news = await putAt(sending, tx, item, base.parent, name)
  const placed = await mirror.needIn(tx, item.ino)
  if (placed.deleted) return NO_NEWS // its folder is deleted here: that one is brought back or trashed first
  if (!item.deleted && (await isInTrash(tx, placed.parent))) return moveToRecovery(sending, tx, placed) // and it is in nobody's way
  const isEdited = !(await isClean(sending, tx, item))
  const isOther = remote?.kind === 'file' && (remote.version !== base.version || remote.blobId !== base.blobId)
  const left = item.deleted ? NO_NEWS : await leaveTrash(sending, tx, item)
  if (item.kind === 'folder') {
    // What was deleted in it is decided item by item now, and what is new in it gets listed.
    await mirror.update(tx, placed, { listedMs: null })
    for (const below of await mirror.baseChildrenIn(tx, item.ino)) if (below.deleted) await journal.touch(tx, below.ino, clock.nowMs(), clock.nowMs())
  } else if (item.deleted || (isOther && !isEdited)) {
    const file = remote?.kind === 'file' ? remote : undefined
    if (item.contentId !== null) await sending.cache.drop(tx, item.contentId)
    await mirror.update(tx, placed, {
      contentId: null,
      sizeBytes: file?.sizeBytes ?? base.sizeBytes,
      mtimeMs: file?.updatedMs ?? base.updatedMs,
      contentGeneration: item.contentGeneration + 1,
    })
    if (file !== undefined) await mirror.confirmBase(tx, item.ino, base.parent, { ...file, name: base.name })
  }
  await settle(sending, tx, item.ino)
  return { deltas: [...news.deltas, ...left.deltas], notices: [...news.notices, { kind: 'brought-back', ino: item.ino, name, why }] }
}

/** Outermost first, so that each finds its folder standing. */
async function bringBackFolders(sending: Sending, tx: Transaction, folders: readonly KnownItem[]): Promise<News> {
  const news: News[] = []
  for (const folder of folders) news.push(await bringBack(sending, tx, folder, undefined, 'holds-unseen-items'))
  return joinNews(...news)
}

/** A deletion of unknown outcome: the portal says whether the item is still there. */
export async function resolveTrash(sending: Sending, item: Item, attempt: Attempt, signal: AbortSignal): Promise<void> {
  const remote = attempt.remoteId === undefined ? undefined : await readById(sending, attempt.remoteId as RemoteId, item.kind, signal)
  const isItsOwn = item.base !== null && item.base.id === attempt.remoteId
  if (remote === undefined && isItsOwn) {
    await commit(sending, (tx) => leaveOrForget(sending, tx, item as KnownItem, 'us'))
    return
  }
  // Sent again it may come twice; but where nobody wants it to go any more, it would be deleted by coming late.
  const isStillWanted = isItsOwn && (item.deleted || (await isInTrash(sending.store.read, item.parent)))
  if (remote !== undefined && !isStillWanted) checkOutcomeIsFinal(sending, item.ino)
  await forgetAttempt(sending, item.ino)
}
