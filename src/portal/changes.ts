/**
 * What happens to rows when something is created, changed, renamed, moved or copied, with the timestamps of the table in
 * bitrix24-rest.md 11.2 (E-48, E-49): only the folder directly above learns of it, and not of what leaves. No rights here:
 * REST methods check them, acts of the web bypass them. Every function is one change of the tree.
 */
import type { Content } from './content.js'
import type { Desk } from './desk.js'
import { isValidName, uniqueName } from './names.js'
import { diskFailure, nameTaken, RestFailure } from './rest-failure.js'
import type { FileRow, FolderRow, ObjectRow, VersionRow } from './rows.js'
import { baseRow } from './seeds/listed-seed.js'
import { linkTarget } from './tree.js'

const NAME_LOCK_SECONDS = 3 // 5.2: how long a request waits for the name
const JOIN_SECONDS = 300 // 6.3: versions of one user closer than this become one

export interface NewItem {
  readonly parent: FolderRow
  readonly name: string
  readonly by: number
  /** Give a free name instead of refusing a taken one (E-33). */
  readonly unique?: boolean
}

export function createFolder(desk: Desk, item: NewItem, realId?: number): FolderRow {
  const name = freeName(desk, item, 'folder')
  return desk.tree.change(() => {
    const base = newBase(desk, item, name)
    touch(desk, item.parent.id)
    return desk.tree.put({ ...base, type: 'folder', realId: realId ?? base.id })
  })
}

/** `takeContent` is called when nothing can be refused any more: from then on the row owns the content. */
export function createFile(desk: Desk, item: NewItem, takeContent: () => Content, linkTo: number | null = null): FileRow {
  const name = freeName(desk, item, 'file')
  return desk.tree.change(() => {
    const base = newBase(desk, item, name)
    touch(desk, item.parent.id)
    const fileId = desk.tree.nextFileId()
    const version: VersionRow = { id: desk.tree.nextVersionId(), name, content: takeContent(), fileId, globalVersion: 1, createSec: base.createSec, createdBy: item.by }
    return desk.tree.put({ ...base, type: 'file', linkTo, fileId, globalVersion: 1, versions: [version], lockedBy: null })
  })
}

/** A new head (E-38); within 300 s of the same user it takes the place of the last one (E-39). */
export function addVersion(desk: Desk, file: FileRow, content: Content, by: number): FileRow {
  const now = desk.time.nowSec()
  const [head, ...older] = file.versions
  const traits = desk.traits()
  const kept = traits.keptVersions === 'three' ? 3 : Infinity
  const joins = !traits.fileHistory || (traits.versionsAreJoined && file.updatedBy === by && now - file.updateSec < JOIN_SECONDS)
  const changed = desk.tree.change(() => {
    const fileId = desk.tree.nextFileId()
    const globalVersion = file.globalVersion + 1
    const version: VersionRow = { id: joins ? head.id : desk.tree.nextVersionId(), name: file.name, content, fileId, globalVersion, createSec: now, createdBy: by }
    if (file.parentId !== null) touch(desk, file.parentId)
    const versions: FileRow['versions'] = [version, ...(joins ? older : [head, ...older]).slice(0, kept - 1)]
    return desk.tree.put({ ...file, fileId, globalVersion, versions, updateSec: now, syncSec: now, updatedBy: by })
  })
  // What fell out of the list: the joined one, and what the plan does not keep (E-40).
  for (const { content: old } of file.versions) if (!changed.versions.some((each) => each.content === old)) desk.contents.remove(old)
  return changed
}

/** Same name: nothing changes; only the case: allowed (E-32). */
export function renameRow<T extends ObjectRow>(desk: Desk, row: T, name: string, by: number): T {
  if (name === row.name) return row
  if (!isValidName(name, desk.traits())) throw diskFailure('DISK_MO_28001', 'The name contains invalid characters or is too long')
  const rival = row.parentId === null ? undefined : desk.tree.named(row.parentId, name)
  if (rival !== undefined && rival.id !== row.id) throw nameTaken(rival.type)
  const now = desk.time.nowSec()
  const own = desk.traits().renameSetsUpdateTime ? { updateSec: now, updatedBy: by } : {}
  return desk.tree.change(() => {
    if (row.parentId !== null) touch(desk, row.parentId)
    return desk.tree.put({ ...row, ...own, name, syncSec: now })
  })
}

