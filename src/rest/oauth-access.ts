/**
 * Calls by the tokens of an application (bitrix24-rest.md 1.2, 1.4). The token is renewed when a call is refused for it and
 * never by a timer; a refresh token can be spent once only, so renewals are one at a time in this process and, by the
 * store, between processes, and a new pair is stored to last before anybody presents it.
 */
import { inspect } from 'node:util'
import type { Clock } from '../base/clock.js'
import { cancellation, DriveError, errorCode, errorText, hasCode } from '../base/errors.js'
import type { Log } from '../base/log.js'
import { connectAgain, type Access, type Renewal } from './access.js'
import type { ApplicationKeys, AuthorizationServer } from './authorization-server.js'

/** All that is stored of an application's access. Every text in it but server, endpoint and member id is a secret. */
export interface OAuthGrant extends ApplicationKeys {
  /** Origin of the authorization server. */
  readonly server: string
  readonly accessToken: string
  readonly refreshToken: string
  /** Base of every call: `https://acme.bitrix24.com/rest/`. */
  readonly endpoint: string
  readonly memberId: string
  /** How the token is passed: as a Bearer header, which keeps it out of addresses, or in the query where the portal does not know that. */
  readonly way: 'header' | 'query'
}

export interface GrantStore {
  read(): Promise<OAuthGrant>
  /** Replaces what is stored by what `change` makes of it, with every other process kept out; durable when it resolves. The same object: nothing to write. `signal` ends only the waiting for others. */
  update(change: (stored: OAuthGrant) => Promise<OAuthGrant>, signal?: AbortSignal): Promise<OAuthGrant>
}

const UNREACHABLE_PAUSE_MS = 2_000 // as the portal itself is looked for
const CLOSE_PATIENCE_MS = 5_000 // a pair on its way is worth waiting for, but nobody waits for a frozen server
const JUST_GIVEN_MS = 60_000 // short, because the clock of durations stands still while the machine sleeps, and the token's life does not
const REFUSED_PAUSE_MS = 60_000 // somebody has to pay, or to give a permission

export class OAuthAccess implements Access, Renewal {
  readonly kind = 'application'
  readonly renewal = this
  readonly #store: GrantStore
  readonly #server: AuthorizationServer
  readonly #clock: Clock
  readonly #log: Log
  #grant: OAuthGrant
  #serial = 1
  /** The portal refused the token of now. */
  #isRefused = false
  /** What was refused had nothing to do with time, so only a person can have changed it. */
  #isDoubted = false
  /** The portal took the token of now at least once. */
  #isAccepted = false
  /** The token of now came from a renewal of ours, and until then a refusal of it is no expiry. By the clock of durations. */
  #isNewUntilMs = -Infinity
  #renewing: Promise<void> | undefined
  readonly #closing = new AbortController()
  #isClosed = false
  /** A pair that was fetched and could not be stored yet: the refresh token is spent, so it must not be lost. */
  #unstored: { readonly grant: OAuthGrant; readonly livesUntilMs: number } | undefined
  /** Why there is no new token, and until when nobody needs to ask again. */
  #failure: { readonly error: DriveError; readonly untilMs: number } | undefined

  constructor(options: { grant: OAuthGrant; store: GrantStore; server: AuthorizationServer; clock: Clock; log: Log }) {
    this.#grant = options.grant
    this.#store = options.store
    this.#server = options.server
    this.#clock = options.clock
    this.#log = options.log
  }

