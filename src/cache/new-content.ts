/** Content that is made here: its file comes to be while its row does, so that neither waits for the other. */
import type { ContentId } from '../base/ids.js'
import type { Committing } from '../store/store.js'
import type { CacheFile } from './cache-file.js'
import type { Content } from './content.js'

/** A content on its way: its row is not committed, its file not made yet. */
export interface NewContent {
  readonly id: ContentId
  /** Resolves when the file is there, or could not be made now. */
  readonly file: Promise<unknown>
  /** The row is made in this commit. Answers the content, held for the caller from then on. */
  committedBy(tx: Committing): Content
  /** There will be no row. */
  abandon(): Promise<void>
}

/** `free` resolves when a leftover is out of the way; `enter` makes the content known, `unlink` takes its file away. */
export function beginContent(content: Content, file: CacheFile, { free, enter, unlink }: { readonly free: Promise<unknown> | undefined; readonly enter: () => void; readonly unlink: () => Promise<void> }): NewContent {
  // Where it cannot be made now the first write tries again, and says why not.
  const making = make(file, free, content.isOpenedDirectly).catch(() => undefined)
  content.retain()
  return {
    id: content.id,
    file: making,
    committedBy: (tx) => {
      tx.afterCommit(enter)
      return content
    },
    abandon: async () => {
      await making
      await content.closeDescriptor()
      await unlink()
    },
  }
}

async function make(file: CacheFile, free: Promise<unknown> | undefined, isOpened: boolean): Promise<void> {
  if (free !== undefined) await free
  await file.makeNew(isOpened)
}
