/**
 * What somebody else saved between our check and our write (DESIGN.md 6a.15): their version is fetched from the history
 * and kept as a conflict copy beside the file. What the portal keeps no trace of (joined versions, no history on the
 * plan) is reported.
 */
import { hasCode } from '../base/errors.js'
import type { ContentId } from '../base/ids.js'
import { conflictName } from '../mirror/conflict-name.js'
import { recordConflict } from '../mirror/conflicts.js'
import type { RemoteFile, RemoteVersion } from '../drive/drive.js'
import type { Transaction } from '../store/store.js'
import { callOf, NO_NEWS, joinNews, type KnownItem, type News, type Sending } from './sending.js'

const FILE_MODE = 0o644

/** Fetches what slipped in after version `after` before ours, whose bytes have `digest`; the answer puts it into rows, in the transaction that confirms ours. */
export async function fetchSlippedVersions(
  sending: Sending,
  { item, remote, after, digest }: { readonly item: KnownItem; readonly remote: RemoteFile; readonly after: number; readonly digest: string | undefined },
  signal: AbortSignal,
): Promise<(tx: Transaction) => Promise<News>> {
  if (remote.version <= after + 1) return () => Promise.resolve(NO_NEWS)
  const between = async (): Promise<readonly RemoteVersion[]> => (await history(sending, remote, signal)).filter(({ version }) => version > after && version < remote.version)
  const first = await between()
  // One list that lacks some proves nothing; what the portal has joined is in no list.
  const slipped = first.length === remote.version - after - 1 ? first : longer(first, await between())
  if (slipped.length === 0) return () => Promise.resolve({ deltas: [], notices: [{ kind: 'version-slipped-in', ino: item.ino, name: item.name, copy: null }] })
  const fetched: { version: RemoteVersion; contentId: ContentId }[] = []
  try {
    for (const version of slipped) {
      const contentId = await fetchVersion(sending, version, signal)
      fetched.push({ version, contentId })
      // Our own request of before, which the portal carried out after all, is nobody's loss.
      if (version.createdBy === sending.userId && (await isSame(sending, contentId, digest))) await drop(sending, fetched.splice(-1))
    }
  } catch (error) {
    await drop(sending, fetched) // all of them are fetched anew with the next try
    throw error
  }
  return async (tx) => {
    const news: News[] = []
    for (const { version, contentId } of fetched) news.push(await insertCopy(sending, tx, item, version, contentId))
    return joinNews(...news)
  }
}

function longer<T>(one: readonly T[], other: readonly T[]): readonly T[] {
  return one.length > other.length ? one : other
}

async function history(sending: Sending, remote: RemoteFile, signal: AbortSignal): Promise<readonly RemoteVersion[]> {
  try {
    return await sending.drive.versions(remote.id, callOf(signal))
  } catch (error) {
    if (hasCode(error, 'unknown-method', 'forbidden')) return [] // this plan or this user has no history
    throw error
  }
}

async function fetchVersion(sending: Sending, version: RemoteVersion, signal: AbortSignal): Promise<ContentId> {
  const { store, cache, drive } = sending
  const contentId = await store.transact((tx) => cache.createLocal(tx))
  const content = await cache.acquire(contentId)
  try {
    const download = await drive.downloadVersion(version, undefined, callOf(signal))
    let offset = 0
    for await (const piece of download.body) {
      await content.write(offset, piece)
      offset += piece.length
    }
    await content.sync()
    await store.transact((tx) => content.persist(tx))
    return contentId
  } catch (error) {
    await store.transact((tx) => cache.drop(tx, contentId))
    throw error
  } finally {
    await content.release()
  }
}

async function drop({ store, cache }: Sending, fetched: readonly { readonly contentId: ContentId }[]): Promise<void> {
  await store.transact(async (tx) => {
    for (const { contentId } of fetched) await cache.drop(tx, contentId)
  })
}

async function isSame(sending: Sending, contentId: ContentId, digest: string | undefined): Promise<boolean> {
  const content = await sending.cache.acquire(contentId)
  try {
    const snapshot = await content.snapshot()
    try {
      return (await snapshot.digest()) === digest
    } finally {
      await snapshot.dispose()
    }
  } finally {
    await content.release()
  }
}

async function insertCopy(sending: Sending, tx: Transaction, item: KnownItem, version: RemoteVersion, contentId: ContentId): Promise<News> {
  const { mirror, journal, clock, host } = sending
  const nowMs = clock.nowMs()
  const parent = (await mirror.getIn(tx, item.ino))?.parent ?? item.base.parent
  if (parent === null) throw new Error('a file stands in a folder')
  const name = await mirror.freeNameIn(tx, parent, (attempt) => conflictName(item.name, host, nowMs, attempt))
  const copy = await mirror.insertLocal(tx, { parent, name, kind: 'file', mode: FILE_MODE, sizeBytes: version.sizeBytes, mtimeMs: version.createdMs, contentId, localOnly: false })
  await journal.touch(tx, copy, nowMs, nowMs)
  const original = await mirror.byRemoteId(item.base.id, tx) // whoever goes on with the identity
  if (original !== undefined) await recordConflict(tx, { copy, original: original.ino, side: 'theirs', why: 'version-slipped-in', sinceMs: nowMs })
  return { deltas: [{ kind: 'appeared', ino: copy, at: { parent, name } }], notices: [{ kind: 'version-slipped-in', ino: item.ino, name: item.name, copy }] }
}
