/**
 * Rename and move of an item the portal has (C3). The portal's place is read first: what somebody else renamed or moved
 * meanwhile wins (C12); a name that is taken makes the local item step aside; what the portal forbids is taken back in
 * view (C24).
 */
import { DriveError, errorCode, hasCode } from '../base/errors.js'
import type { Ino, RemoteId } from '../base/ids.js'
import { isTemporaryName, temporaryName } from '../base/names.js'
import type { RemoteItem } from '../drive/drive.js'
import type { Attempt } from '../journal/journal.js'
import { isConflictName } from '../mirror/conflict-name.js'
import { giveNameAway, isConnected } from '../mirror/connected-rows.js'
import { recordConflict } from '../mirror/conflicts.js'
import type { MirrorDelta } from '../mirror/delta.js'
import { isMoved, shownName, type Item } from '../mirror/item.js'
import type { Transaction } from '../store/store.js'
import { forkName, mayBeFree, stepAside } from './conflict-rows.js'
import { confirmPlace, settle } from './confirm.js'
import type { UploadNotice } from './notices.js'
import { callOf, checkOutcomeIsFinal, commit, forgetAttempt, isKnown, joinNews, lacksRight, NO_NEWS, readById, readRemote, sameIntent, sendOnce, type KnownItem, type News, type Sending } from './sending.js'
import { loseIdentity } from './send-version.js'

/** A request for a place: which name in which of our folders. */
interface Wish {
  readonly step: 'rename' | 'move'
  readonly name: string
  readonly parent: KnownItem
}

export async function sendRename(sending: Sending, item: KnownItem, to: 'final-name' | 'temporary-name', signal: AbortSignal): Promise<void> {
  const parent = await folderOf(sending, item.base.parent)
  if (parent === undefined) throw new DriveError('vanished', 'the folder of the item is not known any more')
  const name = to === 'final-name' ? item.name : temporaryName(item.base.name, sending.random.hex(4))
  await sendPlace(sending, item, { step: 'rename', name, parent }, signal)
}

export async function sendMove(sending: Sending, item: KnownItem, parent: KnownItem, signal: AbortSignal): Promise<void> {
  const ring = item.kind === 'folder' ? await findRing(sending, item, parent, signal) : undefined
  if (ring !== undefined) await commit(sending, (tx) => letTheirMoveWin(sending, tx, item, ring))
  else await sendPlace(sending, item, { step: 'move', name: item.base.name, parent }, signal)
}

/** A folder that was moved on the portal into the one that is to be moved into it here: neither move could ever be made. */
interface Ring {
  readonly folder: KnownItem
  readonly remote: RemoteItem
  /** Where it is on the portal: the item to be moved, or a folder in it. */
  readonly now: KnownItem
}

async function findRing(sending: Sending, item: KnownItem, parent: KnownItem, signal: AbortSignal): Promise<Ring | undefined> {
  const way = (await wayUp(sending, parent)).filter(({ base }) => base.parent !== null)
  if (way.length === 0) return undefined
  const states = await sending.drive.itemStates(way.map(({ base }) => ({ id: base.id, kind: 'folder' as const })), callOf(signal))
  for (const [index, folder] of way.entries()) {
    const state = states[index]
    if (state?.state !== 'live' || state.item.parentId === null) return undefined
    if (state.item.parentId === (await folderOf(sending, folder.base.parent))?.base.realId) continue
    const [now] = await sending.mirror.foldersOfRealId(state.item.parentId)
    const isRing = isKnown(now) && (await wayUp(sending, now)).some(({ ino }) => ino === item.ino)
    return isRing ? { folder, remote: state.item, now } : undefined
  }
  return undefined
}

/** The folder and those above it, as the portal had them when they were last looked at. */
async function wayUp({ mirror }: Sending, folder: KnownItem): Promise<readonly KnownItem[]> {
  const way = new Map<Ino, KnownItem>()
  for (let at: Item | undefined = folder; isKnown(at) && !way.has(at.ino); at = at.base.parent === null ? undefined : await mirror.get(at.base.parent)) way.set(at.ino, at)
  return [...way.values()]
}

