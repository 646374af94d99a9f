/**
 * A new version of a file the portal has (C2), guarded by the base version: read, compare, send, compare again. What
 * somebody else did meanwhile is never overwritten: equal bytes are adopted (C8), different ones make both stay (C7), and
 * where the file is gone or closed to us the edit is kept as a file of its own (C15, C20, C24).
 */
import type { Content } from '../cache/content.js'
import type { Snapshot } from '../cache/content-snapshot.js'
import type { RemoteFile } from '../drive/drive.js'
import type { Attempt } from '../journal/journal.js'
import type { Item } from '../mirror/item.js'
import type { Transaction } from '../store/store.js'
import { remoteDigest, sameBytes } from './compare-bytes.js'
import { forkEdit } from './conflict-rows.js'
import { confirmContent, sentOf, type SentContent } from './confirm.js'
import { mayBeOurVersion } from './own-answer.js'
import { keepEditApart } from './recovery-folder.js'
import { bytesOf, callOf, checkOutcomeIsFinal, commit, forgetAttempt, isKnown, joinNews, lacksRight, NO_NEWS, readRemote, sameIntent, sendOnce, withSnapshot, type ContentAttempt, type KnownItem, type News, type Sending } from './sending.js'
import { fetchSlippedVersions } from './slipped-versions.js'
import { checkFolderKnown } from './still-ours.js'

export async function sendVersion(sending: Sending, item: KnownItem, signal: AbortSignal): Promise<void> {
  await withSnapshot(sending, item, async (content, snapshot) => {
    try {
      const remote = await readRemote(sending, item, signal)
      if (remote !== undefined) await checkFolderKnown(sending, item, remote)
      if (remote?.kind !== 'file') await loseIdentity(sending, item)
      else if (!isBaseVersion(item, remote)) await meetVersion(sending, { item, content, snapshot, remote }, signal)
      // Emptied since it was planned: planned anew, because a version cannot be empty (6a.7).
      else if (snapshot.sizeBytes === 0 && remote.sizeBytes > 0) return
      // Nothing can be sent of nothing, and the portal has nothing too.
      else if (snapshot.sizeBytes === 0) await commit(sending, (tx) => confirmContent(sending, tx, item, remote, sentOf(content, snapshot)))
      else await send(sending, { item, content, snapshot }, signal)
    } catch (error) {
      if (!lacksRight(error)) throw error
      await commitIfCurrent(sending, item, (now, tx) => keepEditApart(sending, tx, now))
    }
  })
}

interface Edit {
  readonly item: KnownItem
  readonly content: Content
  readonly snapshot: Snapshot
}

async function send(sending: Sending, { item, content, snapshot }: Edit, signal: AbortSignal): Promise<void> {
  const attempt: ContentAttempt = {
    step: 'upload-version',
    startedServerMs: await sending.serverClock.nowMs(callOf(signal)),
    remoteId: item.base.id,
    sizeBytes: snapshot.sizeBytes,
    digest: await snapshot.digest(),
    baseVersion: item.base.version,
  }
  const sent = bytesOf(sending, item.ino, attempt, snapshot)
  const remote = await sendOnce(sending, item, attempt, () => sending.drive.uploadVersion(item.base.id, sent, callOf(signal)), sent)
  if (remote !== undefined) await confirmVersion(sending, { item, remote, attempt, sent: () => sentOf(content, snapshot) }, signal)
}

/** A counter other than base + 1 means that somebody slipped in between check and write (6a.15), whatever became of our row meanwhile. */
async function confirmVersion(sending: Sending, ours: { item: KnownItem; remote: RemoteFile; attempt: Attempt; sent: () => SentContent | undefined }, signal: AbortSignal): Promise<void> {
  const { item, remote, attempt, sent } = ours
  const keepSlipped = await fetchSlippedVersions(sending, { item, remote, after: attempt.baseVersion ?? remote.version, digest: attempt.digest }, signal)
  await commit(sending, async (tx) => {
    const kept = await keepSlipped(tx)
    return joinNews(kept, await confirmContent(sending, tx, item, remote, sent()))
  })
}

