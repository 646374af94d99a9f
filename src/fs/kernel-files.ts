/**
 * What an engine may do with files of the cache by itself: serve handles that the filesystem gave, once it says which
 * content they read, and write to a content that was lent to it (cache/file-lender.ts).
 */
import { noLender, type FileLender } from '../cache/file-lender.js'
import type { ContentId } from '../base/ids.js'
import type { BackingId, Handle, NodeId } from './operations.js'

export const CACHED: BackingId = 0
/** The node is open by passthrough, and this open cannot be: all opens of a node must agree. */
export const IMPOSSIBLE: BackingId = -1

export interface KernelFiles extends FileLender {
  /** Files can be given to the kernel. */
  readonly canPassThrough: boolean
  /** Whether the node is open, and how. */
  openStateOf(node: NodeId): 'closed' | 'cached' | 'passed-through'
  /** Before the answer to an open. `content`: all of it is in its file, and the kernel may have that. */
  claim(handle: Handle, node: NodeId, content: ContentId | null): BackingId
  /** The content is whole and has a file: reads of the handle need not come here any more, writes while it is lent. */
  attach(handle: Handle, content: ContentId, writes: boolean): void
  /** The handle is released: what was claimed, and what was attached. */
  detach(handle: Handle): void
}

/** For an engine that asks each time, and for tests without a kernel. */
export const noFiles: KernelFiles = {
  ...noLender,
  canPassThrough: false,
  openStateOf: () => 'closed',
  claim: () => CACHED,
  attach: () => undefined,
  detach: () => undefined,
}
