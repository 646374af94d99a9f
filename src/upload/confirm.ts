/**
 * The transactions that record what the portal answered: mirror confirmed, content clean if nothing was written since,
 * entry done if nothing is left. Each reads the row again, because the mount goes on while a request is under way: the
 * row may have been renamed, deleted, written, or have given its identity to another.
 */
import type { Ino } from '../base/ids.js'
import type { Content } from '../cache/content.js'
import type { Snapshot } from '../cache/content-snapshot.js'
import type { RemoteFile, RemoteItem } from '../drive/drive.js'
import { shownName, type Base, type Item } from '../mirror/item.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { Transaction } from '../store/store.js'
import { goesAlong, placeIsSettled } from './plan.js'
import { isKnown, NO_NEWS, type News, type Sending } from './sending.js'

/** The bytes that were sent, or found equal to what the portal has. */
export interface SentContent {
  readonly content: Content
  /** -1: what was read is not what is there; it stays to be sent. */
  readonly writeSequence: number
}

/** What was read for the request, as far as it still is what is there. */
export function sentOf(content: Content, snapshot: Snapshot): SentContent {
  return { content, writeSequence: snapshot.unchanged() ? snapshot.writeSequence : -1 }
}

export interface Made {
  readonly ino: Ino
  readonly remote: RemoteItem
  /** Our row of the folder in which it was made, and the name that was sent. */
  readonly parent: Ino
  readonly sentName: string
  /** Made by our request, or found there and adopted. */
  readonly isOurs: boolean
  readonly sent?: SentContent
}

/** The portal has the row's item now. */
export async function confirmMade(sending: Sending, tx: Transaction, made: Made): Promise<News> {
  const { mirror } = sending
  const { ino, remote, parent } = made
  const item = await mirror.getIn(tx, ino)
  const known = await mirror.byRemoteId(remote.id, tx)
  if (item === undefined || item.localOnly || (item.base !== null && item.base.id !== remote.id)) {
    // The mount deleted the row, gave it another identity or a name that only programs use: what was made for it goes.
    sending.log.debug({ ino, id: remote.id, goes: made.isOurs && known === undefined }, 'what was made for a row is not what the row is any more')
    if (made.isOurs && known === undefined) await addTombstone(sending, tx, parent, remote)
    await settle(sending, tx, ino)
    return NO_NEWS
  }
  if (known !== undefined && known.ino !== ino && !(await giveWay(sending, tx, known))) {
    await settle(sending, tx, ino)
    return NO_NEWS
  }
  sending.log.debug({ ino, id: remote.id, parent, name: remote.name }, 'made on the portal')
  await mirror.confirmBase(tx, ino, parent, remote)
  if (item.kind === 'folder' && !made.isOurs) await mirror.update(tx, item, { listedMs: null })
  const renamed = await adoptStoredName(sending, tx, item, made)
  const isClean = made.sent === undefined ? undefined : await markSent(tx, item, remote, made.sent)
  await settle(sending, tx, ino, isClean)
  const deltas = known !== undefined && known.ino !== ino && known.parent !== null ? [{ kind: 'vanished', ino: known.ino, generation: known.contentGeneration, at: { parent: known.parent, name: known.name } } as const] : []
  return { deltas: [...deltas, ...renamed.deltas], notices: renamed.notices }
}

/** A listing showed our own item before its answer was recorded: the row made from that gives way, unless somebody works on it. */
export async function giveWay(sending: Sending, tx: Transaction, known: Item): Promise<boolean> {
  const { mirror, journal, cache, log } = sending
  const isWorkedOn = sending.writers(known.ino).open || (known.contentId !== null && (await cache.isDirtyIn(tx, known.contentId)))
  if (isWorkedOn || known.deleted || (await journal.get(known.ino, tx)) !== undefined || (await mirror.childrenIn(tx, known.ino)).length > 0) return false
  log.debug({ ino: known.ino, id: known.base?.id }, 'a row made from a listing gives way to the one it was made for')
  if (known.contentId !== null) await cache.drop(tx, known.contentId)
  await mirror.remove(tx, known)
  return true
}

/** Uploads are stored under a corrected name (E-31): the row takes it, if it still has the name that was sent. */
async function adoptStoredName(sending: Sending, tx: Transaction, item: Item, { remote, sentName }: Made): Promise<News> {
  const stored = shownName(remote.name, remote.id)
  if (stored === item.name || item.name !== sentName || item.parent === null) return NO_NEWS
  const others = (await sending.mirror.twinsIn(tx, item.parent, stored)).filter(({ ino }) => ino !== item.ino)
  if (others.length > 0) return NO_NEWS // then the portal's item is renamed to the row's name, which rename does not correct
  await sending.mirror.update(tx, item, { name: stored })
  return { deltas: [{ kind: 'moved', ino: item.ino, from: { parent: item.parent, name: item.name }, to: { parent: item.parent, name: stored } }], notices: [] }
}

