/**
 * Row surgery of conflicts: both are kept. The local row keeps its inode and content and steps aside under a conflict
 * name; what the portal has gets a row under the name both wanted (C7, C22).
 */
import type { Ino } from '../base/ids.js'
import { conflictName } from '../mirror/conflict-name.js'
import { passConflictsOn, recordConflict } from '../mirror/conflicts.js'
import type { MirrorDelta } from '../mirror/delta.js'
import { isMoved, shownName, type Item } from '../mirror/item.js'
import type { RemoteFile, RemoteItem } from '../drive/drive.js'
import type { Transaction } from '../store/store.js'
import type { UploadNotice } from './notices.js'
import { NO_NEWS, readById, sameIntent, type News, type Sending } from './sending.js'

type ConflictReason = Extract<UploadNotice, { kind: 'conflict-copy' }>['why']

const SURE_AFTER_TRIES = 2

/**
 * A name was refused as taken, by `rivals` or by nobody who can be seen. True while its holder may just have left it by
 * another request of ours, which runs beside this one: then asking again helps, and nothing steps aside for it.
 */
export async function mayBeFree(sending: Sending, item: Item, rivals: readonly RemoteItem[], signal: AbortSignal): Promise<boolean> {
  const entry = await sending.journal.get(item.ino)
  // Tries that failed for another reason have said nothing about the name.
  if (entry !== undefined && entry.tries >= SURE_AFTER_TRIES && entry.failure?.code === 'busy') return false
  if (rivals.length === 0) return true
  for (const rival of rivals) {
    const known = await sending.mirror.byRemoteId(rival.id)
    if (known !== undefined && (known.deleted || isMoved(known))) return true
    const now = await readById(sending, rival.id, rival.kind, signal)
    if (now?.name !== rival.name || now.parentId !== rival.parentId) return true
  }
  return false
}

/** The local edit becomes a new file under a conflict name; the portal's file goes on under the old one (C7). */
export async function forkEdit(sending: Sending, tx: Transaction, planned: Item, remote: RemoteFile, why: ConflictReason): Promise<News> {
  const { mirror, journal } = sending
  const item = await mirror.getIn(tx, planned.ino)
  if (!sameIntent(item, planned) || item.base === null || item.parent === null || isMoved(item)) return NO_NEWS
  const { base, parent, name } = item
  const aside = await stepAside(sending, tx, item)
  await mirror.clearBase(tx, item.ino)
  await journal.clearAttempt(tx, item.ino)
  // Under the place we know: a rename on the portal is found and applied by the next listing.
  const theirs = await mirror.insertRemote(tx, parent, name, { ...remote, name: base.name })
  await mirror.confirmBase(tx, theirs, base.parent, { ...remote, name: base.name })
  if (item.pinned) await mirror.update(tx, await mirror.needIn(tx, theirs), { pinned: true })
  await passConflictsOn(tx, item.ino, theirs) // earlier ones are about the name
  await recordConflict(tx, { copy: item.ino, original: theirs, side: 'mine', why, sinceMs: sending.clock.nowMs() })
  return {
    deltas: [...aside.deltas, { kind: 'appeared', ino: theirs, at: { parent, name } }],
    notices: [{ kind: 'conflict-copy', ino: item.ino, name: aside.name, why }],
  }
}

/** The name is taken on the portal by something else: the local item takes another, and the rivals that have no row get one (C22). */
export async function forkName(sending: Sending, tx: Transaction, planned: Item, rivals: readonly RemoteItem[]): Promise<News> {
  const { mirror } = sending
  const item = await mirror.getIn(tx, planned.ino)
  if (!sameIntent(item, planned) || item.parent === null) return NO_NEWS
  const { parent } = item
  const aside = await stepAside(sending, tx, item)
  await sending.journal.clearAttempt(tx, item.ino)
  const appeared: MirrorDelta[] = []
  let original: Ino | null = null
  for (const rival of rivals) {
    const known = await mirror.byRemoteId(rival.id, tx)
    original ??= known?.ino ?? null
    const name = shownName(rival.name, rival.id)
    if (known !== undefined || (await mirror.childIn(tx, parent, name)) !== undefined) continue
    const ino = await mirror.insertRemote(tx, parent, name, rival)
    original ??= ino
    appeared.push({ kind: 'appeared', ino, at: { parent, name } })
  }
  await recordConflict(tx, { copy: item.ino, original, side: 'mine', why: 'name-taken', sinceMs: sending.clock.nowMs() })
  return { deltas: [...aside.deltas, ...appeared], notices: [{ kind: 'conflict-copy', ino: item.ino, name: aside.name, why: 'name-taken' }] }
}

/** Gives a row a conflict name where it stands, to be sent at once. The caller records for whom. */
export async function stepAside(sending: Sending, tx: Transaction, item: Item): Promise<{ readonly name: string; readonly deltas: readonly MirrorDelta[] }> {
  const { mirror, journal, clock, host } = sending
  const { parent } = item
  if (parent === null) return { name: item.name, deltas: [] }
  const nowMs = clock.nowMs()
  const name = await mirror.freeNameIn(tx, parent, (attempt) => conflictName(item.name, host, nowMs, attempt))
  await mirror.update(tx, item, { name, ctimeMs: nowMs, placeChangedMs: item.base === null ? null : nowMs })
  await journal.touch(tx, item.ino, nowMs, nowMs)
  return { name, deltas: [{ kind: 'moved', ino: item.ino, from: { parent, name: item.name }, to: { parent, name } }] }
}