/** C12: the item goes back to where the portal has it, so that what was moved into it can follow. */
async function letTheirMoveWin(sending: Sending, tx: Transaction, item: KnownItem, { folder, remote, now }: Ring): Promise<News> {
  const { mirror } = sending
  if (!sameIntent(await mirror.getIn(tx, item.ino), item)) return NO_NEWS
  const name = shownName(item.base.name, item.base.id)
  const back = await putAt(sending, tx, item, item.base.parent, name)
  await settle(sending, tx, item.ino)
  await confirmPlace(sending, tx, remote, { parent: now.ino, name: remote.name })
  const followed = await putAt(sending, tx, await mirror.needIn(tx, folder.ino), now.ino, shownName(remote.name, remote.id))
  await settle(sending, tx, folder.ino)
  const notice: UploadNotice = { kind: 'remote-place-won', ino: item.ino, name }
  return joinNews(back, followed, { deltas: [], notices: [notice] })
}

async function sendPlace(sending: Sending, item: KnownItem, wish: Wish, signal: AbortSignal): Promise<void> {
  const remote = await readRemote(sending, item, signal)
  if (remote === undefined) {
    await meetGone(sending, item)
    return
  }
  if (remote.name === wish.name && remote.parentId === wish.parent.base.realId) {
    await commit(sending, (tx) => confirmWish(sending, tx, remote, wish))
    return
  }
  if (await meetRemotePlace(sending, item, remote)) return
  const attempt: Attempt = { step: wish.step, startedServerMs: await sending.serverClock.nowMs(callOf(signal)), remoteId: item.base.id, name: wish.name, parentId: wish.parent.base.realId }
  const key = { id: item.base.id, kind: item.kind }
  try {
    const answer = await sendOnce(sending, item, attempt, () =>
      wish.step === 'rename' ? sending.drive.rename(key, wish.name, callOf(signal)) : move(sending, remote, wish, signal),
    )
    if (answer !== undefined) await commit(sending, (tx) => confirmWish(sending, tx, answer, { ...wish, name: wish.step === 'rename' ? answer.name : wish.name }))
  } catch (error) {
    if (hasCode(error, 'exists')) await meetTakenName(sending, item, wish, signal)
    else if (lacksRight(error) || hasCode(error, 'cross-storage', 'not-permitted')) await commit(sending, (tx) => restorePlace(sending, tx, item, error))
    else throw error
  }
}

/** `cross-storage` only where it is that. Within a storage `result:false` leaves open what was done (O-11): `lost-answer`. */
async function move(sending: Sending, { id, kind, storageId }: RemoteItem, { parent }: Wish, signal: AbortSignal): Promise<RemoteItem> {
  try {
    return await sending.drive.move({ id, kind }, parent.base.realId, callOf(signal))
  } catch (error) {
    if (!hasCode(error, 'cross-storage')) throw error
    const folder = await readById(sending, parent.base.realId, 'folder', signal)
    if (folder?.storageId !== storageId) throw error
    throw new DriveError('lost-answer', 'the portal says that it did not move the item, and not why: it may have been carried out', { cause: error })
  }
}

async function confirmWish(sending: Sending, tx: Transaction, remote: RemoteItem, { name, parent }: Wish): Promise<News> {
  await confirmPlace(sending, tx, remote, { parent: parent.ino, name })
  return NO_NEWS
}

/** Trashed there, renamed here: an unsent edit goes on as something new (C15); anything else is what `watch` removes (C14). */
async function meetGone(sending: Sending, item: KnownItem): Promise<void> {
  const content = item.contentId === null ? undefined : (await sending.cache.summary([item.contentId])).get(item.contentId)
  if (content?.dirty === true) await loseIdentity(sending, item)
  else throw new DriveError('vanished', 'the item is gone on the portal: it goes here too, once the whole folder was looked at')
}

/**
 * Somebody renamed or moved it there: taken over, where both changed the same the portal's word wins (C12), and so it does
 * where their folder and our name do not go together. False: the portal has it where we think.
 */
