/** The words in which status and xattrs tell how an item stands (DESIGN.md section 2). Pure. */
import { isMoved, type Item } from '../mirror/item.js'

export type ItemStateWord =
  | 'placeholder'
  | 'partial'
  | 'cached'
  | 'dirty'
  | 'uploading'
  | 'conflict'
  | 'local-only'
  | 'listed'
  | 'unlisted'
  | 'excluded'

/** What the cache has of an item's content. */
export interface ContentFacts {
  readonly presentBytes: number
  readonly complete: boolean
  readonly dirty: boolean
}

export function stateWord(item: Item, content: ContentFacts | undefined, sending: { uploading: boolean; conflict: boolean }): ItemStateWord {
  if (item.excluded) return 'excluded'
  if (sending.conflict && item.kind === 'file') return 'conflict'
  if (item.localOnly) return 'local-only'
  if (item.kind === 'folder') return item.listedMs === null ? 'unlisted' : 'listed'
  if (sending.uploading) return 'uploading'
  if (item.base === null || (isMoved(item) && !item.base.trashed) || content?.dirty === true) return 'dirty'
  // An empty file needs no bytes to be all here.
  if (item.sizeBytes === 0 || content?.complete === true) return 'cached'
  return content !== undefined && content.presentBytes > 0 ? 'partial' : 'placeholder'
}
