/**
 * What stands behind an uploadUrl (E-36): the parameters of step one are frozen in the token, the name comes from the file
 * part, rights and name clash are checked after the whole body arrived, and nothing marks the token as used.
 */
import type { Caller } from './account.js'
import { createFile, exceedsQuota } from './changes.js'
import type { Desk } from './desk.js'
import type { IncomingContent } from './incoming.js'
import { uploadName } from './names.js'
import { idOf, textOf, type Parameters } from './parameters.js'
import { accessDenied, diskFailure, notFound } from './rest-failure.js'
import { grantRights, readRights } from './tasks.js'

export interface UploadRequest {
  readonly caller: Caller
  readonly parameters: Parameters
  readonly files: ReadonlyMap<string, IncomingContent>
}

/** The result, and what the log of requests says about it. */
export function answerUpload(request: UploadRequest, desk: Desk): { result: unknown; about: Parameters } {
  const { caller } = request
  const token = textOf(request.parameters.token)
  const frozen = desk.links.read('upload', caller, token)
  const file = request.files.get('file')
  if (file === undefined) throw diskFailure('DISK_BASE_SERVICE_22001', 'Required parameter: file')
  desk.countUp(file.content.sizeBytes)
  const folder = desk.tree.folder(idOf(frozen.id) ?? 0)
  if (folder === undefined) throw notFound(frozen.id)
  if (!desk.rights.allows(caller.userId, folder, 'add')) throw accessDenied()
  const refused = file.content.sizeBytes === 0 && desk.traits().emptyMultipartFile === 'refused'
  if (refused || exceedsQuota(desk, file.content.sizeBytes)) throw diskFailure('DISK_FOLDER_22002', 'Unable to save file.')
  const name = uploadName(file.fileName ?? '', desk.traits())
  const created = createFile(desk, { parent: folder, name, by: caller.userId, unique: frozen.generateUniqueName === '1' }, () => file.take())
  const row = grantRights(desk, created, readRights(frozen.rights === undefined ? undefined : JSON.parse(textOf(frozen.rights))))
  if (desk.traits().uploadTokens === 'once') desk.links.use(token)
  return { result: desk.presenter.object(row, caller, 'created'), about: { id: String(folder.id), name, sizeBytes: file.content.sizeBytes } }
}