/** A row for something on the portal that nobody wants any more. */
async function addTombstone(sending: Sending, tx: Transaction, parent: Ino, remote: RemoteItem): Promise<void> {
  const { mirror, journal, clock } = sending
  const ino = await mirror.insertRemote(tx, null, shownName(remote.name, remote.id), remote)
  await mirror.confirmBase(tx, ino, parent, remote)
  await mirror.update(tx, await mirror.needIn(tx, ino), { deleted: true })
  await journal.touch(tx, ino, clock.nowMs(), clock.nowMs())
}

/** The portal has the item of this id under this name in this folder. */
export async function confirmPlace(sending: Sending, tx: Transaction, remote: RemoteItem, place: { readonly parent: Ino | null; readonly name: string }): Promise<void> {
  const { mirror } = sending
  const holder = await mirror.byRemoteId(remote.id, tx)
  if (!isKnown(holder)) return
  await mirror.confirmBase(tx, holder.ino, place.parent, { ...withContentOf(remote, holder.base), name: place.name })
  await settle(sending, tx, holder.ino)
}

/** The answer of a rename may tell of a newer content that nobody here has seen: the ancestor keeps the one it had. */
function withContentOf(remote: RemoteItem, base: Base): RemoteItem {
  if (remote.kind === 'folder') return { ...remote, realId: base.realId }
  return { ...remote, version: base.version, blobId: base.blobId, sizeBytes: base.sizeBytes }
}

/** The portal has the bytes that were sent for `planned`, as this version. Its place is left to whoever renames. */
export async function confirmContent(sending: Sending, tx: Transaction, planned: Item, remote: RemoteFile, sent: SentContent | undefined): Promise<News> {
  const { mirror } = sending
  const holder = await mirror.byRemoteId(remote.id, tx)
  if (isKnown(holder)) {
    await mirror.confirmBase(tx, holder.ino, holder.base.parent, { ...remote, name: holder.base.name })
    const isClean = holder.ino === planned.ino && sent !== undefined ? await markSent(tx, holder, remote, sent) : undefined
    await settle(sending, tx, holder.ino, isClean)
  }
  if (holder?.ino !== planned.ino) await settle(sending, tx, planned.ino)
  return NO_NEWS
}

/** Clean only if the row still has this content and nothing was written since. */
async function markSent(tx: Transaction, item: Item, remote: RemoteItem, { content, writeSequence }: SentContent): Promise<boolean> {
  if (item.contentId !== content.id || remote.kind !== 'file') return false
  return content.markClean(tx, writeSequence, { fileId: remote.id, version: remote.version, blobId: remote.blobId })
}

/**
 * Ends an entry of which nothing is left, or lets it go on without attempt and failures. `contentIsClean`: what this
 * transaction itself found out.
 */
export async function settle(sending: Sending, tx: Transaction, ino: Ino, contentIsClean?: boolean): Promise<void> {
  const { mirror, journal, clock } = sending
  const item = await mirror.getIn(tx, ino)
  if (item === undefined) {
    await journal.remove(tx, ino)
    return
  }
  if (item.deleted && item.base === null) {
    await journal.remove(tx, ino)
    await mirror.remove(tx, item)
    return
  }
  if (!item.deleted && goesAlong(item) && (await isInTrash(tx, item.parent))) {
    await journal.remove(tx, ino) // unsent bytes wait there until somebody brings them back
    return
  }
  if (placeIsSettled(item)) {
    if (item.placeChangedMs !== null) await mirror.update(tx, item, { placeChangedMs: null })
    if (contentIsClean ?? (await isClean(sending, tx, item))) {
      await journal.remove(tx, ino)
      return
    }
  }
  const entry = await journal.get(ino, tx)
  const nowMs = clock.nowMs()
  await journal.touch(tx, ino, nowMs, entry?.notBeforeMs ?? nowMs)
  await journal.clearAttempt(tx, ino)
}

/** By the rows: an edit of this moment is committed together with its own entry, or after us. */
export async function isClean(sending: Sending, tx: Transaction, item: Item): Promise<boolean> {
  return item.contentId === null || !(await sending.cache.isDirtyIn(tx, item.contentId))
}
