/** One downloaded content to the disk for good. */
import type { ContentId } from '../base/ids.js'
import type { Store } from '../store/store.js'
import { withSyncedFile } from './cache-file.js'
import { contentPath } from './content-path.js'
import { readContent, writeSynced } from './content-rows.js'

/** Without holding the content: a sync is no use of it. Somebody who fills it meanwhile writes a newer row. */
export async function syncClean(store: Store, directory: string, id: ContentId): Promise<void> {
  const row = await readContent(store.read, id)
  if (row === undefined || row.isDirty || row.synced || row.ranges.isEmpty) return
  await withSyncedFile(contentPath(directory, id), (isSame) =>
    store.transact(async (tx) => {
      if (isSame()) await writeSynced(tx, id, row.ranges)
    }),
  )
}
