/** How answers at the control door name what is not sent: in words of the drive's paths, and no more of it than anybody reads. */
import type { UnsentItem } from '../control/commands.js'
import type { Item } from '../mirror/item.js'
import type { LocalPaths } from './local-paths.js'

/** Items named in one answer. */
export const MOST_NAMED = 1_000

export function nameUnsent(paths: LocalPaths, items: readonly Item[]): Promise<readonly UnsentItem[]> {
  return Promise.all(items.slice(0, MOST_NAMED).map(async (item) => ({ path: await paths.describe(item), bytes: unsentBytes(item) })))
}

/** At most: a rename sends none. */
export function unsentBytes({ kind, deleted, sizeBytes }: Item): number {
  return kind === 'file' && !deleted ? sizeBytes : 0
}
