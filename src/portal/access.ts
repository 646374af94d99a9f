/**
 * Finding the object a call names and checking the caller's right on it (bitrix24-rest.md 5.5): not found is 400, no right
 * is 403, and what may not be read is left out of lists.
 */
import type { Call, Desk } from './desk.js'
import { idOf } from './parameters.js'
import { accessDenied, notFound, type RestFailure } from './rest-failure.js'
import type { Level } from './levels.js'
import type { FileRow, FolderRow, ObjectRow, StorageRow } from './rows.js'
import { linkTarget } from './tree.js'

/** The object of a kind with the id in a parameter, with the right to do something with it. */
export function requireObject(call: Call, desk: Desk, options: { type: 'file'; level: Level; parameter?: string }): FileRow
export function requireObject(call: Call, desk: Desk, options: { type: 'folder'; level: Level; parameter?: string }): FolderRow
export function requireObject(call: Call, desk: Desk, options: { type: 'file' | 'folder'; level: Level; parameter?: string }): ObjectRow
export function requireObject(call: Call, desk: Desk, options: { type: 'file' | 'folder'; level: Level; parameter?: string }): ObjectRow {
  const value = call.parameters[options.parameter ?? 'id']
  const id = idOf(value)
  const row = id === undefined ? undefined : desk.tree.get(id)
  if (row?.type !== options.type) throw notFound(value)
  if (!mayUse(desk, call.caller.userId, row, options.level)) throw mayUse(desk, call.caller.userId, row, 'read') ? accessDenied() : missingRight(desk, value)
  return row
}

/** Who may not even read an object is told so (O-37), or by trait that there is none. */
export function missingRight(desk: Desk, id: unknown): RestFailure {
  return desk.traits().missingRight === 'denied' ? accessDenied() : notFound(id)
}

/** A level on the object, and at least reading on what it links to. */
export function mayUse(desk: Desk, userId: number, row: ObjectRow, level: Level): boolean {
  if (!desk.rights.allows(userId, row, level)) return false
  const target = linkTarget(row)
  if (target === undefined) return true
  const real = desk.tree.get(target)
  return real !== undefined && desk.rights.allows(userId, real, 'read')
}

/** Where the children of a folder are: a link's are its target's (E-60). */
export function realFolder(desk: Desk, folder: FolderRow): FolderRow {
  return desk.tree.folder(folder.realId) ?? folder
}

/** Where the content of a file is: a link's is its target's (E-64). */
export function realFile(desk: Desk, file: FileRow): FileRow {
  return file.linkTo === null ? file : (desk.tree.file(file.linkTo) ?? file)
}

/** The folder that something is to be added to, through a link when it is one. */
export function requireTarget(call: Call, desk: Desk, parameter: string): FolderRow {
  const folder = realFolder(desk, requireObject(call, desk, { type: 'folder', level: 'read', parameter }))
  if (!desk.rights.allows(call.caller.userId, folder, 'add')) throw accessDenied()
  return folder
}

export function requireStorage(call: Call, desk: Desk): { storage: StorageRow; root: FolderRow } {
  const value = call.parameters.id
  const id = idOf(value)
  const storage = id === undefined ? undefined : desk.tree.storage(id)
  const root = storage === undefined ? undefined : desk.tree.folder(storage.rootId)
  if (storage === undefined || root === undefined) throw notFound(value)
  return { storage, root }
}

/** The live children of a folder that the caller may see; none when he may see nothing (E-20). */
export function* visibleChildren(call: Call, desk: Desk, folder: FolderRow): Generator<ObjectRow> {
  for (const row of desk.tree.liveChildren(realFolder(desk, folder))) {
    if (mayUse(desk, call.caller.userId, row, 'read')) yield row
  }
}
