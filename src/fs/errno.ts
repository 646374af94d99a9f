/**
 * The one table from error codes to errno (DESIGN.md section 6), in two parts that are total together: what a program can be
 * told, and what no system call ends with. A new code does not compile until it stands in one of them, and the check
 * `semantics` wants a test on a mount for each row of the first, whose title begins as `quota → EDQUOT: `.
 */
import { constants } from 'node:os'
import { ERROR_CODES, type ErrorCode } from '../base/errors.js'

const { errno } = constants

/** Where the kernel looks first and answers the same, ours is for what changes between its look and our row. */
export const TOLD = {
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
  // Writing never ends so, because it waits for no portal: this is the portal's answer to a read.
  quota: errno.EDQUOT,
  // The cache holds only unsent or open content: to a program the disk is full.
  'cache-full': errno.ENOSPC,
  'disk-full': errno.ENOSPC,
  // The content this handle was opened on exists nowhere any more.
  vanished: errno.ESTALE,
  offline: errno.ENETUNREACH,
  deadline: errno.ETIMEDOUT,
  // Only who is being killed is answered so.
  interrupted: errno.EINTR,
  locked: errno.EACCES,
  // A portal that refuses the account gives nothing that is not here, like a missing right.
  'bad-credentials': errno.EACCES,
  'no-rest-on-plan': errno.EACCES,
  'missing-scope': errno.EACCES,
  'extranet-user': errno.EACCES,
  'portal-gone': errno.ENETUNREACH,
  // Asked again below; a read's own deadline mostly comes first, which is the same errno.
  'rate-limited': errno.ETIMEDOUT,
  'operating-limit': errno.ETIMEDOUT,
  overload: errno.ETIMEDOUT,
  'unknown-method': errno.EIO,
  'portal-error': errno.EIO,
  'bad-answer': errno.EIO,
  'bad-argument': errno.EIO,
  // The portal wants https: no argument of the program's is wrong.
  usage: errno.EIO,
  // The file with an application's tokens is gone, or damaged.
  'not-connected': errno.ENETUNREACH,
  'profile-damaged': errno.EIO,
  'database-damaged': errno.EIO,
  internal: errno.EIO,
} as const satisfies Partial<Record<ErrorCode, number>>

export type ToldCode = keyof typeof TOLD

/** Why no system call ends with the code. One that does all the same is a bug: EIO, and a line in the log. */
export const NEVER_TOLD: Readonly<Record<Exclude<ErrorCode, ToldCode>, string>> = {
  conflict: 'an upload whose file changes while it is read is tried again; programs never read a snapshot',
  'lost-answer': 'only requests that change the portal can end so, and only the uploader sends those, after the reply to the program',
  'no-drive-yet': 'only connecting looks for the drive of an account',
  'not-mounted': 'the command line says so of a daemon that is not there',
  paused: 'a pause holds back uploads, looks and background downloads; what a program waits for is asked for all the same',
  'would-lose-data': 'commands say so',
  'already-running': 'a second daemon says so before it mounts',
  'already-mounted': 'mounting says so',
  'folder-not-empty': 'connecting and rescuing say so',
  'no-fuse-device': 'mounting says so',
  'no-fusermount': 'mounting says so',
  'mount-failed': 'mounting says so',
  'dead-mount': 'mounting says so; to programs in it the kernel says ENOTCONN',
  'database-newer': 'opening the database says so, before anything is mounted',
  cancelled: 'services end only when the mount is gone, and its end has answered ENOTCONN to who waited',
}

export function isTold(code: ErrorCode): code is ToldCode {
  return code in TOLD
}

function errnoOf(code: ErrorCode): number {
  if (isTold(code)) return TOLD[code]
  return code === 'cancelled' ? errno.EINTR : errno.EIO // the end of a mount is no failure to log
}

export const ERRNO = Object.fromEntries(ERROR_CODES.map((code) => [code, errnoOf(code)])) as Readonly<Record<ErrorCode, number>>
