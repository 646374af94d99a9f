/**
 * Out of the portal's trash (C18), for what somebody took out of the trash here: the same id comes back, and name and folder
 * follow as ordinary steps. What the portal has purged, or does not let us restore, is sent anew from the bytes that are
 * here; where bytes are missing the entry stays with its failure.
 */
import { DriveError, hasCode } from '../base/errors.js'
import type { Ino, RemoteId } from '../base/ids.js'
import type { Content } from '../cache/content.js'
import type { RemoteFolder, RemoteItem } from '../drive/drive.js'
import type { Attempt } from '../journal/journal.js'
import { isAllHere, type Item } from '../mirror/item.js'
import { markRestored } from '../mirror/trash-rows.js'
import type { Transaction } from '../store/store.js'
import { confirmPlace, settle } from './confirm.js'
import type { UploadNotice } from './notices.js'
import { findRevived, noteRevived, readRevived, readWherever } from './revived-folders.js'
import { callOf, checkOutcomeIsFinal, commit, forgetAttempt, isKnown, lacksRight, NO_NEWS, sameIntent, sendOnce, type KnownItem, type News, type Sending } from './sending.js'

type LostReason = Extract<UploadNotice, { kind: 'recovered' }>['why']

export async function sendRestore(sending: Sending, item: KnownItem, signal: AbortSignal): Promise<void> {
  try {
    const remote = await readWherever(sending, item.base.id, item.kind, signal)
    if (remote === undefined) await sendAnew(sending, item, 'gone-on-portal')
    else if (remote.deletedType === 0) await commit(sending, (tx) => confirmRestored(sending, tx, { planned: item, remote, revived: [] }))
    else await send(sending, item, remote, signal)
  } catch (error) {
    if (hasCode(error, 'not-found')) await sendAnew(sending, item, 'gone-on-portal')
    else if (lacksRight(error)) await sendAnew(sending, item, 'no-right')
    else throw error
  }
}

async function send(sending: Sending, item: KnownItem, remote: RemoteItem, signal: AbortSignal): Promise<void> {
  const revives = await findRevived(sending, item, remote, signal)
  const attempt: Attempt = { step: 'restore', startedServerMs: await sending.serverClock.nowMs(callOf(signal)), remoteId: item.base.id, revives }
  const answer = await sendOnce(sending, item, attempt, () => sending.drive.restore({ id: item.base.id, kind: item.kind }, callOf(signal)))
  if (answer === undefined) return
  const revived = await readRevived(sending, revives, signal)
  await commit(sending, (tx) => confirmRestored(sending, tx, { planned: item, remote: answer, revived }))
}

interface Restored {
  readonly planned: Item
  readonly remote: RemoteItem
  readonly revived: readonly RemoteFolder[]
}

/** Live again, under a name and in a folder that the portal chose. */
async function confirmRestored(sending: Sending, tx: Transaction, { planned, remote, revived }: Restored): Promise<News> {
  const { mirror, journal, clock } = sending
  await noteRevived(sending, tx, revived)
  const holder = await mirror.byRemoteId(remote.id, tx)
  if (isKnown(holder)) {
    const known = holder.base.parent === null ? undefined : await mirror.getIn(tx, holder.base.parent)
    const folder = known?.base?.realId === remote.parentId ? known : remote.parentId === null ? undefined : (await mirror.foldersOfRealId(remote.parentId, tx))[0]
    for (const ino of await markRestored(mirror, tx, holder)) await journal.touch(tx, ino, clock.nowMs(), clock.nowMs())
    await confirmPlace(sending, tx, remote, { parent: folder?.ino ?? holder.base.parent, name: remote.name })
  }
  if (holder?.ino !== planned.ino) await settle(sending, tx, planned.ino)
  return NO_NEWS
}

/** A restore of unknown outcome: the portal says whether the item lives. */
export async function resolveRestore(sending: Sending, item: Item, attempt: Attempt, signal: AbortSignal): Promise<void> {
  const remote = attempt.remoteId === undefined ? undefined : await readWherever(sending, attempt.remoteId as RemoteId, item.kind, signal)
  if (remote?.deletedType === 0) {
    const revived = await readRevived(sending, attempt.revives ?? [], signal)
    await commit(sending, (tx) => confirmRestored(sending, tx, { planned: item, remote, revived }))
    return
  }
  // Sent again it may come twice; but where it is in the trash again by now, it would undo that by coming late.
  if (remote !== undefined) checkOutcomeIsFinal(sending, item.ino)
  await forgetAttempt(sending, item.ino)
}

/** The item and what came with it become new ones. 'vanished' when bytes of it are not here: then nothing is changed. */
async function sendAnew(sending: Sending, item: KnownItem, why: LostReason): Promise<void> {
  const { mirror, store, cache } = sending
  const rows = (await mirror.subtreeIn(store.read, item.ino)).filter(({ base }) => base?.trashed === true)
  const contents = new Map<Ino, Content>()
  try {
    for (const { ino, contentId } of rows) if (contentId !== null) contents.set(ino, await cache.acquire(contentId))
    if (!rows.every((row) => isAllHere(row, contents.get(row.ino)?.isComplete === true))) {
      throw new DriveError('vanished', 'the portal does not give it back from its trash, and its bytes are not all here')
    }
    await commit(sending, async (tx) => {
      if (!sameIntent(await mirror.getIn(tx, item.ino), item)) return NO_NEWS
      for (const row of rows) await becomeNew(sending, tx, row, contents.get(row.ino))
      return { deltas: [], notices: [{ kind: 'recovered', ino: item.ino, name: item.name, why }] }
    })
  } finally {
    for (const content of contents.values()) await content.release()
  }
}

async function becomeNew({ mirror, journal, cache, clock }: Sending, tx: Transaction, planned: Item, content: Content | undefined): Promise<void> {
  const row = await mirror.getIn(tx, planned.ino)
  if (row?.base?.trashed !== true || row.contentId !== planned.contentId) return // taken elsewhere, or written anew: planned again
  await mirror.clearBase(tx, row.ino)
  if (content !== undefined) await content.markDirty(tx)
  else if (row.kind === 'file') await mirror.update(tx, row, { contentId: await cache.createLocal(tx) })
  const nowMs = clock.nowMs()
  await journal.touch(tx, row.ino, nowMs, nowMs)
  await journal.clearAttempt(tx, row.ino)
}
