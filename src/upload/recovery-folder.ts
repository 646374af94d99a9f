/**
 * What the uploader brings to the recovery folder: rows whose place is gone on the portal (C15, C17), and edits of what this
 * account may not write (C20, C24).
 */
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import { recoveryPlace } from '../mirror/recovery-place.js'
import type { Transaction } from '../store/store.js'
import type { News, Sending } from './sending.js'

/** The row with all that is in it moves to the recovery folder: where it stood is gone. */
export async function moveToRecovery(sending: Sending, tx: Transaction, item: Item): Promise<News> {
  const { mirror, journal, clock } = sending
  const place = await recoveryPlace(sending, tx, item.name)
  const nowMs = clock.nowMs()
  await mirror.update(tx, item, { parent: place.parent, name: place.name, placeChangedMs: item.base === null ? null : nowMs })
  await journal.touch(tx, item.ino, nowMs, nowMs)
  await journal.clearAttempt(tx, item.ino)
  const to = { parent: place.parent, name: place.name }
  const moved: MirrorDelta = item.parent === null ? { kind: 'appeared', ino: item.ino, at: to } : { kind: 'moved', ino: item.ino, from: { parent: item.parent, name: item.name }, to }
  return { deltas: [...place.deltas, moved], notices: [{ kind: 'recovered', ino: item.ino, name: place.name, why: 'gone-on-portal' }] }
}

/**
 * The edit becomes a new file in the recovery folder, and the row shows what the portal has: the item cannot be written
 * there (C20, C24).
 */
export async function keepEditApart(sending: Sending, tx: Transaction, item: Item): Promise<News> {
  const { mirror, journal, clock } = sending
  if (item.base === null || item.contentId === null) return { deltas: [], notices: [] }
  const place = await recoveryPlace(sending, tx, item.name)
  const nowMs = clock.nowMs()
  const { contentId } = item
  await mirror.update(tx, item, { contentId: null, sizeBytes: item.base.sizeBytes, mtimeMs: item.base.updatedMs, contentGeneration: item.contentGeneration + 1 })
  await journal.remove(tx, item.ino)
  const copy = await mirror.insertLocal(tx, { parent: place.parent, name: place.name, kind: 'file', mode: item.mode, sizeBytes: item.sizeBytes, mtimeMs: item.mtimeMs, contentId, localOnly: false })
  await journal.touch(tx, copy, nowMs, nowMs)
  const shown: readonly MirrorDelta[] = item.parent === null ? [] : [{ kind: 'content', ino: item.ino, at: { parent: item.parent, name: item.name } }]
  return {
    deltas: [...place.deltas, ...shown, { kind: 'appeared', ino: copy, at: { parent: place.parent, name: place.name } }],
    notices: [{ kind: 'recovered', ino: copy, name: place.name, why: 'no-right' }],
  }
}
