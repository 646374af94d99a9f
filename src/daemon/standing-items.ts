/** From a path that a person has named to what stands there, also where nobody has looked yet: folders on the way are listed. */
import { DriveError } from '../base/errors.js'
import { ROOT_INO } from '../base/ids.js'
import type { Item } from '../mirror/item.js'
import type { DriveCore } from './drive-core.js'
import type { LocalPaths } from './local-paths.js'

/** Shown or not. 'not-found', and what kept a folder on the way from being listed ('offline', 'deadline' …). */
export async function standingItem({ core, paths }: { readonly core: DriveCore; readonly paths: LocalPaths }, path: string, signal: AbortSignal): Promise<Item> {
  const { mirror, store, watch } = core
  let item = await mirror.get(ROOT_INO)
  for (const name of paths.names(path)) {
    if (item?.kind === 'folder') await watch.ensureListed(item.ino, signal)
    if (item?.excluded === true) throw new DriveError('not-found', `${await paths.describe(item)} does not synchronize: what is in it is not known here`)
    item = item === undefined ? undefined : await mirror.childIn(store.read, item.ino, name)
  }
  if (item === undefined) throw new DriveError('not-found', `there is no ${path}`)
  return item
}