  get origin(): string {
    return new URL(this.#grant.endpoint).origin
  }

  get host(): string {
    return new URL(this.#grant.endpoint).host
  }

  get serial(): number {
    return this.#serial
  }

  methodUrl(method: string): string {
    const { endpoint, way, accessToken } = this.#grant
    return `${endpoint}${method}${way === 'query' ? `?auth=${encodeURIComponent(accessToken)}` : ''}`
  }

  /** Only the portal itself is given the token. */
  headersFor(url: URL): Readonly<Record<string, string>> {
    return this.#grant.way === 'header' && url.origin === this.origin ? { Authorization: `Bearer ${this.#grant.accessToken}` } : {}
  }

  /** The address of now; the next token brings the one to be stored (1.2). */
  movedTo(origin: string): Access {
    this.#grant = { ...this.#grant, endpoint: `${origin}${new URL(this.#grant.endpoint).pathname}` }
    return this
  }

  scrub(text: string): string {
    const { accessToken, refreshToken, clientSecret } = this.#grant
    return [accessToken, refreshToken, clientSecret].reduce((clean, secret) => clean.replaceAll(secret, '***'), text)
  }

  isBound(url: URL): boolean {
    return url.searchParams.has('auth')
  }

  accepted(serial: number): void {
    if (serial !== this.#serial) return
    this.#isAccepted = true
    this.#isDoubted = false
  }

  async prepare(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isDoubted) await this.#lookAgain()
    if (this.#isRefused) await this.#renewed(signal)
  }

  doubt(serial: number): void {
    if (serial === this.#serial) this.#isDoubted = true
  }

  async renew(serial: number, signal: AbortSignal | undefined): Promise<void> {
    if (serial !== this.#serial) return // it is new already
    if (!this.#isAccepted && this.#clock.monotonicMs() < this.#isNewUntilMs) throw new DriveError('bad-credentials', 'the portal does not accept the access that it has just given')
    this.#isRefused = true
    await this.#renewed(signal)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const cancelTimer = this.#clock.setTimer(CLOSE_PATIENCE_MS, () => {
      this.#closing.abort(new DriveError('cancelled', 'the portal connection is closed'))
    })
    await this.#renewing?.catch(() => undefined) // whoever waits for it is told
    cancelTimer()
    this.#server.close()
  }

  async #lookAgain(): Promise<void> {
    const { serial } = this
    const stored = await this.#store.read()
    if (serial === this.#serial && stored.accessToken !== this.#grant.accessToken) this.#adopt(stored)
  }

  /** Who gives up waiting does not end the renewal: its answer is needed. */
  async #renewed(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isClosed && this.#renewing === undefined) throw new DriveError('cancelled', 'the portal connection is closed')
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined
    })
    await orAborted(this.#renewing, signal)
  }

  async #renew(): Promise<void> {
    const refused = this.#grant.accessToken
    // Another process may have renewed, or a person connected again: what is stored then is newer than what was refused.
    const stored = await this.#store.read()
    if (stored.accessToken !== refused) {
      this.#adopt(stored)
      return
    }
    if (this.#failure !== undefined && this.#clock.monotonicMs() < this.#failure.untilMs) throw this.#failure.error
    try {
      const next = await this.#store.update(async (newest) => {
        if (newest.accessToken !== refused) return newest
        this.#unstored ??= await this.#fetchPair(newest)
        return this.#unstored.grant
      }, this.#closing.signal)
      const livesUntilMs = this.#unstored?.grant === next ? this.#unstored.livesUntilMs : -Infinity
      this.#adopt(next)
      this.#isNewUntilMs = Math.min(livesUntilMs, this.#clock.monotonicMs() + JUST_GIVEN_MS)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** The life of a token began somewhere between the question and the answer, and ends in a whole second: counted from the answer, it is taken for new when it has run out. */
  async #fetchPair(spent: OAuthGrant): Promise<{ grant: OAuthGrant; livesUntilMs: number }> {
    const askedMs = this.#clock.monotonicMs()
    const { expiresInSeconds, ...answer } = await this.#server.refresh(spent, spent.refreshToken, this.#closing.signal)
    if (answer.memberId !== spent.memberId) throw new DriveError('bad-credentials', 'the authorization server answered for another portal')
    return { grant: { ...spent, ...answer }, livesUntilMs: askedMs + (expiresInSeconds - 1) * 1_000 }
  }

  #adopt(grant: OAuthGrant): void {
    this.#grant = grant
    this.#serial += 1
    this.#isRefused = false
    this.#isDoubted = false
    this.#isAccepted = false
    this.#isNewUntilMs = -Infinity
    this.#unstored = undefined
    this.#failure = undefined
    this.#log.info({ portal: this.host }, 'the access to the portal was renewed')
  }

  #failed(error: unknown): DriveError {
    const code = errorCode(error)
    const says = code === 'bad-credentials' ? `${errorText(error)}: ${connectAgain(this.host)}` : errorText(error)
    const failure = new DriveError(code, this.scrub(says), { fields: error instanceof DriveError ? error.fields : {} })
    const pauseMs = code === 'bad-credentials' ? Infinity : hasCode(error, 'no-rest-on-plan', 'missing-scope', 'portal-error') ? REFUSED_PAUSE_MS : UNREACHABLE_PAUSE_MS
    this.#failure = { error: failure, untilMs: this.#clock.monotonicMs() + pauseMs }
    this.#log.warn({ code, ...failure.fields }, 'the access to the portal could not be renewed')
    return failure
  }

  toString(): string {
    return `OAuthAccess(${this.host})`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return this.toString()
  }
}

async function orAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) {
    await work
    return
  }
  let onAbort: () => void = () => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(cancellation(signal))
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  await Promise.race([work, aborted]).finally(() => {
    signal.removeEventListener('abort', onAbort)
  })
}
