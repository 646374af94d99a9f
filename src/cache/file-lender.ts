/**
 * Somebody outside who reads and writes files of the cache directly (an engine, in native code), as the cache sees it:
 * a file is lent for writing and called back, and what is open there is known.
 */
import type { ContentId } from '../base/ids.js'

export interface FileLender {
  /** From now on handles attached to the content may write below `endBytes`. False when there are none. */
  lend(content: ContentId, endBytes: number): boolean
  /** They may not any more, and all that they wrote is in the file. Answers whether they wrote. */
  recall(content: ContentId): boolean
  /** Of a file that is lent, was since, or is open there, as it is now. */
  figures(content: ContentId): { readonly sizeBytes: number; readonly mtimeMs: number } | undefined
  /** Whether the content is open there by handles that the cache knows nothing of. */
  isOpen(content: ContentId): boolean
  /** Nothing of the content is to be read there any more by handles attached before. */
  detachContent(content: ContentId): void
}

/** Nobody. */
export const noLender: FileLender = {
  lend: () => false,
  recall: () => false,
  figures: () => undefined,
  isOpen: () => false,
  detachContent: () => undefined,
}
