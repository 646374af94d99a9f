/**
 * Fetches listings of several folders, their pages packed into batches of at most 50 commands (bitrix24-rest.md 2.5). A
 * folder that fails alone is its own result; a request that fails as a whole fails every listing that waited for it.
 */
import { DriveError, errorText } from '../base/errors.js'
import type { CallOptions, Drive, ListPageRequest } from '../drive/drive.js'
import type { FolderListing } from './folder-listing.js'

export const BATCH_COMMANDS = 50

interface Command {
  readonly listing: FolderListing
  readonly request: ListPageRequest
}

/** One request with the next pages of these listings, at most `commands` of them. Never throws: the failure goes to the listings. */
export async function fetchNextPages(drive: Pick<Drive, 'listPages'>, listings: readonly FolderListing[], call: CallOptions, commands = BATCH_COMMANDS): Promise<void> {
  const batch: readonly Command[] = listings.flatMap((listing) => listing.wanted().map((request) => ({ listing, request }))).slice(0, commands)
  if (batch.length === 0) return
  try {
    const outcomes = await drive.listPages(batch.map(({ request }) => request), call)
    for (const [index, { listing, request }] of batch.entries()) {
      const outcome = outcomes[index]
      if (outcome === undefined) listing.fail(new DriveError('bad-answer', 'the portal left a page of a folder out'))
      else listing.take(request.start, outcome)
    }
  } catch (error) {
    const failure = error instanceof Error ? error : new DriveError('internal', errorText(error))
    for (const { listing } of batch) listing.fail(failure)
  }
  for (const { listing } of batch) listing.settle()
}

/** Goes on until every listing has a result. */
export async function fetchListings(drive: Pick<Drive, 'listPages'>, listings: readonly FolderListing[], call: CallOptions): Promise<void> {
  for (;;) {
    const open = listings.filter((listing) => listing.result === undefined)
    if (open.length === 0) return
    await fetchNextPages(drive, open, call)
  }
}
