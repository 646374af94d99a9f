/** What a person is told of a content: by its row, or as it is now while somebody holds it. */
import type { Content } from './content.js'
import type { ContentRow, RemoteOrigin } from './content-rows.js'

export interface ContentSummary {
  readonly sizeBytes: number
  readonly presentBytes: number
  readonly allocatedBytes: number
  readonly complete: boolean
  readonly dirty: boolean
  readonly suspect: boolean
  readonly pinned: boolean
  /** Null: local only. */
  readonly origin: RemoteOrigin | null
}

export function summarize(row: ContentRow, live: Content | undefined): ContentSummary {
  if (live === undefined) {
    return {
      sizeBytes: row.sizeBytes, presentBytes: row.ranges.totalBytes, allocatedBytes: row.allocatedBytes,
      complete: row.isComplete, dirty: row.isDirty, suspect: row.isSuspect, pinned: row.isPinned, origin: row.origin,
    }
  }
  return {
    sizeBytes: live.sizeBytes, presentBytes: live.ranges.totalBytes, allocatedBytes: live.allocatedBytes,
    complete: live.isComplete, dirty: live.isDirty, suspect: live.isSuspect, pinned: live.isPinned, origin: live.origin,
  }
}
