/**
 * The folder for edits whose own place is gone or not ours to change (C15, C17, C20, C24): `Recovered edits` at the root,
 * an ordinary folder that is sent like any other.
 */
import { ROOT_INO, type Ino } from '../base/ids.js'
import { conflictName } from '../mirror/conflict-name.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { Transaction } from '../store/store.js'
import type { News, Sending } from './sending.js'

const FOLDER_NAME = 'Recovered edits'
const FOLDER_MODE = 0o755

/** A free place for `name` there; makes the folder when there is none. */
export async function recoveryPlace(sending: Sending, tx: Transaction, name: string): Promise<{ readonly parent: Ino; readonly name: string; readonly deltas: readonly MirrorDelta[] }> {
  const { mirror, clock, host } = sending
  const { folder, deltas } = await recoveryFolder(sending, tx)
  const free = await mirror.freeNameIn(tx, folder, (attempt) => (attempt === 1 ? name : conflictName(name, host, clock.nowMs(), attempt - 1)))
  return { parent: folder, name: free, deltas }
}

async function recoveryFolder(sending: Sending, tx: Transaction): Promise<{ readonly folder: Ino; readonly deltas: readonly MirrorDelta[] }> {
  const { mirror, journal, clock } = sending
  for (let attempt = 1; ; attempt += 1) {
    const name = attempt === 1 ? FOLDER_NAME : `${FOLDER_NAME} ${attempt}`
    const found = (await mirror.twinsIn(tx, ROOT_INO, name))[0]
    if (found?.kind === 'folder' && !found.excluded && !found.localOnly) return { folder: found.ino, deltas: [] }
    if (found !== undefined) continue
    const nowMs = clock.nowMs()
    const folder = await mirror.insertLocal(tx, { parent: ROOT_INO, name, kind: 'folder', mode: FOLDER_MODE, sizeBytes: 0, mtimeMs: nowMs, contentId: null, localOnly: false })
    await journal.touch(tx, folder, nowMs, nowMs)
    return { folder, deltas: [{ kind: 'appeared', ino: folder, at: { parent: ROOT_INO, name } }] }
  }
}

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
