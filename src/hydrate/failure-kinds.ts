/** Which failures of a download are worth another attempt. */
import { errorCode, type ErrorCode } from '../base/errors.js'

/** Asking again at once would get the same answer. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'vanished', 'not-found', 'forbidden', 'locked', 'offline', 'paused', 'not-connected', 'bad-credentials', 'no-rest-on-plan', 'missing-scope',
  'extranet-user', 'portal-gone', 'no-drive-yet', 'unknown-method', 'overload', 'cancelled', 'disk-full', 'cache-full', 'usage', 'bad-argument',
  'quota', 'operating-limit',
])

/** `inBody`: bytes were already coming; then only a new request can tell whether the portal is really gone. */
export function isFinal(error: unknown, inBody: boolean): boolean {
  const code = errorCode(error)
  return FINAL.has(code) && !(inBody && code === 'offline')
}
