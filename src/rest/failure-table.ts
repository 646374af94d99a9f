/**
 * What the platform's error codes mean (bitrix24-rest.md 1.5): the code our layers speak, and whether asking again can
 * help. Branches on codes, case-insensitively, because documents and servers disagree on statuses (O-9); the status is
 * only the class of last resort. Codes of the disk module are `drive`'s and come out as `portal-error`.
 */
import type { ErrorCode } from '../base/errors.js'
import { connectAgain, type AccessKind } from './access.js'

/**
 * `never`: the same answer would come again. `renew`: not carried out, another token may be taken. `rate`: not carried out, wait for the bucket. `operating`: not carried out,
 * wait for the method. `temporary`: may be carried out or not, ask again where that is harmless.
 */
export type RetryClass = 'never' | 'renew' | 'rate' | 'operating' | 'temporary'

export interface FailureKind {
  readonly code: ErrorCode
  readonly retry: RetryClass
  /** What a person should read instead of the code; where it matters, by what opened the portal and its host. */
  readonly says?: string | Readonly<Record<AccessKind, (host: string) => string>>
}

type Says = NonNullable<FailureKind['says']>

const DEAD: Says = {
  webhook: () => 'the portal does not accept the webhook any more: make a new one on the portal and connect again',
  application: (host) => `the portal does not accept the application any more: ${connectAgain(host)}`,
}
const ENDED: Says = { webhook: () => 'the access has ended: connect again', application: (host) => `the access has ended: ${connectAgain(host)}` }
const REMOVED: Says = {
  webhook: () => 'the application was removed from the portal: connect again',
  application: (host) => `the application was removed from the portal: ${connectAgain(host)}`,
}
const NO_SCOPE: Says = {
  webhook: () => 'the webhook lacks a permission: give it "Drive (disk)" on the portal',
  application: () => 'the application lacks a permission: give it "Drive (disk)" on the portal',
}
const CLOSED_TO_REST = 'the portal\'s plan does not include REST (webhooks need a paid plan)'

const FAILURES: Readonly<Record<string, FailureKind>> = {
  no_auth_found: { code: 'bad-credentials', retry: 'never', says: DEAD },
  invalid_credentials: { code: 'bad-credentials', retry: 'never', says: DEAD },
  expired_token: { code: 'bad-credentials', retry: 'renew', says: ENDED },
  invalid_token: { code: 'bad-credentials', retry: 'renew', says: ENDED },
  authorization_error: { code: 'bad-credentials', retry: 'never', says: REMOVED },
  application_not_found: { code: 'bad-credentials', retry: 'never', says: REMOVED },
  error_oauth: { code: 'bad-credentials', retry: 'never', says: REMOVED },
  insufficient_scope: { code: 'missing-scope', retry: 'never', says: NO_SCOPE },
  user_access_error: { code: 'forbidden', retry: 'never' },
  access_denied: { code: 'forbidden', retry: 'never' },
  wrong_auth_type: { code: 'forbidden', retry: 'never' },
  method_confirm_waiting: { code: 'forbidden', retry: 'never', says: 'the portal\'s administrator must confirm this use of REST' },
  method_confirm_denied: { code: 'forbidden', retry: 'never', says: 'the portal\'s administrator refused this use of REST' },
  allowed_only_intranet_user: { code: 'extranet-user', retry: 'never', says: 'the account is an extranet user, who has no REST' },
  payment_required: { code: 'no-rest-on-plan', retry: 'never', says: CLOSED_TO_REST },
  portal_deleted: { code: 'portal-gone', retry: 'never', says: 'the portal is closed' },
  invalid_request: { code: 'usage', retry: 'never', says: 'the portal wants https' },
  query_limit_exceeded: { code: 'rate-limited', retry: 'rate' },
  operation_time_limit: { code: 'operating-limit', retry: 'operating' },
  overload_limit: { code: 'overload', retry: 'never', says: 'Bitrix24 blocked REST for this portal because of overload' },
  error_method_not_found: { code: 'unknown-method', retry: 'never' },
  error_batch_method_not_allowed: { code: 'bad-argument', retry: 'never' },
  error_batch_length_exceeded: { code: 'bad-argument', retry: 'never' },
  error_argument: { code: 'bad-argument', retry: 'never' },
  error_not_found: { code: 'not-found', retry: 'never' },
  internal_server_error: { code: 'portal-error', retry: 'temporary' },
  error_unexpected_answer: { code: 'portal-error', retry: 'temporary' },
  error_core: { code: 'portal-error', retry: 'temporary' },
}

/** A refusal as it came. `portalCode` is undefined when the body was not the portal's JSON (nginx, WAF: O-25). */
export interface Refusal {
  readonly status: number
  readonly portalCode: string | undefined
}

export function failureKind({ status, portalCode }: Refusal): FailureKind {
  const known = portalCode === undefined ? undefined : FAILURES[portalCode.toLowerCase()]
  return known ?? kindByStatus(status, portalCode !== undefined)
}

/** An HTML 403 or 404 is a front end's word and says nothing about an item (O-35, O-38): it must never mean "deleted". */
function kindByStatus(status: number, fromPortal: boolean): FailureKind {
  if (status === 401 && fromPortal) return { code: 'bad-credentials', retry: 'never', says: DEAD }
  if (status === 410) return { code: 'portal-gone', retry: 'never', says: 'the portal is closed' }
  if (status === 413) return { code: 'file-too-large', retry: 'never' }
  if (status === 429) return { code: 'operating-limit', retry: 'operating' }
  if (status === 408 || status >= 500) return { code: 'portal-error', retry: 'temporary' }
  if (status < 400 && !fromPortal) return { code: 'bad-answer', retry: 'temporary' }
  return { code: 'portal-error', retry: 'never' }
}