async function meetRemotePlace(sending: Sending, item: KnownItem, remote: RemoteItem): Promise<boolean> {
  const { base } = item
  const wasIn = await folderOf(sending, base.parent)
  // A temporary name is our own, from a request whose outcome was never learnt: nobody's wish, and not to be kept.
  const isOnTheWay = isTemporaryName(remote.name) && remote.name !== base.name
  const isRenamed = remote.name !== base.name && !isOnTheWay
  const isMovedThere = wasIn !== undefined && remote.parentId !== wasIn.base.realId
  if (!isRenamed && !isMovedThere && !isOnTheWay) return false
  const nowIn = isMovedThere ? (await sending.mirror.foldersOfRealId(remote.parentId ?? base.id))[0] : wasIn
  // Moved to where nothing here looks: our own wish for the place falls, and `watch` decides (C27).
  const place = nowIn === undefined ? { parent: base.parent, name: base.name } : { parent: nowIn.ino, name: remote.name }
  await commit(sending, async (tx) => {
    const now = await sending.mirror.getIn(tx, item.ino)
    if (!sameIntent(now, item)) return NO_NEWS
    if (nowIn !== undefined) await confirmPlace(sending, tx, remote, place)
    if (!isRenamed && !isMovedThere) return NO_NEWS
    const theirName = shownName(place.name, base.id)
    const merged = { name: isRenamed || nowIn === undefined ? theirName : item.name, parent: isMovedThere ? place.parent : item.parent }
    const isFree = (await firmTwins(sending, tx, now, merged)).length === 0
    const { parent, name } = isFree ? merged : { parent: place.parent, name: theirName }
    const bothChanged = !isFree || (isRenamed && shownName(base.name, base.id) !== item.name) || (isMovedThere && base.parent !== item.parent)
    const news = await putAt(sending, tx, now, parent, name)
    await settle(sending, tx, item.ino)
    return bothChanged ? { ...news, notices: [...news.notices, { kind: 'remote-place-won', ino: item.ino, name }] } : news
  })
  return true
}

/** Something has the name: another way round, waiting, or stepping aside. */
async function meetTakenName(sending: Sending, item: KnownItem, wish: Wish, signal: AbortSignal): Promise<void> {
  const isOnTheWay = wish.name !== item.name || wish.parent.ino !== item.parent
  if (isOnTheWay) {
    // The clash is with a name it only passes through: a temporary one cannot clash.
    await sendRename(sending, item, 'temporary-name', signal)
    return
  }
  const rivals = (await sending.drive.childrenNamed(wish.parent.base.realId, wish.name, callOf(signal))).filter(({ id, deletedType }) => id !== item.base.id && deletedType === 0)
  for (const rival of rivals) {
    const known = await sending.mirror.byRemoteId(rival.id)
    if (known !== undefined && (known.deleted || isMoved(known)) && (await sending.journal.get(known.ino)) !== undefined) {
      throw new DriveError('busy', 'the name is about to become free on the portal')
    }
  }
  if (await mayBeFree(sending, item, rivals, signal)) throw new DriveError('busy', 'the name was taken a moment ago and may be free by now')
  if (rivals.length === 0 && isConflictName(item.name)) throw new DriveError('exists', 'something that cannot be seen has this name on the portal: rename the item')
  await commit(sending, (tx) => forkName(sending, tx, item, rivals))
}

/** The portal does not let us: the item goes back to where the portal has it (C24). */
async function restorePlace(sending: Sending, tx: Transaction, item: KnownItem, error: unknown): Promise<News> {
  const now = await sending.mirror.getIn(tx, item.ino)
  if (!sameIntent(now, item) || now.base === null) return NO_NEWS
  const name = shownName(now.base.name, now.base.id)
  const news = await putAt(sending, tx, now, now.base.parent, name)
  await settle(sending, tx, now.ino)
  return { ...news, notices: [...news.notices, { kind: 'place-restored', ino: now.ino, name, why: errorCode(error) }] }
}

