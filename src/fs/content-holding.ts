/** From an item to its content in the cache; a placeholder that nobody has opened before gets its row here. */
import { DriveError, hasCode } from '../base/errors.js'
import type { ContentId, Ino } from '../base/ids.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Content } from '../cache/content.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'

export interface ContentSources {
  readonly store: Store
  readonly mirror: Mirror
  readonly cache: ContentCache
}

/**
 * The content of the file as it is now, held for the caller, who releases it. 'vanished' when the file changed or went
 * meanwhile: the kernel then looks its path up again.
 */
export async function holdContent(sources: ContentSources, ino: Ino): Promise<Content> {
  const contentId = (await sources.mirror.get(ino))?.contentId ?? (await contentRow(sources, ino))
  try {
    return await sources.cache.acquire(contentId)
  } catch (error) {
    if (hasCode(error, 'not-found')) throw new DriveError('vanished', 'the content was replaced in this moment', { cause: error })
    throw error
  }
}

/** The id of the file's content, made when there is none. 'not-found' when the item is gone. */
export async function contentRow({ store, mirror, cache }: ContentSources, ino: Ino): Promise<ContentId> {
  return store.transact(async (tx) => {
    const item = await mirror.needIn(tx, ino)
    if (item.contentId !== null) return item.contentId
    if (item.base === null) throw new DriveError('internal', 'a file that is only here has lost its content', { fields: { ino } })
    const origin = { fileId: item.base.id, version: item.base.version, blobId: item.base.blobId }
    const contentId = await cache.createPlaceholder(tx, item.sizeBytes, origin)
    await mirror.update(tx, item, { contentId })
    return contentId
  })
}
