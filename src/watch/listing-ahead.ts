/**
 * Which folders to list along with the one somebody waits for (DESIGN.md 6a.10): its unlisted siblings in readdir order,
 * the ones after it first, because a walk goes on there; then unlisted folders of its ancestors, from near to far; then
 * any others in the order of their parents. All of it fits the same HTTP request.
 */
import { ROOT_INO, asIno, type Ino } from '../base/ids.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'

/** Up to `count` folders never listed, without `folder` and those that `skip` names. */
export async function foldersAhead(mirror: Mirror, folder: Item, count: number, skip: (ino: Ino) => boolean): Promise<readonly Item[]> {
  const found = new Map<Ino, Item>()
  const room = (): number => count - found.size
  const take = (items: readonly Item[]): void => {
    for (const item of items) {
      if (room() > 0 && item.ino !== folder.ino && !skip(item.ino)) found.set(item.ino, item)
    }
  }
  const limit = count * 2 + 1 // some of them are skipped or found already
  let parent = folder.parent
  if (parent !== null && room() > 0) {
    const siblings = await mirror.unlistedFolders(parent, limit)
    take(siblings.filter(({ ino }) => ino > folder.ino))
    take(siblings)
  }
  while (parent !== null && parent !== ROOT_INO && room() > 0) {
    const above: Item | undefined = await mirror.get(parent)
    parent = above?.parent ?? null
    if (parent !== null) take(await mirror.unlistedFolders(parent, limit))
  }
  if (room() > 0) take(await mirror.unlistedAfter(folder.parent ?? folder.ino, limit))
  if (room() > 0) take(await mirror.unlistedAfter(asIno(0), limit))
  return [...found.values()]
}
