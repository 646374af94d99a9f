/**
 * Where edits go whose folder is gone: a folder at the drive's root, made when it is needed and sent like any other new
 * folder (C15, C20 of the decision table).
 */
import type { Clock } from '../base/clock.js'
import { ROOT_INO, type Ino } from '../base/ids.js'
import type { Journal } from '../journal/journal.js'
import { conflictName } from '../mirror/conflict-name.js'
import type { MirrorDelta, Place } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Transaction } from '../store/store.js'

export const RECOVERY_FOLDER_NAME = 'Recovered edits'

export interface RecoveryFolderOptions {
  readonly mirror: Mirror
  readonly journal: Journal
  readonly clock: Clock
  readonly host: string
}

export class RecoveryFolder {
  readonly #o: RecoveryFolderOptions

  constructor(options: RecoveryFolderOptions) {
    this.#o = options
  }

  /** Moves the row there under its name, or a conflict name where that is taken. Its entry is the caller's business. */
  async take(tx: Transaction, row: Item): Promise<readonly MirrorDelta[]> {
    const { mirror, clock, host } = this.#o
    const { ino: parent, deltas } = await this.#folder(tx)
    const name = await mirror.freeNameIn(tx, parent, (attempt) => (attempt === 1 ? row.name : conflictName(row.name, host, clock.nowMs(), attempt - 1)))
    await mirror.update(tx, row, { parent, name, placeChangedMs: null })
    const to: Place = { parent, name }
    const here: MirrorDelta = row.parent === null ? { kind: 'appeared', ino: row.ino, at: to } : { kind: 'moved', ino: row.ino, from: { parent: row.parent, name: row.name }, to }
    return [...deltas, here]
  }

  async #folder(tx: Transaction): Promise<{ ino: Ino; deltas: readonly MirrorDelta[] }> {
    const { mirror, journal, clock } = this.#o
    const twins = await mirror.twinsIn(tx, ROOT_INO, RECOVERY_FOLDER_NAME)
    const known = twins.find((twin) => twin.kind === 'folder' && !twin.excluded && !twin.localOnly)
    if (known !== undefined) return { ino: known.ino, deltas: [] }
    const name = await mirror.freeNameIn(tx, ROOT_INO, (attempt) => (attempt === 1 ? RECOVERY_FOLDER_NAME : `${RECOVERY_FOLDER_NAME} (${attempt})`))
    const nowMs = clock.nowMs()
    const ino = await mirror.insertLocal(tx, { parent: ROOT_INO, name, kind: 'folder', mode: 0o755, sizeBytes: 0, mtimeMs: nowMs, contentId: null, localOnly: false })
    await journal.touch(tx, ino, nowMs, nowMs)
    return { ino, deltas: [{ kind: 'appeared', ino, at: { parent: ROOT_INO, name } }] }
  }
}
