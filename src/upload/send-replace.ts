/**
 * Content that cannot be a version (empty, or too large: DESIGN.md 6a.7): the old file is trashed, the new one uploaded
 * under the same name, the old one restored if that fails. The file gets a new id; the attempt stands from before the
 * first request until the end, so a crash in between is put right.
 */
import { errorCode, errorText, hasCode } from '../base/errors.js'
import type { RemoteId } from '../base/ids.js'
import type { RemoteFile, RemoteItem } from '../drive/drive.js'
import type { Content } from '../cache/content.js'
import type { Snapshot } from '../cache/content-snapshot.js'
import type { Attempt } from '../journal/journal.js'
import type { Item } from '../mirror/item.js'
import type { Transaction } from '../store/store.js'
import { isRefusal } from './back-off.js'
import { remoteDigest, sameBytes } from './compare-bytes.js'
import { forkEdit } from './conflict-rows.js'
import { confirmContent, confirmMade, giveWay, sentOf, settle, type SentContent } from './confirm.js'
import { mayBeOurs } from './own-answer.js'
import { loseIdentity } from './send-version.js'
import { bytesOf, callOf, checkOutcomeIsFinal, commit, forgetAttempt, isKnown, joinNews, NO_NEWS, readById, readRemote, sendOnce, withSnapshot, type ContentAttempt, type KnownItem, type News, type Sending } from './sending.js'

export async function sendReplace(sending: Sending, item: KnownItem, parent: KnownItem, why: 'empty' | 'too-large', signal: AbortSignal): Promise<void> {
  await withSnapshot(sending, item, async (content, snapshot) => {
    if (why === 'empty' && isBeingFilled(sending, item, snapshot)) return // planned anew
    const remote = await readRemote(sending, item, signal)
    if (remote?.kind !== 'file') {
      await loseIdentity(sending, item)
      return
    }
    if (remote.version !== item.base.version || remote.blobId !== item.base.blobId) {
      const isSame = await sameBytes(sending, snapshot, remote, signal)
      await commit(sending, (tx) => (isSame ? confirmContent(sending, tx, item, remote, sentOf(content, snapshot)) : forkEdit(sending, tx, item, remote, 'edited-on-both-sides')))
      return
    }
    await send(sending, { item, parent, content, snapshot, why }, signal)
  })
}

/** An overwritten file is empty for a moment; when the bytes to be sent stand still, it may not be, or a program is about to write. */
function isBeingFilled(sending: Sending, item: Item, snapshot: Snapshot): boolean {
  const { open, lastFlushMs } = sending.writers(item.ino)
  return snapshot.sizeBytes > 0 || (open && lastFlushMs === null)
}

interface Replacement {
  readonly item: KnownItem
  readonly parent: KnownItem
  readonly content: Content
  readonly snapshot: Snapshot
  readonly why: 'empty' | 'too-large'
}

async function send(sending: Sending, { item, parent, content, snapshot, why }: Replacement, signal: AbortSignal): Promise<void> {
  const { drive } = sending
  const old = { id: item.base.id, kind: 'file' } as const
  const attempt: ContentAttempt = {
    step: 'replace',
    startedServerMs: await sending.serverClock.nowMs(callOf(signal)),
    remoteId: old.id,
    name: item.base.name,
    parentId: parent.base.realId,
    sizeBytes: snapshot.sizeBytes,
    digest: await snapshot.digest(),
  }
  const trashed = await sendOnce(sending, item, attempt, async () => {
    await drive.trash(old, callOf(signal))
    return true
  })
  if (trashed === undefined) return
  // Saved by somebody between our look and this: it comes back, and the edit meets it (6a.15).
  if (await isOtherVersion(sending, item, signal)) {
    await restoreOld(sending, item, old.id, signal)
    return
  }
  let made: RemoteFile
  const sent = bytesOf(sending, item.ino, attempt, snapshot)
  try {
    made = await drive.uploadNew(parent.base.realId, item.base.name, sent, callOf(signal))
  } catch (error) {
    // The name may be taken by our own request of before, which the portal carried out late.
    const own = hasCode(error, 'exists') ? await findMade(sending, attempt, old.id, signal) : undefined
    if (own !== undefined) {
      await adoptMade(sending, { item, attempt, oldId: old.id, made: own })
      return
    }
    // A refusal is final: the old one comes back at once. What else was all sent may have been carried out: see resolveReplace.
    if (isRefusal(errorCode(error)) || !sent.mayHaveArrived) await restoreOld(sending, item, old.id, signal)
    else sending.brokenOff.note(item.ino)
    throw error
  }
  await commit(sending, (tx) => confirmReplaced(sending, tx, { ino: item.ino, oldId: old.id, made, sent: sentOf(content, snapshot), why }))
}

async function restoreOld(sending: Sending, item: Item, id: RemoteId, signal: AbortSignal): Promise<void> {
  try {
    await sending.drive.restore({ id, kind: 'file' }, callOf(signal))
    await forgetAttempt(sending, item.ino)
  } catch (error) {
    // The attempt stands, so the next try begins with it.
    sending.log.warn({ ino: item.ino, code: errorCode(error), error: errorText(error) }, 'the file that was to be replaced is in the trash and could not be restored yet')
  }
}

