/**
 * One look at the portal: pages of folders in use, pages whose turn has come, questions of a sweep, packed into batches of
 * 50 commands whoever asked for them, so that what one of them leaves free costs the other nothing. Each answer goes to
 * whoever asked. Decides nothing.
 */
import { DriveError } from '../base/errors.js'
import type { CallOptions, Drive, ListPage, ListPageRequest, Outcome } from '../drive/drive.js'
import { BATCH_COMMANDS } from './fetch-listings.js'
import type { FolderListing } from './folder-listing.js'

interface Asked {
  readonly request: ListPageRequest
  readonly take: (outcome: Outcome<ListPage>) => void
}

export class Look {
  readonly #asked: Asked[] = []
  readonly #listings: FolderListing[] = []

  get listings(): readonly FolderListing[] {
    return this.#listings
  }

  get isEmpty(): boolean {
    return this.#asked.length === 0
  }

  /** Commands that would go along without another request. */
  get spare(): number {
    const last = batchesOf(this.#asked).at(-1)
    return last === undefined ? 0 : BATCH_COMMANDS - commandsOf(last)
  }

  ask(request: ListPageRequest, take: Asked['take']): void {
    this.#asked.push({ request, take })
  }

  /** The pages that are known to be wanted; what turns out to be missing is the business of `fetchListings`. */
  list(listing: FolderListing): void {
    this.#listings.push(listing)
    for (const request of listing.wanted()) this.ask(request, (outcome) => { listing.take(request.start, outcome) })
  }

  /** Throws the failure of a request; what was asked by earlier ones has its answers then. */
  async send(drive: Pick<Drive, 'listPages'>, call: CallOptions): Promise<void> {
    for (const batch of batchesOf(this.#asked)) {
      const outcomes = await drive.listPages(batch.map(({ request }) => request), call)
      for (const [index, { take }] of batch.entries()) take(outcomes[index] ?? { ok: false, error: new DriveError('bad-answer', 'the portal left a page of a folder out') })
    }
    for (const listing of this.#listings) listing.settle()
  }
}

function batchesOf(asked: readonly Asked[]): readonly (readonly Asked[])[] {
  const batches: Asked[][] = []
  for (const each of asked) {
    const last = batches.at(-1)
    if (last !== undefined && commandsOf(last) + commandsOf([each]) <= BATCH_COMMANDS) last.push(each)
    else batches.push([each])
  }
  return batches
}

function commandsOf(asked: readonly Asked[]): number {
  return asked.reduce((sum, { request }) => sum + (request.withFolder === true ? 2 : 1), 0)
}
