/** What the watch brings to the recovery folder: edits of what is gone, or not to be reached any more (C15, C17, C20). */
import type { Clock } from '../base/clock.js'
import type { Journal } from '../journal/journal.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { recoveryPlace } from '../mirror/recovery-place.js'
import type { Transaction } from '../store/store.js'

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
    const { mirror } = this.#o
    const { deltas, ...to } = await recoveryPlace(this.#o, tx, row.name)
    await mirror.update(tx, row, { ...to, placeChangedMs: null })
    const here: MirrorDelta = row.parent === null ? { kind: 'appeared', ino: row.ino, at: to } : { kind: 'moved', ino: row.ino, from: { parent: row.parent, name: row.name }, to }
    return [...deltas, here]
  }
}
