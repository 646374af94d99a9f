/**
 * New items: folders and files that the portal does not have. A name that turns out to be taken is looked at: our own
 * request of before, an equal file or a folder is adopted; anything else makes the local item step aside (C5, C22, O-39).
 */
import { DriveError, hasCode } from '../base/errors.js'
import type { RemoteId } from '../base/ids.js'
import { storedNames } from '../base/names.js'
import type { Content } from '../cache/content.js'
import type { Snapshot } from '../cache/content-snapshot.js'
import type { RemoteItem } from '../drive/drive.js'
import type { Attempt } from '../journal/journal.js'
import { isConflictName } from '../mirror/conflict-name.js'
import { isMoved, type Item } from '../mirror/item.js'
import { remoteDigest, sameBytes } from './compare-bytes.js'
import { forkName, mayBeFree } from './conflict-rows.js'
import { confirmMade, sentOf } from './confirm.js'
import { mayBeOurs } from './own-answer.js'
import { moveToRecovery } from './recovery-folder.js'
import { bytesOf, callOf, checkOutcomeIsFinal, commit, forgetAttempt, isKnown, NO_NEWS, readById, sameIntent, sendOnce, withSnapshot, type ContentAttempt, type KnownItem, type Sending } from './sending.js'

const ASK_FIRST_BYTES = 1024 * 1024 // a clash is found only after the whole body arrived (6.2)

export async function createFolder(sending: Sending, item: Item, parent: KnownItem, signal: AbortSignal): Promise<void> {
  const attempt: Attempt = { step: 'create-folder', startedServerMs: await sending.serverClock.nowMs(callOf(signal)), name: item.name, parentId: parent.base.realId }
  try {
    const remote = await sendOnce(sending, item, attempt, () => sending.drive.createFolder(parent.base.realId, item.name, callOf(signal)))
    if (remote === undefined) return
    checkAlive(remote)
    await commit(sending, (tx) => confirmMade(sending, tx, { ino: item.ino, remote, parent: parent.ino, sentName: item.name, isOurs: true }))
  } catch (error) {
    if (hasCode(error, 'exists')) await meetRivals(sending, { item, parent, upload: undefined }, signal)
    else await parentMayBeGone(sending, item, parent, error, signal)
  }
}

export async function uploadNew(sending: Sending, item: Item, parent: KnownItem, nameMayBeTaken: boolean, signal: AbortSignal): Promise<void> {
  await withSnapshot(sending, item, async (content, snapshot) => {
    if (nameMayBeTaken || snapshot.sizeBytes >= ASK_FIRST_BYTES) {
      const rivals = await namesakes(sending, parent.base.realId, item.name, signal)
      if (rivals.length > 0) {
        await meetRivals(sending, { item, parent, upload: { content, snapshot } }, signal, rivals)
        return
      }
    }
    const attempt: ContentAttempt = {
      step: 'upload-new',
      startedServerMs: await sending.serverClock.nowMs(callOf(signal)),
      name: item.name,
      parentId: parent.base.realId,
      sizeBytes: snapshot.sizeBytes,
      digest: await snapshot.digest(),
    }
    const sent = bytesOf(sending, item.ino, attempt, snapshot)
    try {
      const remote = await sendOnce(sending, item, attempt, () => sending.drive.uploadNew(parent.base.realId, item.name, sent, callOf(signal)), sent)
      if (remote === undefined) return
      checkAlive(remote)
      await commit(sending, (tx) => confirmMade(sending, tx, { ino: item.ino, remote, parent: parent.ino, sentName: item.name, isOurs: true, sent: sentOf(content, snapshot) }))
    } catch (error) {
      if (hasCode(error, 'exists')) await meetRivals(sending, { item, parent, upload: { content, snapshot } }, signal)
      else await parentMayBeGone(sending, item, parent, error, signal)
    }
  })
}

/** What is alive under this name, or under the name the portal would have made of it. */
async function namesakes(sending: Sending, parentId: RemoteId, name: string, signal: AbortSignal): Promise<readonly RemoteItem[]> {
  const found = new Map<RemoteId, RemoteItem>()
  for (const stored of storedNames(name)) {
    for (const item of await sending.drive.childrenNamed(parentId, stored, callOf(signal))) if (item.deletedType === 0) found.set(item.id, item)
  }
  return [...found.values()]
}

interface Clash {
  readonly item: Item
  readonly parent: KnownItem
  /** Undefined for a folder. */
  readonly upload: { readonly content: Content; readonly snapshot: Snapshot } | undefined
}

