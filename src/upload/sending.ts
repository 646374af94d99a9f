/**
 * What every step of sending needs, and the one way a request that changes the portal is made: its attempt is committed
 * first, under the condition that the row is still what was planned; a refusal takes the attempt back; anything else
 * leaves it, to be cleared up by reading before something is sent again.
 */
import type { Clock } from '../base/clock.js'
import { DriveError, errorCode, hasCode } from '../base/errors.js'
import type { Ino, RemoteId } from '../base/ids.js'
import type { Log } from '../base/log.js'
import type { Random } from '../base/random.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Content } from '../cache/content.js'
import type { Snapshot } from '../cache/content-snapshot.js'
import type { CallOptions, Drive, RemoteItem } from '../drive/drive.js'
import type { Attempt, Journal } from '../journal/journal.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Base, Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { Store, Transaction } from '../store/store.js'
import { isRefusal } from './back-off.js'
import type { BrokenOff } from './broken-off.js'
import type { UploadNotice } from './notices.js'
import type { Writers } from './plan-view.js'
import { SentBytes } from './sent-bytes.js'
import type { ServerClock } from './server-clock.js'
import type { StandingLinks } from './standing-links.js'

export interface Sending {
  readonly drive: Drive
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: ContentCache
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly serverClock: ServerClock
  readonly brokenOff: BrokenOff
  readonly links: StandingLinks
  /** For the names of conflict copies. */
  readonly host: string
  /** Who we are on the portal. */
  readonly userId: string
  readonly writers: (ino: Ino) => Writers
  readonly report: (news: News) => void
}

/** What a transaction changed that nobody in the mount asked for; reported after its commit. */
export interface News {
  readonly deltas: readonly MirrorDelta[]
  readonly notices: readonly UploadNotice[]
}

export const NO_NEWS: News = { deltas: [], notices: [] }

/** A file or folder that the portal has, as planned. */
export type KnownItem = Item & { readonly base: Base }

export function isKnown(item: Item | undefined): item is KnownItem {
  return item !== undefined && item.base !== null
}

export function callOf(signal: AbortSignal): CallOptions {
  return { priority: 'upload', signal }
}

export function joinNews(...parts: readonly News[]): News {
  return { deltas: parts.flatMap(({ deltas }) => deltas), notices: parts.flatMap(({ notices }) => notices) }
}

/** Runs `work` in a transaction and reports its news after the commit. */
export async function commit(sending: Sending, work: (tx: Transaction) => Promise<News>): Promise<void> {
  const news = await sending.store.transact(work)
  if (news.deltas.length > 0 || news.notices.length > 0) sending.report(news)
}

/** Whether the row still asks for what was planned from `planned`. */
export function sameIntent(now: Item | undefined, planned: Item): now is Item {
  return (
    now?.parent === planned.parent &&
    now.name === planned.name &&
    now.deleted === planned.deleted &&
    now.contentId === planned.contentId &&
    now.base?.id === planned.base?.id
  )
}

/** Sends a request whose attempt is committed before, with the bytes it carries. Undefined: not sent, the row has changed since it was planned. */
export async function sendOnce<T>(sending: Sending, planned: Item, attempt: Attempt, request: () => Promise<T>, sent?: SentBytes): Promise<T | undefined> {
  const isCurrent = await sending.store.transact(async (tx) => {
    if (!sameIntent(await sending.mirror.getIn(tx, planned.ino), planned)) return false
    if ((await sending.journal.get(planned.ino, tx)) === undefined) return false
    // Its folder was put into the trash since: nothing else is sent from there.
    if (attempt.step !== 'trash' && (await isInTrash(tx, planned.parent))) return false
    await sending.journal.recordAttempt(tx, planned.ino, attempt)
    return true
  })
  if (!isCurrent) return undefined
  sending.brokenOff.forget(planned.ino)
  try {
    return await request()
  } catch (error) {
    if (isRefusal(errorCode(error)) || sent?.mayHaveArrived === false) await forgetAttempt(sending, planned.ino)
    else sending.brokenOff.note(planned.ino)
    throw error
  }
}

/** Of a request that carries a content. */
export type ContentAttempt = Attempt & { readonly digest: string }

/** The bytes of a request, whose attempt has the digest of the snapshot: what is written while they are read is put on record with it. */
export function bytesOf({ store, journal }: Sending, ino: Ino, attempt: ContentAttempt, snapshot: Snapshot): SentBytes {
  return new SentBytes(snapshot, attempt.digest, (digest, recorded) =>
    store.transact(async (tx) => {
      const standing = (await journal.get(ino, tx))?.attempt ?? null
      if (standing?.digest === recorded) await journal.recordAttempt(tx, ino, { ...standing, digest })
    }),
  )
}

/** Nothing of the attempt is on the portal any more; a listing may have seen it in between. */
export function forgetAttempt(sending: Sending, ino: Ino): Promise<void> {
  sending.brokenOff.forget(ino)
  return sending.store.transact(async (tx) => {
    const remoteId = (await sending.journal.get(ino, tx))?.attempt?.remoteId
    await sending.journal.clearAttempt(tx, ino)
    sending.mirror.outdateListings(tx, ino)
    if (remoteId !== undefined) sending.mirror.outdateListings(tx, remoteId as RemoteId) // another row may have its identity by now
  })
}

/**
 * Before "not there" is taken for "never carried out": the portal may still be at work on a request whose connection broke
 * a moment ago. Throws `lost-answer` then, so that the entry is looked at again when that is over.
 */
export function checkOutcomeIsFinal(sending: Sending, ino: Ino): void {
  const retryInMs = sending.brokenOff.restMs(ino)
  if (retryInMs > 0) throw new DriveError('lost-answer', 'the answer to a request got lost, and the portal may still be at work on it', { fields: { retryInMs } })
}

/** What the portal has under the row's id now; undefined when it is trashed or gone. 'forbidden' when we may not see it. */
export async function readRemote(sending: Sending, item: KnownItem, signal: AbortSignal): Promise<RemoteItem | undefined> {
  return readById(sending, item.base.id, item.kind, signal)
}

export async function readById(sending: Sending, id: RemoteId, kind: Item['kind'], signal: AbortSignal): Promise<RemoteItem | undefined> {
  try {
    const remote = kind === 'file' ? await sending.drive.getFile(id, callOf(signal)) : await sending.drive.getFolder(id, callOf(signal))
    return remote.deletedType === 0 ? remote : undefined
  } catch (error) {
    if (hasCode(error, 'not-found')) return undefined
    throw error
  }
}

/** Gives `use` the content of the row and a snapshot of its bytes. False: the content was replaced meanwhile. */
export async function withSnapshot(sending: Sending, item: Item, use: (content: Content, snapshot: Snapshot) => Promise<void>): Promise<boolean> {
  if (item.contentId === null) return false
  let content: Content
  try {
    content = await sending.cache.acquire(item.contentId)
  } catch (error) {
    if (hasCode(error, 'not-found')) return false
    throw error
  }
  try {
    await content.absorb() // what was written natively since the last flush is sent as well (fuse-engine.md fact 5)
    const snapshot = await content.snapshot()
    try {
      await use(content, snapshot)
    } finally {
      await snapshot.dispose()
    }
  } finally {
    await content.release()
  }
  return true
}

/** The portal says that this account may not do it; a refusal of REST as a whole is something else. */
export function lacksRight(error: unknown): boolean {
  if (!hasCode(error, 'forbidden')) return false
  const { portalCode } = error.fields
  return typeof portalCode !== 'string' || portalCode.toLowerCase() === 'access_denied'
}
