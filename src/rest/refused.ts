/**
 * An answer that is a failure, on its way from an attempt to the decision what to do, and the words in which failures
 * leave for the layers above: a sentence for a person, fields for the log, the secret in neither.
 */
import { DriveError, errorCode, type ErrorCode } from '../base/errors.js'
import { redact } from '../base/redact.js'
import type { Access } from './access.js'
import type { AnswerTime } from './envelope.js'
import type { FailureKind, Refusal } from './failure-table.js'
import { TransportFailure } from './transport.js'
import { untrustedWords } from './untrusted.js'

const LONGEST_DESCRIPTION = 300

/** Never leaves this folder. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly kind: FailureKind
  readonly refusal: Refusal
  readonly description: string
  readonly operatingResetInMs: number | undefined

  constructor(kind: FailureKind, refusal: Refusal, description: string, time?: AnswerTime) {
    super(kind.code)
    this.kind = kind
    this.refusal = refusal
    this.description = description
    this.operatingResetInMs = time?.operatingResetInMs
  }
}

/** The failure of a call for whoever made it. */
export function finalError(code: ErrorCode, method: string, error: unknown, access: Access): DriveError {
  if (error instanceof Refused) return refusalError(code, method, error, access)
  const reason = error instanceof TransportFailure ? error.reason : errorCode(error)
  return new DriveError(code, networkWords(code, method, reason), { fields: { method, reason } })
}

export function refusalError(code: ErrorCode, method: string, { kind, refusal, description }: Refused, access: Access): DriveError {
  const clean = (text: string): string => redact(access.scrub(text)).slice(0, LONGEST_DESCRIPTION)
  const { status, portalCode } = refusal
  const what = portalCode === undefined ? `HTTP ${status}` : portalCode === '' ? 'an error without a code' : clean(portalCode)
  const text = code === 'lost-answer' ? `${method} failed with ${what}: it may have been carried out` : (saying(kind, access) ?? `the portal answered ${method} with ${what}`)
  return new DriveError(code, text, {
    fields: { method, status, ...(portalCode === undefined ? {} : { portalCode: clean(portalCode) }), ...(description === '' ? {} : { description: clean(description) }) },
  })
}

/** For who wonders why nothing comes about, though the portal answers. */
export function troubleWords({ refusal: { status, portalCode } }: Refused): string {
  return portalCode === undefined ? `the portal answers with a page instead of data (HTTP ${status}): it is asked again` : `the portal answers with a failure of its own (HTTP ${status}): it is asked again`
}

function saying({ says }: FailureKind, { kind, host }: Access): string | undefined {
  return typeof says === 'object' ? says[kind](host) : says
}

function networkWords(code: ErrorCode, method: string, reason: string): string {
  if (code === 'lost-answer') return `no answer came to ${method}: it may have been carried out`
  if (code === 'deadline') return `the portal did not answer ${method} in time`
  return untrustedWords(reason) ?? `the portal cannot be reached (${reason})`
}