/**
 * Puts a row at a place that the portal has for it. What stands there and is not on the portal under this name steps
 * aside: a new item, and one that was renamed or moved over it here and would wait for the name for ever.
 */
export async function putAt(sending: Sending, tx: Transaction, item: Item, parent: Ino | null, name: string): Promise<News> {
  const { mirror } = sending
  if (parent === null || (item.parent === parent && item.name === name)) return NO_NEWS
  const folder = await mirror.getIn(tx, parent)
  // Its folder is deleted here, or stands in it: it stays, and so the difference stays to be sent.
  if (folder === undefined || folder.deleted || (await standsIn(mirror, tx, parent, item.ino))) return NO_NEWS
  const deltas: MirrorDelta[] = []
  const notices: UploadNotice[] = []
  for (const twin of await mirror.twinsIn(tx, parent, name)) {
    if (twin.ino === item.ino) continue
    if (isConnected(twin)) {
      deltas.push(...(await giveNameAway(mirror, tx, twin)))
      continue
    }
    if (standsFirm(twin)) throw new DriveError('busy', 'another item stands where this one belongs')
    const aside = await stepAside(sending, tx, twin)
    await recordConflict(tx, { copy: twin.ino, original: item.ino, side: 'mine', why: 'name-taken', sinceMs: sending.clock.nowMs() })
    deltas.push(...aside.deltas)
    notices.push({ kind: 'conflict-copy', ino: twin.ino, name: aside.name, why: 'name-taken' })
  }
  await mirror.update(tx, item, { parent, name, ctimeMs: sending.clock.nowMs(), placeChangedMs: null, deleted: false })
  const to = { parent, name }
  deltas.push(item.parent === null ? ({ kind: 'appeared', ino: item.ino, at: to } as const) : ({ kind: 'moved', ino: item.ino, from: { parent: item.parent, name: item.name }, to } as const))
  return { deltas, notices }
}

async function standsIn(mirror: Sending['mirror'], tx: Transaction, folder: Ino, above: Ino): Promise<boolean> {
  for (let at: Ino | null = folder; at !== null; at = (await mirror.getIn(tx, at))?.parent ?? null) if (at === above) return true
  return false
}

/** The portal has it where it stands here, so it makes way for nobody. */
function standsFirm(row: Item): boolean {
  return row.base !== null && !isMoved(row) && !isConnected(row)
}

async function firmTwins({ mirror }: Sending, tx: Transaction, item: Item, { parent, name }: { readonly parent: Ino | null; readonly name: string }): Promise<readonly Item[]> {
  return parent === null ? [] : (await mirror.twinsIn(tx, parent, name)).filter((twin) => twin.ino !== item.ino && standsFirm(twin))
}

/** A rename or move of unknown outcome: the portal says where the item is. */
export async function resolvePlace(sending: Sending, item: Item, attempt: Attempt, signal: AbortSignal): Promise<void> {
  const id = attempt.remoteId as RemoteId | undefined
  const parent = attempt.parentId === undefined ? undefined : (await sending.mirror.foldersOfRealId(attempt.parentId as RemoteId))[0]
  const remote = id === undefined ? undefined : await readById(sending, id, item.kind, signal)
  const isDone = remote !== undefined && remote.name === attempt.name && remote.parentId === attempt.parentId
  if (!isDone || parent === undefined) {
    // Sent again it may come twice; but where another place is wanted by now, it would undo that one by coming late.
    const isStillWanted = item.name === attempt.name && item.parent === parent?.ino
    if (remote !== undefined && !isStillWanted) checkOutcomeIsFinal(sending, item.ino)
    await forgetAttempt(sending, item.ino)
    return
  }
  await commit(sending, async (tx) => {
    await confirmPlace(sending, tx, remote, { parent: parent.ino, name: remote.name })
    await settle(sending, tx, item.ino)
    return NO_NEWS
  })
}

async function folderOf(sending: Sending, ino: Ino | null): Promise<KnownItem | undefined> {
  const folder = ino === null ? undefined : await sending.mirror.get(ino)
  return isKnown(folder) ? folder : undefined
}
