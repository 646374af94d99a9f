/**
 * Methods that make objects and versions (bitrix24-rest.md section 6): folders, files by base64 or by the two steps, new
 * versions by base64 only.
 */
import { realFile, requireObject, requireStorage, requireTarget } from '../access.js'
import { addVersion, createFile, createFolder, exceedsQuota } from '../changes.js'
import type { Call, Desk, Method, MethodAnswer, MethodTable } from '../desk.js'
import { uploadName } from '../names.js'
import { truthOf } from '../parameters.js'
import { accessDenied, diskFailure, RestFailure } from '../rest-failure.js'
import type { FileRow, FolderRow } from '../rows.js'
import { grantRights, readRights } from '../tasks.js'
import { isNoNumber } from './storages.js'
import { nameFromData, withBase64Content } from './upload-content.js'

const addSubFolder: Method = {
  scope: 'disk',
  parameters: ['id*', 'data*', 'rights'],
  run: (call, desk) => addFolder(call, desk, requireTarget(call, desk, 'id')),
}

const addFolderToStorage: Method = {
  scope: 'disk',
  parameters: ['id*', 'data*', 'rights'],
  run: (call, desk) => (isNoNumber(call, desk) ? { result: null } : addFolder(call, desk, storageRoot(call, desk))),
}

const uploadToFolder: Method = {
  scope: 'disk',
  parameters: ['id*', 'fileContent', 'data', 'rights', 'generateUniqueName'],
  run(call, desk) {
    const folder = requireTarget(call, desk, 'id')
    const rights = readRights(call.parameters.rights)
    if (call.parameters.fileContent !== undefined && call.parameters.fileContent !== null) return uploadBase64(call, desk, folder)
    const frozen = { id: String(folder.id), generateUniqueName: wantsUnique(call, desk) ? '1' : '0', ...(rights.length === 0 ? {} : { rights: JSON.stringify(call.parameters.rights) }) }
    return { result: { field: 'file', uploadUrl: desk.address() + desk.links.make('upload', call.caller, frozen) } }
  },
}

/** Base64 only (E-37). */
const uploadToStorage: Method = {
  scope: 'disk',
  parameters: ['id*', 'fileContent*', 'data*', 'rights', 'generateUniqueName'],
  run(call, desk) {
    const root = storageRoot(call, desk)
    return uploadBase64(call, desk, root)
  },
}

const uploadVersion: Method = {
  scope: 'disk',
  parameters: ['id*', 'fileContent*'],
  async run(call, desk) {
    const row = requireObject(call, desk, { type: 'file', level: 'edit' })
    const changed = await withBase64Content(call.parameters.fileContent, desk, (incoming) => {
      const file = editableFile(call, desk, row)
      if (exceedsQuota(desk, incoming.content.sizeBytes)) throw diskFailure('DISK_FILE_22002', 'Could not save the file')
      return addVersion(desk, file, incoming.take(), call.caller.userId)
    })
    return { result: desk.presenter.object(row.linkTo === null ? changed : row, call.caller, 'content') }
  },
}

const restoreFromVersion: Method = {
  scope: 'disk',
  parameters: ['id*', 'versionId*'],
  needsHistory: true,
  run(call, desk) {
    const row = requireObject(call, desk, { type: 'file', level: 'edit' })
    const file = editableFile(call, desk, row)
    const version = file.versions.find(({ id }) => String(id) === String(call.parameters.versionId))
    if (version === undefined) throw diskFailure('DISK_FILE_22004', 'The version belongs to another file')
    const changed = addVersion(desk, file, desk.contents.duplicate(version.content), call.caller.userId)
    return { result: desk.presenter.object(row.linkTo === null ? changed : row, call.caller, 'content') }
  },
}

/** The newest row of the file that really holds the content, when it may be written to. */
function editableFile(call: Call, desk: Desk, row: FileRow): FileRow {
  const file = realFile(desk, desk.tree.file(row.id) ?? row)
  if (!desk.rights.allows(call.caller.userId, file, 'edit')) throw accessDenied()
  if (file.lockedBy !== null && file.lockedBy !== call.caller.userId) throw diskFailure('DISK_FILE_22007', 'The file is locked by another user')
  return file
}

function addFolder(call: Call, desk: Desk, parent: FolderRow): MethodAnswer {
  const rights = readRights(call.parameters.rights)
  const folder = grantRights(desk, createFolder(desk, { parent, name: nameFromData(call.parameters.data), by: call.caller.userId }), rights)
  return { result: desk.presenter.object(folder, call.caller, 'created') }
}

async function uploadBase64(call: Call, desk: Desk, parent: FolderRow): Promise<MethodAnswer> {
  const rights = readRights(call.parameters.rights)
  const name = nameFromData(call.parameters.data, (given) => uploadName(given, desk.traits()))
  const file = await withBase64Content(call.parameters.fileContent, desk, (incoming) => {
    if (exceedsQuota(desk, incoming.content.sizeBytes)) throw new RestFailure(400, desk.traits().emptyContentCode, 'Could not save file.')
    return grantRights(desk, createFile(desk, { parent, name, by: call.caller.userId, unique: wantsUnique(call, desk) }, () => incoming.take()), rights)
  })
  return { result: desk.presenter.object(file, call.caller, 'created') }
}

function wantsUnique(call: Call, desk: Desk): boolean {
  return truthOf(call.parameters.generateUniqueName, desk.traits().falseTextIsTrue)
}

function storageRoot(call: Call, desk: Desk): FolderRow {
  const { root } = requireStorage(call, desk)
  if (!desk.rights.allows(call.caller.userId, root, 'add')) throw accessDenied()
  return root
}

export const CREATING: MethodTable = {
  'disk.storage.addFolder': addFolderToStorage,
  'disk.storage.uploadFile': uploadToStorage,
  'disk.folder.addSubFolder': addSubFolder,
  'disk.folder.uploadFile': uploadToFolder,
  'disk.file.uploadVersion': uploadVersion,
  'disk.file.restoreFromVersion': restoreFromVersion,
}