/** The name is taken: adopt, wait, or step aside. */
async function meetRivals(sending: Sending, { item, parent, upload }: Clash, signal: AbortSignal, seen?: readonly RemoteItem[]): Promise<void> {
  const rivals = seen ?? (await namesakes(sending, parent.base.realId, item.name, signal))
  for (const rival of rivals) {
    const known = await sending.mirror.byRemoteId(rival.id)
    if (known !== undefined) {
      // It has a row of its own: when that is about to leave the name, waiting helps.
      if ((known.deleted || isMoved(known)) && (await sending.journal.get(known.ino)) !== undefined) throw nameLeaves()
      continue
    }
    const isSame = rival.kind === 'folder' ? item.kind === 'folder' : upload !== undefined && (await sameBytes(sending, upload.snapshot, rival, signal))
    if (!isSame) continue
    await commit(sending, (tx) => confirmMade(sending, tx, { ino: item.ino, remote: rival, parent: parent.ino, sentName: item.name, isOurs: false, ...(upload === undefined ? {} : { sent: sentOf(upload.content, upload.snapshot) }) }))
    return
  }
  if (rivals.length === 0 && (await leaveGoneFolder(sending, item, parent, signal))) return
  if (await mayBeFree(sending, item, rivals, signal)) throw nameLeaves()
  // Nobody to be seen has the name, and a distinct one did not help either (O-39): kept, and said.
  if (rivals.length === 0 && isConflictName(item.name)) throw new DriveError('exists', 'something that cannot be seen has this name on the portal: rename the file')
  await commit(sending, (tx) => forkName(sending, tx, item, rivals))
}

/** Made inside a folder that is in the trash: nobody would ever see it. */
function checkAlive(remote: RemoteItem): void {
  if (remote.deletedType !== 0) throw new DriveError('vanished', 'the folder is in the trash of the portal')
}

function nameLeaves(): DriveError {
  return new DriveError('busy', 'the name is about to become free on the portal')
}

/** "Not found" on making something in a folder: the folder itself may be gone (C15, C17). */
async function parentMayBeGone(sending: Sending, item: Item, parent: KnownItem, error: unknown, signal: AbortSignal): Promise<void> {
  if (!hasCode(error, 'not-found', 'vanished')) throw error
  if (!(await leaveGoneFolder(sending, item, parent, signal))) throw error
}

/** When the folder is trashed or gone on the portal, the item moves to the recovery folder; false when the folder lives. */
async function leaveGoneFolder(sending: Sending, item: Item, parent: KnownItem, signal: AbortSignal): Promise<boolean> {
  // For a link, what it leads to: the link itself may still stand.
  if ((await readById(sending, parent.base.realId, 'folder', signal)) !== undefined) return false
  await commit(sending, async (tx) => {
    const now = await sending.mirror.getIn(tx, item.ino)
    return sameIntent(now, item) ? moveToRecovery(sending, tx, now) : NO_NEWS
  })
  return true
}

/** A creation of unknown outcome: found by place, author, time, size and bytes, it is ours; else it is planned anew (6.6). */
export async function resolveNew(sending: Sending, item: Item, attempt: Attempt, signal: AbortSignal): Promise<void> {
  const parent = attempt.parentId === undefined ? undefined : (await sending.mirror.foldersOfRealId(attempt.parentId as RemoteId))[0]
  if (!isKnown(parent) || attempt.parentId === undefined || attempt.name === undefined) {
    await forgetAttempt(sending, item.ino)
    return
  }
  const { name } = attempt
  for (const remote of await findInFolder(sending, attempt.parentId as RemoteId, name, signal)) {
    if (!mayBeOurs(remote, attempt, sending.userId)) continue
    if (remote.kind !== (attempt.step === 'create-folder' ? 'folder' : 'file')) continue
    if (remote.kind === 'file' && (await remoteDigest(sending, remote, signal)) !== attempt.digest) continue
    await adopt(sending, item, attempt, remote, parent)
    return
  }
  checkOutcomeIsFinal(sending, item.ino)
  await forgetAttempt(sending, item.ino)
}

async function findInFolder(sending: Sending, parentId: RemoteId, name: string, signal: AbortSignal): Promise<readonly RemoteItem[]> {
  try {
    const found = await namesakes(sending, parentId, name, signal)
    // One empty list proves nothing: what we made would stay there for ever, under a name that the row may have left.
    return found.length > 0 ? found : await namesakes(sending, parentId, name, signal)
  } catch (error) {
    if (hasCode(error, 'not-found')) return [] // the folder is gone, and with it what we may have made
    throw error
  }
}

/** The content is clean only if it still is what was sent; the row may hold another by now. */
async function adopt(sending: Sending, item: Item, attempt: Attempt, remote: RemoteItem, parent: KnownItem): Promise<void> {
  const made = { ino: item.ino, remote, parent: parent.ino, sentName: attempt.name ?? item.name, isOurs: true }
  const compared = await withSnapshot(sending, item, async (content, snapshot) => {
    const isSame = snapshot.sizeBytes === attempt.sizeBytes && (await snapshot.digest()) === attempt.digest
    const sent = isSame ? sentOf(content, snapshot) : { content, writeSequence: -1 }
    await commit(sending, (tx) => confirmMade(sending, tx, { ...made, sent }))
  })
  if (!compared) await commit(sending, (tx) => confirmMade(sending, tx, made))
}
