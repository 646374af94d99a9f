/**
 * The time that one HTTP request takes on the portal (E-13, bitrix24-rest.md 4.3): simulated seconds of its calls, a
 * batch's together. When they are over, the front end answers 504 with HTML; what was done until then stays done.
 */

export class RequestTimedOut extends Error {
  override readonly name = 'RequestTimedOut'
}

export class RequestTimer {
  #leftSeconds: number

  /** Undefined: no limit. */
  constructor(limitSeconds: number | undefined) {
    this.#leftSeconds = limitSeconds ?? Infinity
  }

  /** Throws a RequestTimedOut when the time is over. */
  spend(seconds: number): void {
    this.#leftSeconds -= seconds
    if (this.#leftSeconds < 0) throw new RequestTimedOut('the request took too long')
  }
}

/** What copying or destroying one object inside a folder is taken to cost. */
export const OBJECT_SECONDS = 0.02
