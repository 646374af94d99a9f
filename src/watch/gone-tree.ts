/** What stands or falls on the portal with a folder, by our knowledge. Reads only. */
import type { Ino } from '../base/ids.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import { hasBase, type BasedItem } from './diff-listing.js'

/** A folder that is gone, or not wanted here, with everything that the portal had below it. */
export interface GoneTree {
  readonly folder: BasedItem
  /** Rows whose base stands below the folder, wherever they stand here; the folder too. */
  readonly rows: ReadonlyMap<Ino, BasedItem>
}

/** The folder and the rows whose base stands in it or below, parents first. */
export async function readGoneTree({ store, mirror }: { readonly store: Store; readonly mirror: Mirror }, folder: BasedItem): Promise<GoneTree> {
  const rows = new Map<Ino, BasedItem>([[folder.ino, folder]])
  const open = [folder]
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    for (const row of await mirror.baseChildrenIn(store.read, next.ino)) {
      if (!hasBase(row) || rows.has(row.ino)) continue
      rows.set(row.ino, row)
      if (row.kind === 'folder') open.push(row)
    }
  }
  return { folder, rows }
}
