/**
 * The closed set of error codes that every layer speaks. A foreign failure (HTTP, SQLite, kernel) gets one of these
 * codes where it is met, and nobody branches on message text. `fs/errno.ts` maps each code to an errno, `cli` to an
 * exit code. The message is one sentence for a person, and says the next step where there is one.
 */

export const ERROR_CODES = [
  // What a program may meet on any file system.
  'not-found',
  'exists',
  'not-empty',
  'not-directory',
  'is-directory',
  'bad-name',
  'name-too-long',
  'forbidden',
  'read-only',
  'not-permitted',
  'cross-storage',
  'busy',
  'invalid',
  'bad-handle',
  'no-attribute',
  'range',
  'file-too-large',
  'unsupported',
  // What only a drive on the network may meet.
  'quota',
  'cache-full',
  'disk-full',
  'vanished',
  'offline',
  'deadline',
  'interrupted',
  'conflict',
  'locked',
  // What the portal says of the account, the plan or the load.
  'bad-credentials',
  'no-rest-on-plan',
  'missing-scope',
  'extranet-user',
  'portal-gone',
  'no-drive-yet',
  'rate-limited',
  'operating-limit',
  'overload',
  'unknown-method',
  'portal-error',
  'bad-answer',
  /** The request may have been carried out: its answer never came. */
  'lost-answer',
  'bad-argument',
  // What the program says to the person who runs it.
  'usage',
  'not-connected',
  'not-mounted',
  'paused',
  'would-lose-data',
  'already-running',
  'already-mounted',
  'folder-not-empty',
  'no-fuse-device',
  'no-fusermount',
  'mount-failed',
  'dead-mount',
  'database-damaged',
  'database-newer',
  'profile-damaged',
  'cancelled',
  'internal',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/** A failure with a code. `fields` are for the log and never hold a secret or file content. */
export class DriveError extends Error {
  override readonly name = 'DriveError'
  readonly code: ErrorCode
  readonly fields: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; fields?: Readonly<Record<string, unknown>> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.fields = options.fields ?? {}
  }
}

/** The code of anything thrown; `internal` for what is not ours. */
export function errorCode(error: unknown): ErrorCode {
  return error instanceof DriveError ? error.code : 'internal'
}

export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is DriveError {
  return error instanceof DriveError && codes.includes(error.code)
}

/** The network's or the portal's word for now: the same question may get an answer later. */
export function mayPass(error: unknown): boolean {
  return hasCode(error, 'offline', 'deadline', 'portal-error', 'bad-answer', 'rate-limited', 'operating-limit')
}

/** The code of a failure of a Node system call (`ENOENT`), undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return undefined
}

/** The message of anything thrown, for a log line or a status field. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What a request that was ended by its signal fails with: the signal's own reason, where that is one of ours. */
export function cancellation(signal: AbortSignal): DriveError {
  return signal.reason instanceof DriveError ? signal.reason : new DriveError('cancelled', 'the request was cancelled')
}
