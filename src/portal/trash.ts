/**
 * Trashing, restoring and destroying (E-43, bitrix24-rest.md 7.4). A trashed folder is one changed row: that its contents
 * are gone with it follows from their ancestors. A link is disconnected and never trashed (E-60), and links to what is
 * trashed vanish with the sharing.
 */
import { touch, uniqueNameIn } from './changes.js'
import type { Desk } from './desk.js'
import { RestFailure } from './rest-failure.js'
import type { FolderRow, ObjectRow } from './rows.js'
import { baseRow } from './seeds/listed-seed.js'
import { driveOf, forgetSharingsInside } from './sharing-steps.js'
import { linkTarget } from './tree.js'

/** The row as it is now; for a link as it was, with the mark of the trash. */
export function trashRow<T extends ObjectRow>(desk: Desk, row: T, by: number): T {
  refuseRoot(desk, row)
  if (desk.tree.deletedType(row) === 3) return row
  const now = desk.time.nowSec()
  const trashed: T = { ...row, deletedType: 3, code: null, deleteSec: now, deletedBy: by, syncSec: now }
  return desk.tree.change(() => {
    if (linkTarget(row) !== undefined) {
      desk.tree.purge(row.id)
      return trashed
    }
    disconnectLinksInto(desk, row)
    forgetSharingsInside(desk, row)
    return desk.tree.put(trashed)
  })
}

/**
 * Who trashes something of another drive finds a link to it in the trash of his own (7.4). A row of its own that is never
 * listed; restoring it restores the object.
 */
export function leaveTrashedLink(desk: Desk, row: ObjectRow, userId: number): void {
  if (linkTarget(row) !== undefined || desk.tree.storage(row.storageId)?.entityId === String(userId)) return
  if (!desk.tree.seed.storages.some(({ entityType, entityId }) => entityType === 'user' && entityId === String(userId))) return
  const root = driveOf(desk, userId)
  desk.tree.change(() => {
    const base = baseRow({ id: desk.tree.nextId(), storageId: root.storageId, parentId: root.id, name: row.name, code: null, seconds: desk.time.nowSec(), by: userId })
    const trashed = { ...base, deletedType: 3, deleteSec: desk.time.nowSec(), deletedBy: userId } as const
    if (row.type === 'folder') desk.tree.put({ ...trashed, type: 'folder', realId: row.id })
    else desk.tree.put({ ...row, ...trashed, linkTo: row.id, lockedBy: null })
  })
}

/** Back under its name or one like it; a child brings its ancestors back, but not its siblings. */
export function restoreRow<T extends ObjectRow>(desk: Desk, row: T): T {
  if (desk.tree.deletedType(row) === 0) return row
  const target = desk.tree.get(linkTarget(row) ?? 0)
  return desk.tree.change(() => {
    if (target !== undefined) {
      restoreRow(desk, target)
      return { ...row, deletedType: 0 }
    }
    for (const link of desk.tree.linksTo(row.id)) if (link.deletedType === 3) desk.tree.purge(link.id)
    reviveAncestors(desk, row)
    if (desk.traits().restoreSetsParentTime && row.parentId !== null) touch(desk, row.parentId)
    const restored = revive(desk, row)
    if (restored.type === 'folder') reviveDescendants(desk, restored)
    return restored
  })
}

/** For good, with everything below and all versions; `before` is asked for each object and may end it half way by throwing. */
export function destroyRow(desk: Desk, row: ObjectRow, before: () => void = () => undefined): void {
  refuseRoot(desk, row)
  const doomed = linkTarget(row) === undefined ? [...withDescendants(desk, row)] : [row]
  desk.tree.change(() => {
    if (linkTarget(row) === undefined) disconnectLinksInto(desk, row)
    for (const each of doomed.reverse()) {
      before()
      desk.tree.purge(each.id)
      // A file link has its target's content, not its own.
      if (each.type === 'file' && each.linkTo === null) for (const { content } of each.versions) desk.contents.remove(content)
    }
  })
}

/** Where the portal answers with an empty code (E-45). */
function refuseRoot(desk: Desk, row: ObjectRow): void {
  if (row.parentId === null) throw new RestFailure(400, desk.traits().rootFailureCode, 'Could not delete root folder.')
}

function disconnectLinksInto(desk: Desk, row: ObjectRow): void {
  for (const targetId of desk.tree.linkTargets()) {
    const target = desk.tree.get(targetId)
    if (target === undefined || !desk.tree.isInside(target, row.id)) continue
    for (const link of desk.tree.linksTo(targetId)) desk.tree.purge(link.id)
  }
}

function revive<T extends ObjectRow>(desk: Desk, row: T): T {
  const now = desk.time.nowSec()
  const name = row.parentId === null ? row.name : uniqueNameIn(desk, row.parentId, row.name, row.id)
  return desk.tree.put({ ...row, name, deletedType: 0, updateSec: now, syncSec: now })
}

/** Each trashed folder on the way up lives again alone: what else was in it stays trashed with an ancestor. */
function reviveAncestors(desk: Desk, row: ObjectRow): void {
  const path = [...desk.tree.ancestors(row)]
  const topmost = path.findLastIndex((ancestor) => ancestor.deletedType !== 0)
  let spared = row.id
  for (const ancestor of path.slice(0, topmost + 1)) {
    for (const id of desk.tree.childIds(ancestor.id)) {
      const sibling = desk.tree.get(id)
      if (sibling !== undefined && id !== spared && sibling.deletedType === 0) desk.tree.put({ ...sibling, deletedType: 4 })
    }
    spared = ancestor.id
  }
  for (const ancestor of path.slice(0, topmost + 1)) if (ancestor.deletedType !== 0) revive(desk, ancestor)
}

/** What was trashed with the folder comes back with it; what was trashed by itself before does not. */
function reviveDescendants(desk: Desk, folder: FolderRow): void {
  const marked = [...desk.tree.changedRows()].filter((row) => row.deletedType === 4 && desk.tree.isInside(row, folder.id))
  for (const row of marked) {
    desk.tree.put({ ...row, deletedType: 0, name: row.parentId === null ? row.name : uniqueNameIn(desk, row.parentId, row.name, row.id) })
  }
}

function* withDescendants(desk: Desk, row: ObjectRow): Generator<ObjectRow> {
  yield row
  if (row.type !== 'folder' || linkTarget(row) !== undefined) return
  for (const id of desk.tree.childIds(row.id)) {
    const child = desk.tree.get(id)
    if (child !== undefined) yield* withDescendants(desk, child)
  }
}
