/**
 * What the portal says of the account itself: a dead webhook, a missing permission, a plan without REST. Learned from
 * whatever call meets it first, so that it is told without waiting for an edit to be refused, and forgotten as soon as
 * the portal lets a call of the drive through.
 */
import type { Clock } from '../base/clock.js'
import type { DriveError, ErrorCode } from '../base/errors.js'

export interface AccountTrouble {
  readonly code: ErrorCode
  readonly text: string
  /** Wall time. */
  readonly sinceMs: number
}

const OF_THE_ACCOUNT: readonly ErrorCode[] = ['bad-credentials', 'missing-scope', 'no-rest-on-plan', 'extranet-user', 'portal-gone', 'overload']

export class AccountWatch {
  readonly #clock: Clock
  #trouble: AccountTrouble | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get trouble(): AccountTrouble | undefined {
    return this.#trouble
  }

  /** Methods that need no permission (`profile`) succeed without the one that is missing. */
  accepted(method: string): void {
    if (method.startsWith('disk.')) this.#trouble = undefined
  }

  refused({ code, message }: DriveError): void {
    if (!OF_THE_ACCOUNT.includes(code) || this.#trouble?.code === code) return
    this.#trouble = { code, text: message, sinceMs: this.#clock.nowMs() }
  }
}
