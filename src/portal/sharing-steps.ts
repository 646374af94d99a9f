/**
 * Inviting, approving, withdrawing (E-61, E-62): the right is given with the invitation already; the link appears in the
 * recipient's root when he approves, or at once where the portal connects by itself.
 */
import { createFile, createFolder, uniqueNameIn } from './changes.js'
import type { Desk } from './desk.js'
import type { Level } from './levels.js'
import type { FolderRow, ObjectRow } from './rows.js'
import type { Sharing } from './sharings.js'
import { linkTarget } from './tree.js'

/** The invitation; a second one changes the level of the first. */
export function invite(desk: Desk, row: ObjectRow, sharing: { byUserId: number; toUserId: number; level: Level }): Sharing {
  const objectId = linkTarget(row) ?? row.id
  const earlier = desk.sharings.find(objectId, sharing.toUserId)
  desk.rights.grant({ objectId, userId: sharing.toUserId, level: sharing.level })
  return desk.sharings.put({ ...sharing, objectId, id: earlier?.id ?? desk.sharings.nextId(), status: earlier?.status ?? 'pending' })
}

/** The link, under a free name in the recipient's root. */
export function approve(desk: Desk, sharing: Sharing): ObjectRow {
  const target = desk.tree.get(sharing.objectId)
  if (target === undefined) throw new RangeError(`what was shared is gone: ${sharing.objectId}`)
  const link = makeLink(desk, target, sharing.toUserId)
  desk.sharings.put({ ...sharing, status: 'approved' })
  return link
}

/** The owner takes it back or the recipient declines: right and link go. */
export function withdraw(desk: Desk, objectId: number, toUserId: number): void {
  const sharing = desk.sharings.find(objectId, toUserId)
  if (sharing !== undefined) desk.sharings.put({ ...sharing, status: 'gone' })
  desk.rights.grant({ objectId, userId: toUserId, level: 'none' })
  const drive = driveOf(desk, toUserId)
  desk.tree.change(() => {
    for (const link of desk.tree.linksTo(objectId)) if (link.storageId === drive.storageId) desk.tree.purge(link.id)
  })
}

/** With what is trashed go the invitations to it and to what is in it (7.4). */
export function forgetSharingsInside(desk: Desk, row: ObjectRow): void {
  for (const sharing of desk.sharings.all()) {
    const target = desk.tree.get(sharing.objectId)
    if (sharing.status !== 'gone' && (target === undefined || desk.tree.isInside(target, row.id))) desk.sharings.put({ ...sharing, status: 'gone' })
  }
}

export function makeLink(desk: Desk, row: ObjectRow, userId: number): ObjectRow {
  const parent = driveOf(desk, userId)
  const name = uniqueNameIn(desk, parent.id, row.parentId === null ? (desk.tree.storage(row.storageId)?.name ?? row.name) : row.name)
  const target = linkTarget(row) ?? row.id
  const item = { parent, name, by: userId }
  return row.type === 'folder' ? createFolder(desk, item, target) : createFile(desk, item, () => row.versions[0].content, target)
}

/** The root folder of a person's drive. */
export function driveOf(desk: Desk, userId: number): FolderRow {
  const drive = desk.tree.seed.storages.find(({ entityType, entityId }) => entityType === 'user' && entityId === String(userId))
  const root = drive === undefined ? undefined : desk.tree.folder(drive.rootId)
  if (root === undefined) throw new RangeError(`user ${userId} has no drive`)
  return root
}
