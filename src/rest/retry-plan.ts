/**
 * What to do after a failed attempt (bitrix24-rest.md section 16): again at once, again later, or fail with which code. A
 * call that changes something is never sent twice once it may have arrived: it ends as `lost-answer`, and whoever made it
 * looks what is there. Pure.
 */
import type { ErrorCode } from '../base/errors.js'
import type { Priority } from './budget-state.js'
import type { FailureKind } from './failure-table.js'
import type { TransportFailure } from './transport.js'

export type AttemptFailure =
  | { readonly from: 'network'; readonly failure: TransportFailure }
  | { readonly from: 'portal'; readonly kind: FailureKind }

export interface RetryQuestion {
  readonly failure: AttemptFailure
  /** Failed attempts of this call up to now, this one counted. */
  readonly attempts: number
  readonly priority: Priority
  /** Doing it twice is the same as doing it once. */
  readonly idempotent: boolean
}

export type RetryDecision = { readonly act: 'again'; readonly afterMs: number } | { readonly act: 'fail'; readonly code: ErrorCode }

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** A person's read is bounded by its own deadline; a service has its own loop and must get to say what is wrong. */
const ATTEMPTS: Readonly<Record<Priority, number>> = { interactive: 4, listing: 6, upload: 6, background: 6 }
const RATE_ATTEMPTS = 30 // each pauses with all others, so this is many minutes
const SILENT_ATTEMPTS = 2 // each has already cost more than a minute
const QUICK_RETRY_MS = 50

export function planRetry({ failure, attempts, priority, idempotent }: RetryQuestion): RetryDecision {
  if (failure.from === 'network') return planAfterNetwork(failure.failure, attempts, priority, idempotent)
  const { code, retry } = failure.kind
  switch (retry) {
    case 'never':
    case 'renew': // who has a token to renew does so before coming here
      return { act: 'fail', code }
    case 'rate': // not carried out; the budget itself makes everybody wait
      return attempts < RATE_ATTEMPTS ? { act: 'again', afterMs: 0 } : { act: 'fail', code }
    case 'operating': // not carried out; a person is told, a service waits for the method's turn
      return priority !== 'interactive' && attempts < ATTEMPTS[priority] ? { act: 'again', afterMs: 0 } : { act: 'fail', code }
    case 'temporary':
      if (!idempotent) return { act: 'fail', code: 'lost-answer' }
      return attempts < ATTEMPTS[priority] ? { act: 'again', afterMs: pauseMs(attempts) } : { act: 'fail', code }
  }
}

function planAfterNetwork(failure: TransportFailure, attempts: number, priority: Priority, idempotent: boolean): RetryDecision {
  // One quick look more, then the truth at once: nobody should wait for a portal that is not there.
  if (failure.kind === 'unreachable') return attempts < 2 && failure.reason !== 'ETIMEDOUT' ? { act: 'again', afterMs: QUICK_RETRY_MS } : { act: 'fail', code: 'offline' }
  const code: ErrorCode = failure.kind === 'silent' ? 'deadline' : 'offline'
  if (!idempotent && failure.mayHaveArrived) return { act: 'fail', code: 'lost-answer' }
  if (attempts >= (failure.kind === 'silent' ? SILENT_ATTEMPTS : ATTEMPTS[priority])) return { act: 'fail', code }
  // A kept connection that the portal had just closed breaks at once, and a new one works.
  if (failure.kind === 'broken' && attempts === 1) return { act: 'again', afterMs: 0 }
  return { act: 'again', afterMs: pauseMs(attempts) }
}

function pauseMs(attempts: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS)
}
