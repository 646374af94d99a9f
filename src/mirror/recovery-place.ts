/**
 * Where edits go whose own place is gone or not ours to change (C15, C17, C20, C24 of the decision table): `Recovered edits` at
 * the root, an ordinary folder, made when it is needed and sent like any other.
 */
import type { Clock } from '../base/clock.js'
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { Transaction } from '../store/store.js'
import { conflictName } from './conflict-name.js'
import type { MirrorDelta, Place } from './delta.js'
import type { Mirror } from './mirror.js'

export const RECOVERY_FOLDER_NAME = 'Recovered edits'

const FOLDER_MODE = 0o755

export interface RecoveryPlaces {
  readonly mirror: Pick<Mirror, 'freeNameIn' | 'twinsIn' | 'insertLocal'>
  readonly clock: Clock
  /** For the names of conflict copies. */
  readonly host: string
  /** A new folder is to be sent. */
  readonly journal: { touch(tx: Transaction, ino: Ino, nowMs: number, notBeforeMs: number): Promise<void> }
}

/** A free place for `name` there; makes the folder when there is none, beside whatever else has its name. */
export async function recoveryPlace(places: RecoveryPlaces, tx: Transaction, name: string): Promise<Place & { readonly deltas: readonly MirrorDelta[] }> {
  const { mirror, clock, host } = places
  const { folder, deltas } = await recoveryFolder(places, tx)
  const free = await mirror.freeNameIn(tx, folder, (attempt) => (attempt === 1 ? name : conflictName(name, host, clock.nowMs(), attempt - 1)))
  return { parent: folder, name: free, deltas }
}

async function recoveryFolder({ mirror, clock, journal }: RecoveryPlaces, tx: Transaction): Promise<{ readonly folder: Ino; readonly deltas: readonly MirrorDelta[] }> {
  for (let attempt = 1; ; attempt += 1) {
    const name = attempt === 1 ? RECOVERY_FOLDER_NAME : `${RECOVERY_FOLDER_NAME} ${attempt}`
    const twins = await mirror.twinsIn(tx, ROOT_INO, name)
    const found = twins.find((twin) => twin.kind === 'folder' && !twin.excluded && !twin.localOnly)
    if (found !== undefined) return { folder: found.ino, deltas: [] }
    if (twins.length > 0) continue
    const nowMs = clock.nowMs()
    const folder = await mirror.insertLocal(tx, { parent: ROOT_INO, name, kind: 'folder', mode: FOLDER_MODE, sizeBytes: 0, mtimeMs: nowMs, contentId: null, localOnly: false })
    await journal.touch(tx, folder, nowMs, nowMs)
    return { folder, deltas: [{ kind: 'appeared', ino: folder, at: { parent: ROOT_INO, name } }] }
  }
}
