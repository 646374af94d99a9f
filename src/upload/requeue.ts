/**
 * After a crash: every content with unsent bytes has an entry in the journal, and its row tells its true size. A daemon
 * that died between a write and the close(2) after it has recorded neither.
 */
import type { Clock } from '../base/clock.js'
import type { ContentCache } from '../cache/content-cache.js'
import { readDirty } from '../cache/content-rows.js'
import type { Journal } from '../journal/journal.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'

export interface Requeue {
  readonly store: Store
  readonly mirror: Mirror
  readonly journal: Journal
  readonly cache: ContentCache
  readonly clock: Clock
}

/** Call once, before anything is sent. Answers how many entries were missing. */
export async function requeueUnsent({ store, mirror, journal, cache, clock }: Requeue): Promise<number> {
  let missing = 0
  for (const { id } of await readDirty(store.read)) {
    const content = await cache.acquire(id) // looks at the file
    const { sizeBytes } = content
    await content.release()
    await store.transact(async (tx) => {
      const item = await mirror.byContent(id, tx)
      if (item === undefined || item.deleted) return
      if (item.sizeBytes !== sizeBytes) await mirror.update(tx, item, { sizeBytes })
      if (item.localOnly || (await journal.get(item.ino, tx)) !== undefined) return
      missing += 1
      await journal.touch(tx, item.ino, clock.nowMs(), clock.nowMs())
    })
  }
  return missing
}
