/**
 * Folders that were connected here and are hidden, because the same folder was reached another way when they were (13.2: one
 * real folder is shown once). Each is shown when nothing else leads there any more: not before what was deleted here is
 * gone on the portal too, because what was deleted below it would be taken for deleted here.
 */
import type { Ino } from '../base/ids.js'
import type { Log } from '../base/log.js'
import { isHiddenBehind, othersLeadingTo, readConnected, showConnected } from '../mirror/connected-rows.js'
import type { MirrorDelta } from '../mirror/delta.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Reader, Store, Transaction } from '../store/store.js'
import { placeOf } from './row-changes.js'

export interface ConnectedFoldersOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly log: Log
  readonly onDelta: (deltas: readonly MirrorDelta[]) => void
}

export class ConnectedFolders {
  readonly #o: ConnectedFoldersOptions

  constructor(options: ConnectedFoldersOptions) {
    this.#o = options
  }

  async showFreed(): Promise<void> {
    const { store, onDelta } = this.#o
    for (const row of await readConnected(store.read)) {
      if (!(await this.#isFreed(store.read, row))) continue
      const deltas = await store.transact((tx) => this.#show(tx, row.ino))
      if (deltas.length > 0) onDelta(deltas)
    }
  }

  async #show(tx: Transaction, ino: Ino): Promise<readonly MirrorDelta[]> {
    const { mirror, log } = this.#o
    const row = await mirror.getIn(tx, ino)
    if (row === undefined || !(await this.#isFreed(tx, row))) return []
    const at = placeOf(await showConnected(mirror, tx, row))
    log.info({ ino }, 'a connected folder is shown, for nothing else leads there any more')
    return at === undefined ? [] : [{ kind: 'appeared', ino, at }]
  }

  async #isFreed(reader: Reader, row: Item): Promise<boolean> {
    if (row.base === null || !(await isHiddenBehind(reader, row))) return false
    return (await othersLeadingTo(this.#o.mirror, reader, row.base)).length === 0
  }
}
