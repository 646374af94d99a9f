/**
 * What a failure means to its entry: when it is tried again, whether everything else has to wait as well, and whether the
 * request can have been carried out. Nothing is ever given up. Pure.
 */
import { DriveError, errorCode, type ErrorCode } from '../base/errors.js'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 5 * 60_000
const FIRST_STUBBORN_PAUSE_MS = 5 * 60_000 // asking again does not help by itself: somebody has to change something
const LONGEST_STUBBORN_PAUSE_MS = 60 * 60_000
const ACCOUNT_PAUSE_MS = 60_000

/** Refused for a reason that lasts. */
const STUBBORN: ReadonlySet<ErrorCode> = new Set([
  'exists', 'bad-name', 'name-too-long', 'forbidden', 'read-only', 'not-permitted', 'cross-storage', 'invalid', 'file-too-large', 'unsupported', 'quota', 'vanished', 'locked', 'bad-argument',
])

/** True of the account or the portal, so of every entry. */
const OF_ACCOUNT: ReadonlySet<ErrorCode> = new Set(['bad-credentials', 'no-rest-on-plan', 'missing-scope', 'extranet-user', 'portal-gone', 'no-drive-yet', 'overload', 'not-connected'])

/** The portal said no: the request was not carried out. Anything else leaves that open. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([...STUBBORN, ...OF_ACCOUNT, 'not-found', 'not-empty', 'rate-limited', 'operating-limit', 'unknown-method'])

export type Scope = 'entry' | 'account' | 'offline' | 'stopping'

export function failureScope(code: ErrorCode): Scope {
  if (code === 'cancelled') return 'stopping'
  if (code === 'offline') return 'offline'
  return OF_ACCOUNT.has(code) ? 'account' : 'entry'
}

/** When the entry is tried again after `tries` failures, this one counted; a failure may know by itself (`retryInMs`). */
export function nextTryMs(error: unknown, tries: number, nowMs: number): number {
  const code = errorCode(error)
  if (OF_ACCOUNT.has(code)) return nowMs + ACCOUNT_PAUSE_MS
  if (error instanceof DriveError && typeof error.fields.retryInMs === 'number') return nowMs + error.fields.retryInMs
  const [firstMs, longestMs] = STUBBORN.has(code) ? [FIRST_STUBBORN_PAUSE_MS, LONGEST_STUBBORN_PAUSE_MS] : [FIRST_PAUSE_MS, LONGEST_PAUSE_MS]
  return nowMs + Math.min(firstMs * 2 ** Math.max(tries - 1, 0), longestMs)
}

export function isRefusal(code: ErrorCode): boolean {
  return REFUSALS.has(code)
}
