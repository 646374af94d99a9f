/**
 * Collects the pages of one folder into a listing. Pages fit together only when all tell the same total, no id comes
 * twice and as many items came as the total says; a folder that changed while it was read is read again, a bounded number
 * of times. A total may count what we are not shown (O-32): two readings with the same items in them agree as well. Only a
 * listing that is `complete` is evidence of absence (DESIGN.md section 6). Sends nothing itself.
 */
import { DriveError } from '../base/errors.js'
import type { Ino, RemoteId } from '../base/ids.js'
import type { ListPage, ListPageRequest, Outcome, RemoteItem } from '../drive/drive.js'

export const PAGE_ITEMS = 50 // bitrix24-rest.md 2.4: always, there is no parameter

const TRIES = 3 // a folder that changes at each look is shown as it was seen, and nothing is concluded from it
const MOST_ITEMS = 1_000_000 // a total above it is an answer not to be believed

/** What was read of a folder. */
export interface ListedFolder {
  readonly folder: Ino
  /** When the first page was asked for: rows that changed since are not judged by this listing. */
  readonly stamp: Stamp
  readonly items: readonly RemoteItem[]
  /** Nothing of the folder is missing in `items`: what is not here may be gone. */
  readonly complete: boolean
}

/** A moment before a request: `mark` in the mirror's changes, `turn` among our own requests. */
export interface Stamp {
  readonly mark: number
  readonly turn: number
}

export type ListingResult = { readonly kind: 'listed'; readonly listed: ListedFolder } | { readonly kind: 'failed'; readonly error: Error }

export class FolderListing {
  readonly folder: Ino
  readonly #remoteId: RemoteId
  readonly #newStamp: () => Stamp
  readonly #expectedItems: number
  #stamp: Stamp | undefined
  /** Of the first page that came; undefined before it. */
  #total: number | undefined
  readonly #pages = new Map<number, ListPage>()
  /** Two pages told different totals: what came is of no use together. */
  #isTorn = false
  #tries = 1
  /** What the last reading had, when there was less of it than the total said. */
  #lesserItems: readonly RemoteItem[] | undefined
  #result: ListingResult | undefined

  /** `expectedItems`: so many pages are asked for at once, before the portal has told how many there are. */
  constructor(options: { folder: Ino; remoteId: RemoteId; expectedItems: number; newStamp: () => Stamp }) {
    this.folder = options.folder
    this.#remoteId = options.remoteId
    this.#expectedItems = options.expectedItems
    this.#newStamp = options.newStamp
  }

  /** Undefined while pages are missing. */
  get result(): ListingResult | undefined {
    return this.#result
  }

  /** What the portal said of the number of items, as far as it is known. */
  get total(): number | undefined {
    return this.#total
  }

  /** Pages still to be asked for, in order. */
  wanted(): readonly ListPageRequest[] {
    if (this.#result !== undefined) return []
    this.#stamp ??= this.#newStamp()
    return pageStarts(this.#total ?? this.#expectedItems)
      .filter((start) => !this.#pages.has(start))
      .map((start) => ({ folderId: this.#remoteId, start, order: 'id' }))
  }

  take(start: number, outcome: Outcome<ListPage>): void {
    if (this.#result !== undefined) return
    if (!outcome.ok) {
      this.fail(outcome.error)
      return
    }
    const page = outcome.value
    if (page.total > MOST_ITEMS) {
      this.fail(new DriveError('bad-answer', 'the portal told an impossible number of items in a folder', { fields: { total: page.total } }))
      return
    }
    if (this.#total !== undefined && this.#total !== page.total) this.#isTorn = true
    this.#total ??= page.total
    this.#pages.set(start, page)
  }

  /** To be called when every outcome of a batch was taken: a listing whose pages are all here is judged. */
  settle(): void {
    if (this.#result !== undefined || this.#total === undefined) return
    if (this.#isTorn) {
      this.#tryAgain()
      return
    }
    if (this.wanted().length > 0) return
    const total = this.#total
    const items = this.#items()
    const unreadable = [...this.#pages.values()].some((page) => page.unreadable > 0)
    const isSeenTwice = items.length < total && this.#lesserItems !== undefined && haveSameIds(items, this.#lesserItems)
    if (unreadable || items.length === total || isSeenTwice) {
      this.#finish(items, !unreadable)
      return
    }
    this.#lesserItems = items.length < total ? items : undefined
    this.#tryAgain()
  }

  fail(error: Error): void {
    this.#result ??= { kind: 'failed', error }
  }

  #tryAgain(): void {
    if (this.#tries === TRIES) {
      this.#finish(this.#items(), false)
      return
    }
    this.#tries += 1
    this.#stamp = undefined
    this.#isTorn = false
    this.#total = undefined
    this.#pages.clear()
  }

  #finish(items: readonly RemoteItem[], complete: boolean): void {
    const stamp = this.#stamp ?? this.#newStamp()
    this.#result = { kind: 'listed', listed: { folder: this.folder, stamp, items, complete } }
  }

  /** In order of the pages; an id that came twice once. */
  #items(): readonly RemoteItem[] {
    const starts = [...this.#pages.keys()].sort((a, b) => a - b)
    const items = starts.flatMap((start) => this.#pages.get(start)?.items ?? [])
    return [...new Map(items.map((item) => [item.id, item])).values()]
  }
}

/** Both come in the order of ids. */
function haveSameIds(items: readonly RemoteItem[], others: readonly RemoteItem[]): boolean {
  return items.length === others.length && items.every(({ id }, index) => id === others[index]?.id)
}

/** Offsets of the pages of a folder with so many items; an empty folder has one. */
export function pageStarts(items: number): readonly number[] {
  return Array.from({ length: Math.max(Math.ceil(items / PAGE_ITEMS), 1) }, (_, index) => index * PAGE_ITEMS)
}