/** The portal has a version that this edit does not know. */
async function meetVersion(sending: Sending, { item, content, snapshot, remote }: Edit & { remote: RemoteFile }, signal: AbortSignal): Promise<void> {
  const isSame = await sameBytes(sending, snapshot, remote, signal)
  sending.log.debug({ ino: item.ino, id: remote.id, base: item.base.version, version: remote.version, isSame }, 'the portal has another version')
  await commit(sending, (tx) => (isSame ? confirmContent(sending, tx, item, remote, sentOf(content, snapshot)) : forkEdit(sending, tx, item, remote, 'edited-on-both-sides')))
}

/** Bytes that a power loss may have torn never go over a good version: they become a file beside it (6a.3). */
export async function setAside(sending: Sending, item: KnownItem, signal: AbortSignal): Promise<void> {
  const remote = await readRemote(sending, item, signal)
  if (remote?.kind !== 'file') await loseIdentity(sending, item)
  else await commit(sending, (tx) => forkEdit(sending, tx, item, remote, 'torn-by-power-loss'))
}

/** Trashed or destroyed there, edited here: nothing is written to the old id; the edit is sent as something new (C15). */
export async function loseIdentity(sending: Sending, item: KnownItem): Promise<void> {
  await commitIfCurrent(sending, item, async (now, tx) => {
    const nowMs = sending.clock.nowMs()
    await sending.mirror.clearBase(tx, now.ino)
    await sending.journal.touch(tx, now.ino, nowMs, nowMs)
    await sending.journal.clearAttempt(tx, now.ino)
    return { deltas: [], notices: [{ kind: 'recovered', ino: now.ino, name: now.name, why: 'gone-on-portal' }] }
  })
}

/** A version of unknown outcome: found by counter, author, size and bytes, it is ours; else it is planned anew (6.6). */
export async function resolveVersion(sending: Sending, item: Item, attempt: Attempt, signal: AbortSignal): Promise<void> {
  // The identity may have moved to another row; the answer belongs to whoever has it now.
  const holder = attempt.remoteId === undefined || item.base?.id === attempt.remoteId ? item : await sending.mirror.byRemoteId(attempt.remoteId as KnownItem['base']['id'])
  if (!isKnown(holder)) {
    await forgetAttempt(sending, item.ino)
    return
  }
  const remote = await readRemote(sending, holder, signal)
  const version = remote?.kind === 'file' ? remote.version : undefined
  const isOurs = remote?.kind === 'file' && mayBeOurVersion(remote, attempt, sending.userId) && (await remoteDigest(sending, remote, signal)) === attempt.digest
  sending.log.debug({ ino: item.ino, id: attempt.remoteId, base: attempt.baseVersion, version, isOurs }, 'a version whose answer got lost')
  if (!isOurs) {
    if (remote?.kind === 'file' && remote.version === attempt.baseVersion) checkOutcomeIsFinal(sending, item.ino)
    await forgetAttempt(sending, item.ino)
    return
  }
  const ours = { item: { ...holder, ino: item.ino }, remote, attempt }
  const compared = await withSnapshot(sending, item, async (content, snapshot) => {
    const isSame = snapshot.sizeBytes === attempt.sizeBytes && (await snapshot.digest()) === attempt.digest
    await confirmVersion(sending, { ...ours, sent: () => (isSame ? sentOf(content, snapshot) : { content, writeSequence: -1 }) }, signal)
  })
  // The row has no content any more (deleted, or written anew): only the ancestor is confirmed.
  if (!compared) await confirmVersion(sending, { ...ours, sent: () => undefined }, signal)
}

function isBaseVersion({ base }: KnownItem, remote: RemoteFile): boolean {
  return remote.version === base.version && remote.blobId === base.blobId
}

async function commitIfCurrent(sending: Sending, item: KnownItem, work: (now: KnownItem, tx: Transaction) => Promise<News>): Promise<void> {
  await commit(sending, async (tx) => {
    const now = await sending.mirror.getIn(tx, item.ino)
    return sameIntent(now, item) && isKnown(now) ? work(now, tx) : NO_NEWS
  })
}