interface Replaced {
  readonly ino: Item['ino']
  readonly oldId: RemoteId
  readonly made: RemoteFile
  readonly sent: SentContent | undefined
  readonly why: 'empty' | 'too-large'
}

/** Whoever has the old identity by now has the new one. */
async function confirmReplaced(sending: Sending, tx: Transaction, { ino, oldId, made, sent, why }: Replaced): Promise<News> {
  const { mirror } = sending
  const holder = await mirror.byRemoteId(oldId, tx)
  if (!isKnown(holder)) {
    const parent = made.parentId === null ? undefined : (await mirror.foldersOfRealId(made.parentId, tx))[0]
    return parent === undefined ? NO_NEWS : confirmMade(sending, tx, { ino, remote: made, parent: parent.ino, sentName: made.name, isOurs: true, ...(sent === undefined ? {} : { sent }) })
  }
  const { name, parent } = holder.base
  await mirror.clearBase(tx, holder.ino)
  const known = await mirror.byRemoteId(made.id, tx)
  if (known !== undefined && !(await giveWay(sending, tx, known))) {
    // Somebody works on the row that a listing made of our file: that one keeps it, and this edit is sent as something new.
    await settle(sending, tx, holder.ino)
    await settle(sending, tx, ino)
    return NO_NEWS
  }
  await mirror.confirmBase(tx, holder.ino, parent, { ...made, name })
  const news = await confirmContent(sending, tx, { ...holder, ino }, { ...made, name }, sent)
  if (holder.ino !== ino) await settle(sending, tx, ino)
  return joinNews(news, { deltas: [], notices: [{ kind: 'replaced', ino: holder.ino, name: holder.name, why }] })
}

/**
 * A replacement of unknown outcome: when the new file is there, it is ours to adopt; when only the old one is in the
 * trash, it comes back and everything is planned anew.
 */
export async function resolveReplace(sending: Sending, item: Item, attempt: Attempt, signal: AbortSignal): Promise<void> {
  if (attempt.remoteId === undefined || attempt.parentId === undefined || attempt.name === undefined) {
    await forgetAttempt(sending, item.ino)
    return
  }
  const oldId = attempt.remoteId as RemoteId
  const made = await findMade(sending, attempt, oldId, signal)
  if (made !== undefined) {
    await sending.drive.trash({ id: oldId, kind: 'file' }, callOf(signal)) // for certain; trashed already is success
    await adoptMade(sending, { item, attempt, oldId, made })
    return
  }
  checkOutcomeIsFinal(sending, item.ino)
  const old = await readById(sending, oldId, 'file', signal)
  if (old === undefined && (await isTrashed(sending, oldId, signal))) await sending.drive.restore({ id: oldId, kind: 'file' }, callOf(signal))
  await forgetAttempt(sending, item.ino)
}

async function adoptMade(sending: Sending, { item, attempt, oldId, made }: { item: Item; attempt: Attempt; oldId: RemoteId; made: RemoteFile }): Promise<void> {
  const why = made.sizeBytes === 0 ? 'empty' : 'too-large'
  const compared = await withSnapshot(sending, item, async (content, snapshot) => {
    const isSame = snapshot.sizeBytes === attempt.sizeBytes && (await snapshot.digest()) === attempt.digest
    await commit(sending, (tx) => confirmReplaced(sending, tx, { ino: item.ino, oldId, made, sent: isSame ? sentOf(content, snapshot) : { content, writeSequence: -1 }, why }))
  })
  if (!compared) await commit(sending, (tx) => confirmReplaced(sending, tx, { ino: item.ino, oldId, made, sent: undefined, why }))
}

async function findMade(sending: Sending, attempt: Attempt, oldId: RemoteId, signal: AbortSignal): Promise<RemoteFile | undefined> {
  const named = (): Promise<readonly RemoteItem[]> => sending.drive.childrenNamed(attempt.parentId as RemoteId, attempt.name ?? '', callOf(signal))
  const found = await named()
  // One empty list proves nothing.
  for (const remote of found.length > 0 ? found : await named()) {
    if (remote.id === oldId || !isLiveFile(remote) || !mayBeOurs(remote, attempt, sending.userId)) continue
    if ((await remoteDigest(sending, remote, signal)) === attempt.digest) return remote
  }
  return undefined
}

function isLiveFile(remote: RemoteItem): remote is RemoteFile {
  return remote.kind === 'file' && remote.deletedType === 0
}

async function isOtherVersion(sending: Sending, { base }: KnownItem, signal: AbortSignal): Promise<boolean> {
  const [answer] = await sending.drive.itemStates([{ id: base.id, kind: 'file' }], callOf(signal))
  if (answer?.state === 'unknown') throw answer.error
  return answer?.state === 'trashed' && answer.item.kind === 'file' && (answer.item.version !== base.version || answer.item.blobId !== base.blobId)
}

async function isTrashed(sending: Sending, id: RemoteId, signal: AbortSignal): Promise<boolean> {
  const [answer] = await sending.drive.itemStates([{ id, kind: 'file' }], callOf(signal))
  if (answer?.state === 'unknown') throw answer.error
  return answer?.state === 'trashed'
}
