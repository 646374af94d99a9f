/**
 * What has to be known before something goes into the trash of a file manager or comes out of it. In: a folder that nobody
 * has looked into is listed first, as before an rmdir (DESIGN.md 6a.12). Out: what the portal has purged can come back only
 * by the bytes that are here, so it is asked where some are missing. Everything else waits for nobody.
 */
import { DriveError } from '../base/errors.js'
import type { Ino } from '../base/ids.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Drive } from '../drive/drive.js'
import { isAllHere, type Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import { isInTrash } from '../mirror/trash-rows.js'
import type { Store } from '../store/store.js'
import type { Watch } from '../watch/watch.js'

export interface TrashDoorOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly cache: Pick<ContentCache, 'summary'>
  readonly drive: Pick<Drive, 'itemStates'>
  readonly watch: Pick<Watch, 'ensureListed'>
}

export class TrashDoor {
  readonly #o: TrashDoorOptions

  constructor(options: TrashDoorOptions) {
    this.#o = options
  }

  /** Before the item is moved into the folder `target`. 'vanished' when it cannot be brought back; what `ensureListed` throws. */
  async check(item: Item | undefined, target: Ino, signal: AbortSignal): Promise<void> {
    if (item === undefined || item.base === null) return
    const isUnlisted = item.kind === 'folder' && item.listedMs === null
    if (!isUnlisted && !item.base.trashed) return
    const goesIn = await isInTrash(this.#o.store.read, target)
    if (goesIn && isUnlisted) await this.#o.watch.ensureListed(item.ino, signal)
    if (!goesIn && item.base.trashed && (await this.#isPurged(item, signal))) {
      throw new DriveError('vanished', 'the portal has it in its trash no more, and its bytes are not all here')
    }
  }

  /** No word from the portal is no conclusion: the queue goes on trying, and shows why it cannot. */
  async #isPurged({ ino, kind, base }: Item, signal: AbortSignal): Promise<boolean> {
    if (base === null || (await this.#isAllHere(ino))) return false
    const [state] = await this.#o.drive.itemStates([{ id: base.id, kind }], { priority: 'interactive', signal })
    return state?.state === 'not-found'
  }

  async #isAllHere(ino: Ino): Promise<boolean> {
    const { mirror, store, cache } = this.#o
    const rows = await mirror.subtreeIn(store.read, ino)
    const known = await cache.summary(rows.flatMap(({ contentId }) => (contentId === null ? [] : [contentId])))
    return rows.every((row) => isAllHere(row, row.contentId !== null && known.get(row.contentId)?.complete === true))
  }
}
