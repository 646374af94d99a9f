/**
 * A refusal as the portal sends it: HTTP status, `error`, `error_description` (bitrix24-rest.md 2.3). `code` may be an
 * empty string or zero, as on the real one. These are words of the protocol, not failures of this program, so they are
 * no DriveErrors.
 */

export class RestFailure extends Error {
  override readonly name = 'RestFailure'
  readonly status: number
  readonly code: string | number

  constructor(status: number, code: string | number, description: string) {
    super(description)
    this.status = status
    this.code = code
  }

  body(): { readonly error: string | number; readonly error_description: string } {
    return { error: this.code, error_description: this.message }
  }
}

/** Missing objects answer 400, not 404 (2.3). */
export const notFound = (id: unknown): RestFailure =>
  new RestFailure(400, 'ERROR_NOT_FOUND', `Could not find entity with id \`${typeof id === 'string' || typeof id === 'number' ? id : ''}\``)

export const accessDenied = (text = 'Access denied!'): RestFailure => new RestFailure(403, 'ACCESS_DENIED', text)

/** Disk's own errors: default status 400, the text carries the code (2.3). */
export const diskFailure = (code: string, text: string): RestFailure => new RestFailure(400, code, `${text} (${code}). `)

export const nameTaken = (type: 'file' | 'folder'): RestFailure =>
  diskFailure('DISK_OBJ_22000', `${type === 'file' ? 'File' : 'Folder'} with this name already exists`)

export const methodNotFound = (): RestFailure => new RestFailure(404, 'ERROR_METHOD_NOT_FOUND', 'Method not found!')
