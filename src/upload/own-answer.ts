/**
 * Whether something on the portal is what our own request of unknown outcome made there (bitrix24-rest.md 6.6). Pure.
 */
import type { Attempt } from '../journal/journal.js'
import type { RemoteFile, RemoteItem } from '../drive/drive.js'

const CLOCK_SLACK_MS = 2_000 // the portal tells whole seconds, and our idea of its clock is as good as one round trip

/** Made by us since the attempt began. The bytes are compared apart. */
export function mayBeOurs(remote: RemoteItem, attempt: Attempt, userId: string): boolean {
  if (remote.createdBy !== userId || remote.createdMs < attempt.startedServerMs - CLOCK_SLACK_MS) return false
  return remote.kind === 'folder' || remote.sizeBytes === attempt.sizeBytes
}

/** The version our attempt would have made, or a later one of ours that still has its size. */
export function mayBeOurVersion(remote: RemoteFile, attempt: Attempt, userId: string): boolean {
  return attempt.baseVersion !== undefined && remote.version > attempt.baseVersion && remote.updatedBy === userId && remote.sizeBytes === attempt.sizeBytes
}