/** Within one storage: keeps id and versions. Own UPDATE_TIME stays, the target folder's changes, the source's does not. */
export function moveRow<T extends ObjectRow>(desk: Desk, row: T, target: FolderRow): T {
  if (row.parentId === target.id) return row
  if (row.type === 'folder' && desk.tree.isInside(target, row.id)) throw new RestFailure(400, 'ERROR_CORE', 'Could not move the folder into itself.')
  const rival = desk.tree.named(target.id, row.name)
  if (rival !== undefined) throw nameTaken(rival.type)
  return desk.tree.change(() => {
    touch(desk, target.id)
    return desk.tree.put({ ...row, parentId: target.id, storageId: target.storageId, syncSec: desk.time.nowSec() })
  })
}

export interface Copying {
  readonly by: number
  /** Asked for each object below a folder before it is copied; false leaves it out without a word. */
  readonly takes?: (row: ObjectRow) => boolean
}

/** Newest contents only, new ids, counters at 1; links inside a copied folder are left out without a word (E-41). */
export function copyRow(desk: Desk, row: ObjectRow, target: FolderRow, copying: Copying): ObjectRow {
  if (linkTarget(row) !== undefined) throw diskFailure(row.type === 'folder' ? 'DISK_FOLDER_LINK_22002' : 'DISK_FILE_LINK_22002', 'Could not copy a link')
  return desk.tree.change(() => copyBelow(desk, row, target, copying))
}

function copyBelow(desk: Desk, row: ObjectRow, target: FolderRow, copying: Copying): ObjectRow {
  const item: NewItem = { parent: target, name: row.name, by: copying.by }
  if (row.type === 'file') return createFile(desk, item, () => desk.contents.duplicate(row.versions[0].content))
  // What is there before the copy begins: a folder may be copied into itself.
  const children = [...desk.tree.liveChildren(row)].filter((child) => linkTarget(child) === undefined)
  const copy = createFolder(desk, item)
  for (const child of children) if (copying.takes?.(child) !== false) copyBelow(desk, child, copy, copying)
  return copy
}

/** Bytes of everything that was uploaded to this portal, old versions and trash too. */
export function usedBytes(desk: Desk): number {
  let sum = 0
  for (const row of desk.tree.changedRows()) if (row.type === 'file' && row.linkTo === null) for (const { content } of row.versions) sum += content.kind === 'stored' ? content.sizeBytes : 0
  return sum
}

export function exceedsQuota(desk: Desk, moreBytes: number): boolean {
  const quota = desk.quotaBytes()
  return quota !== undefined && usedBytes(desk) + moreBytes > quota
}

/** A folder learns that a child came or changed. */
export function touch(desk: Desk, folderId: number): void {
  const folder = desk.tree.folder(folderId)
  const now = desk.time.nowSec()
  if (folder !== undefined) desk.tree.put({ ...folder, updateSec: now, syncSec: now })
}

/** A name that is free in a folder, for restored objects and links; `ownId` is no rival of itself. */
export function uniqueNameIn(desk: Desk, folderId: number, name: string, ownId?: number): string {
  return uniqueName(name, {
    // Names in the trash have a suffix in the database, and so no number that counts.
    siblingsNewestFirst: () =>
      desk.tree.childIds(folderId).toReversed().flatMap((id) => {
        const row = desk.tree.get(id)
        return row?.deletedType === 0 ? [row.name] : []
      }),
    isTaken: (candidate) => {
      const rival = desk.tree.named(folderId, candidate)
      return rival !== undefined && rival.id !== ownId
    },
    nowSec: desk.time.nowSec(),
  })
}

function freeName(desk: Desk, item: NewItem, type: 'file' | 'folder'): string {
  if (!isValidName(item.name, desk.traits())) throw diskFailure('DISK_MO_28000', 'The name contains invalid characters or is too long')
  if (item.unique === true) return uniqueNameIn(desk, item.parent.id, item.name)
  const rival = desk.tree.named(item.parent.id, item.name)
  if (rival !== undefined && type === 'folder' && desk.time.nowSec() - rival.createSec <= NAME_LOCK_SECONDS && desk.traits().lostNameRace === 'DISK_ONS_22001') {
    throw diskFailure('DISK_ONS_22001', 'Could not lock the name')
  }
  if (rival !== undefined) throw nameTaken(type === 'folder' ? type : rival.type)
  return item.name
}

/** A fresh row has no DELETED_BY at all (E-25); the presenter shows null only in the answer that made it. */
function newBase(desk: Desk, item: NewItem, name: string): ReturnType<typeof baseRow> {
  const { parent, by } = item
  return baseRow({ id: desk.tree.nextId(), storageId: parent.storageId, parentId: parent.id, name, code: null, seconds: desk.time.nowSec(), by })
}
