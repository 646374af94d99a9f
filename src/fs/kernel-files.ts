/**
 * What an engine may do with files of the cache by itself: serve handles that the filesystem gave, once it says which
 * content they read, and write to a content that was lent to it (cache/file-lender.ts).
 */
import { noLender, type FileLender } from '../cache/file-lender.js'
import type { ContentId } from '../base/ids.js'
import type { Handle } from './operations.js'

export interface KernelFiles extends FileLender {
  /** The content is whole and has a file: reads of the handle need not come here any more, writes while it is lent. */
  attach(handle: Handle, content: ContentId, writes: boolean): void
  /** The handle is released. */
  detach(handle: Handle): void
}

/** For an engine that asks each time, and for tests without a kernel. */
export const noFiles: KernelFiles = { ...noLender, attach: () => undefined, detach: () => undefined }
