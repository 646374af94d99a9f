/**
 * What the disk module's error codes mean to the layers above (bitrix24-rest.md 12, 2.3), in one total table: a code
 * that stands nowhere stays `portal-error`. An empty code ("" or 0) says something else in each operation.
 */
import { DriveError, hasCode, type ErrorCode } from '../base/errors.js'

/** What was tried; total, so that a new operation must say what its empty errors mean. */
export type DiskOperation = 'look' | 'upload' | 'version' | 'create-folder' | 'rename' | 'move' | 'trash' | 'restore'

const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  disk_obj_22000: 'exists',
  disk_ons_22001: 'exists', // lost race for the name lock: somebody makes this name right now
  disk_obj_22001: 'portal-error', // restore under a link of the wrong type: internal
  disk_mo_28000: 'bad-name',
  disk_mo_28001: 'bad-name',
  disk_base_service_22001: 'file-too-large', // the portal lost the form's file: above its post_max_size (O-23)
  disk_folder_22002: 'quota', // "unable to save": all that a full portal says (section 10)
  disk_file_22002: 'quota',
  disk_file_22003: 'portal-error',
  disk_file_22004: 'bad-argument',
  disk_file_22005: 'portal-error',
  disk_file_22006: 'quota',
  disk_file_22007: 'locked',
  disk_folder_link_22002: 'unsupported',
  disk_file_link_22002: 'unsupported',
}

/** `""`, `0` and `"0"` (O-10): "could not save file", "empty name", the protections of a storage's root. */
const EMPTY: Readonly<Record<DiskOperation, ErrorCode>> = {
  look: 'portal-error',
  upload: 'quota',
  version: 'quota',
  'create-folder': 'bad-name',
  rename: 'bad-name',
  move: 'not-permitted',
  trash: 'not-permitted',
  restore: 'not-permitted',
}

/** The same failure with the code that the operation gives it; anything that is not the disk module's passes unchanged. */
export function diskFailure(error: unknown, operation: DiskOperation): unknown {
  if (!hasCode(error, 'portal-error')) return error
  const { portalCode } = error.fields
  if (typeof portalCode !== 'string') return error
  const said = portalCode === '' || portalCode === '0' ? EMPTY[operation] : (BY_CODE[portalCode.toLowerCase()] ?? 'portal-error')
  // Nothing clashes in the trash: the docs' code for a storage's root (2.3).
  const code = operation === 'trash' && said === 'exists' ? 'not-permitted' : said
  return code === 'portal-error' ? error : new DriveError(code, WORDS[code] ?? `the portal refused: ${operation}`, { fields: error.fields })
}

/** `result: false` with status 200 is a failure too (O-11). */
export function falseResult(operation: DiskOperation): DriveError {
  if (operation === 'move') return new DriveError('cross-storage', 'the portal does not move between storages')
  return new DriveError('portal-error', `the portal did not carry out: ${operation}`)
}

const WORDS: Partial<Readonly<Record<ErrorCode, string>>> = {
  exists: 'the name is taken on the portal',
  'bad-name': 'the portal does not accept the name',
  quota: 'the portal could not save the file: it may be full',
  'file-too-large': 'the file is too large for this portal',
  locked: 'somebody else has locked the file on the portal',
  'not-permitted': 'the portal does not do this to the root of a storage',
}
