/**
 * Deletions as the portal will see them: a deleted folder with everything below it is one, a link is one item whatever it
 * leads to. What was put into the trash of a file manager is deleted in the same sense. Pure.
 */
import type { BrakeMark } from '../brake/brake-rows.js'
import type { Deletion } from '../brake/brake-plan.js'
import type { Ino } from '../base/ids.js'
import { isLink, type Item } from '../mirror/item.js'
import type { KnownItem } from './sending.js'

export interface DeletionGroup extends Deletion {
  readonly item: KnownItem
  /** The rows of it that are deleted here, or in the trash, and that nobody has allowed, the topmost too. */
  readonly members: readonly Ino[]
}

export interface Surroundings {
  /** Of the folders above the deleted items, by the portal's knowledge of them, those that are not deleted themselves. */
  readonly above: ReadonlyMap<Ino, Item>
  /** How many items that are not deleted by themselves stand below a deleted folder. */
  readonly standingBelow: ReadonlyMap<Ino, number>
  readonly marks: ReadonlyMap<Ino, BrakeMark>
  /** What was deleted below a link after this moment may still be followed by the link itself, and does not count yet. */
  readonly linkQuietSinceMs: number
}

export interface Grouped {
  readonly groups: readonly DeletionGroup[]
  /** Deleted below a link a moment ago: nothing is decided about them yet. */
  readonly undecided: readonly KnownItem[]
}

/** `gone`: tombstones, and what is in the trash here and live on the portal. */
export function groupDeletions(gone: readonly KnownItem[], surroundings: Surroundings): Grouped {
  const { marks, standingBelow } = surroundings
  const deleted = new Map(gone.map((item) => [item.ino, item]))
  const groups = new Map<Ino, { readonly top: KnownItem; readonly members: Ino[]; items: number }>()
  const undecided: KnownItem[] = []
  for (const item of gone) {
    const top = topOf(item, deleted, surroundings)
    if (top === 'undecided') undecided.push(item)
    if (top === 'undecided' || top === 'with-link' || marks.get(item.ino)?.state === 'allowed') continue
    const group = groups.get(top.ino) ?? { top, members: [], items: 0 }
    group.members.push(item.ino)
    group.items += 1 + (standingBelow.get(item.ino) ?? 0)
    groups.set(top.ino, group)
  }
  return {
    groups: [...groups.values()].map(({ top, members, items }) => ({
      ino: top.ino,
      item: top,
      storageId: top.base.storageId,
      atMs: top.placeChangedMs ?? 0,
      items,
      isHeld: members.some((ino) => marks.get(ino)?.state === 'held'),
      members,
    })),
    undecided,
  }
}

/**
 * The topmost deleted folder that has it. `with-link`: it goes with a link. What is in the trash never does: it stays there
 * when the link goes, and is sent by itself without waiting for what becomes of the link.
 */
function topOf(item: KnownItem, deleted: ReadonlyMap<Ino, KnownItem>, { above, linkQuietSinceMs }: Surroundings): KnownItem | 'with-link' | 'undecided' {
  let top = item
  let hasLeft = false
  for (let at = item.base.parent; at !== null; ) {
    const gone = deleted.get(at)
    if (gone !== undefined) {
      if (!hasLeft && isLink(gone)) return item.deleted ? 'with-link' : top
      if (!hasLeft) top = gone
      at = gone.base.parent
      continue
    }
    hasLeft = true
    const folder = above.get(at)
    if (folder === undefined) break
    if (isLink(folder) && item.deleted && top.deleted && (top.placeChangedMs ?? 0) > linkQuietSinceMs) return 'undecided'
    at = folder.base?.parent ?? null
  }
  return top
}
