/**
 * The one table from error codes to errno (DESIGN.md section 6). Total: a new code does not compile until it has a row.
 */
import { constants } from 'node:os'
import type { ErrorCode } from '../base/errors.js'

const { errno } = constants

export const ERRNO: Readonly<Record<ErrorCode, number>> = {
  'not-found': errno.ENOENT,
  exists: errno.EEXIST,
  'not-empty': errno.ENOTEMPTY,
  'not-directory': errno.ENOTDIR,
  'is-directory': errno.EISDIR,
  'bad-name': errno.EINVAL,
  'name-too-long': errno.ENAMETOOLONG,
  forbidden: errno.EACCES,
  'read-only': errno.EROFS,
  'not-permitted': errno.EPERM,
  'cross-storage': errno.EXDEV,
  busy: errno.EBUSY,
  invalid: errno.EINVAL,
  'bad-handle': errno.EBADF,
  'no-attribute': errno.ENODATA,
  range: errno.ERANGE,
  'file-too-large': errno.EFBIG,
  unsupported: errno.EOPNOTSUPP,
  quota: errno.EDQUOT,
  // The cache holds only unsent or open content: to a program the disk is full.
  'cache-full': errno.ENOSPC,
  'disk-full': errno.ENOSPC,
  // The content this handle was opened on exists nowhere any more.
  vanished: errno.ESTALE,
  offline: errno.ENETUNREACH,
  deadline: errno.ETIMEDOUT,
  interrupted: errno.EINTR,
  conflict: errno.EIO,
  locked: errno.EACCES,
  // A portal that refuses the account gives nothing that is not here, like a missing right.
  'bad-credentials': errno.EACCES,
  'no-rest-on-plan': errno.EACCES,
  'missing-scope': errno.EACCES,
  'extranet-user': errno.EACCES,
  'portal-gone': errno.ENETUNREACH,
  'no-drive-yet': errno.EACCES,
  // Retried below; what still comes up has waited long enough to be told as a time-out.
  'rate-limited': errno.ETIMEDOUT,
  'operating-limit': errno.ETIMEDOUT,
  overload: errno.ETIMEDOUT,
  'unknown-method': errno.EIO,
  'portal-error': errno.EIO,
  'bad-answer': errno.EIO,
  'lost-answer': errno.EIO,
  'bad-argument': errno.EIO,
  usage: errno.EINVAL,
  'not-connected': errno.ENETUNREACH,
  'not-mounted': errno.EIO,
  // Paused is the user's own offline.
  paused: errno.ENETUNREACH,
  'would-lose-data': errno.EBUSY,
  'already-running': errno.EBUSY,
  'already-mounted': errno.EBUSY,
  'folder-not-empty': errno.ENOTEMPTY,
  'no-fuse-device': errno.EIO,
  'no-fusermount': errno.EIO,
  'mount-failed': errno.EIO,
  'dead-mount': errno.EIO,
  'database-damaged': errno.EIO,
  'database-newer': errno.EIO,
  'profile-damaged': errno.EIO,
  cancelled: errno.EINTR,
  internal: errno.EIO,
}
