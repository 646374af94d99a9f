/**
 * Finds the row of the folder that an item was moved into. A folder that nobody has listed yet has no row: then its
 * ancestors are asked for, upwards, until one is known, and the rows between are made, so that the item keeps its inode
 * and its cached bytes (C10) instead of being forgotten and met again.
 */
import { ROOT_INO, type Ino, type RemoteId } from '../base/ids.js'
import type { CallOptions, Drive, RemoteFolder } from '../drive/drive.js'
import type { Mirror } from '../mirror/mirror.js'
import { readUnselected } from '../mirror/selection-rows.js'
import type { Store } from '../store/store.js'
import { exclusionOf } from './exclusion.js'
import type { Stamp } from './folder-listing.js'
import type { ListingApplier } from './listing-applier.js'
import type { RowChanges } from './row-changes.js'

export interface WhereaboutsOptions {
  readonly drive: Pick<Drive, 'itemStates'>
  readonly store: Store
  readonly mirror: Mirror
  readonly changes: RowChanges
  readonly applier: ListingApplier
}

/** `outside`: alive, but not in what is synchronized (C27). `unknown`: no word. */
export type Whereabouts = { readonly kind: 'in'; readonly folder: Ino } | { readonly kind: 'outside' } | { readonly kind: 'unknown' }

const DEEPEST = 64 // a chain of parents that long goes in circles

const OUTSIDE: Whereabouts = { kind: 'outside' }
const UNKNOWN: Whereabouts = { kind: 'unknown' }

export class WhereaboutsFinder {
  readonly #o: WhereaboutsOptions

  constructor(options: WhereaboutsOptions) {
    this.#o = options
  }

  /** For each remote folder id where its row is; one request for each level of unknown ancestors. */
  async find(folderIds: Iterable<RemoteId>, call: CallOptions): Promise<ReadonlyMap<RemoteId, Whereabouts>> {
    const chains = [...new Set(folderIds)].map((id) => ({ id, at: id, unknown: [] as RemoteFolder[], found: undefined as Whereabouts | undefined }))
    const stamp = this.#o.changes.newStamp()
    const ownStorage = (await this.#o.mirror.get(ROOT_INO))?.base?.storageId
    const unselected = await readUnselected(this.#o.store.read)
    for (let depth = 0; depth < DEEPEST; depth += 1) {
      for (const chain of chains) chain.found ??= await this.#known(chain.at)
      const open = chains.filter(({ found }) => found === undefined)
      if (open.length === 0) break
      const states = await this.#o.drive.itemStates(open.map(({ at }) => ({ id: at, kind: 'folder' as const })), call)
      for (const [index, chain] of open.entries()) {
        const state = states[index]
        if (state === undefined || state.state === 'unknown' || state.state === 'trashed') chain.found = UNKNOWN
        else if (state.state !== 'live' || state.item.kind !== 'folder' || state.item.parentId === null || exclusionOf(state.item, unselected, ownStorage) !== undefined) chain.found = OUTSIDE
        else {
          chain.unknown.unshift(state.item)
          chain.at = state.item.parentId
        }
      }
    }
    const found = new Map<RemoteId, Whereabouts>()
    for (const chain of chains) found.set(chain.id, await this.#reach(chain.found ?? UNKNOWN, chain.unknown, stamp))
    return found
  }

  /** Rows for the folders from a known one downwards. */
  async #reach(top: Whereabouts, path: readonly RemoteFolder[], stamp: Stamp): Promise<Whereabouts> {
    let at = top
    for (const folder of path) {
      if (at.kind !== 'in') return at
      await this.#o.applier.apply(at.folder, [folder], { stamp, listed: false })
      at = (await this.#known(folder.realId)) ?? UNKNOWN // its name may be taken here
    }
    return at
  }

  /** Undefined: no row has this folder. */
  async #known(realId: RemoteId): Promise<Whereabouts | undefined> {
    const rows = await this.#o.mirror.foldersOfRealId(realId)
    const shown = rows.find(({ excluded, deleted }) => !excluded && !deleted)
    if (shown !== undefined) return { kind: 'in', folder: shown.ino }
    if (rows.length === 0) return undefined
    return rows.some(({ deleted }) => deleted) ? UNKNOWN : OUTSIDE // one that is to be trashed decides itself by what is in it
  }
}
