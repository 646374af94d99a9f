/**
 * The local application of a portal (E-2, E-3; bitrix24-rest.md 1.2 to 1.4): its card, who has let it in, and its tokens. A
 * token carries its own end and a signature, so an expired one is told from garbage; what the portal remembers is one
 * grant for each authorization: which refresh token lives, and from which access token on they count.
 */
import { createHmac } from 'node:crypto'
import type { Random } from '../base/random.js'
import { isSameSecret } from '../base/same-secret.js'
import type { Caller } from './account.js'
import type { PortalTime } from './portal-time.js'
import { RestFailure } from './rest-failure.js'
import type { Traits } from './traits.js'

/** One person who let the application in once. */
interface Grant {
  readonly id: number
  readonly userId: number
  /** Number of the newest pair; a refresh token lives only while it is this one's. */
  readonly serial: number
  /** Access tokens of earlier pairs are as good as expired. */
  readonly oldestAccess: number
  readonly refreshUntilSec: number
}

export interface ApplicationState {
  /** Of the portal: survives a change of its address. */
  readonly memberId: string
  readonly clientId: string
  readonly clientSecret: string
  /** Null: the card has none, and a code is shown on a page to be pasted (1.3). */
  readonly redirectUri: string | null
  readonly scopes: readonly string[]
  readonly accessSeconds: number
  readonly isInstalled: boolean
  readonly isPaid: boolean
  /** Who sits at the browser that opens the authorization page. */
  readonly signedInUserId: number
  readonly lastGrantId: number
  readonly grants: readonly Grant[]
}

export interface TokenPair {
  readonly accessToken: string
  readonly refreshToken: string
  readonly untilSec: number
  readonly userId: number
}

/** A refusal of the authorization server: a status and a code, in the words of 1.2. */
export class OAuthRefusal extends RestFailure {}

const ACCESS_SECONDS = 3_600
const REFRESH_SECONDS = 180 * 86_400
const CODE_SECONDS = 30
const NUMBER_LENGTH = 8
const TOKEN_LENGTH = 70 // as the real ones

/** A portal's application before anybody has changed it. */
export function freshApplication(random: Random, ownerId: number): ApplicationState {
  return {
    memberId: random.hex(16),
    clientId: `local.${random.hex(7)}.${String(Math.floor(random.fraction() * 1e8)).padStart(8, '0')}`,
    clientSecret: random.hex(25),
    redirectUri: null,
    scopes: ['disk', 'user_brief'],
    accessSeconds: ACCESS_SECONDS,
    isInstalled: true,
    isPaid: true,
    signedInUserId: ownerId,
    lastGrantId: 0,
    grants: [],
  }
}

export class Application {
  readonly #secret: string
  readonly #random: Random
  readonly #time: PortalTime
  readonly #traits: () => Traits
  readonly #record: (state: ApplicationState) => void
  #state: ApplicationState
  /** Codes that may still be used; of one run, as they live 30 s. */
  readonly #codes = new Map<string, { readonly userId: number; readonly untilSec: number }>()

  constructor(options: { state: ApplicationState; secret: string; random: Random; time: PortalTime; traits: () => Traits; record: (state: ApplicationState) => void }) {
    this.#state = options.state
    this.#secret = options.secret
    this.#random = options.random
    this.#time = options.time
    this.#traits = options.traits
    this.#record = options.record
  }

  get state(): ApplicationState {
    return this.#state
  }

  change(changes: Partial<ApplicationState>): void {
    this.#state = { ...this.#state, ...changes }
    this.#record(this.#state)
  }

  /** Taken off the portal: everything it was given is forgotten, also when it comes back. */
  remove(): void {
    this.#codes.clear()
    this.change({ isInstalled: false, grants: [] })
  }

  /** All access tokens given out so far have run out. */
  endAccess(): void {
    this.change({ grants: this.#state.grants.map((grant) => ({ ...grant, oldestAccess: grant.serial + 1 })) })
  }

  /** All refresh tokens given out so far are dead. */
  endRefresh(): void {
    this.change({ grants: this.#state.grants.map((grant) => ({ ...grant, refreshUntilSec: 0 })) })
  }

  /** Whoever sits at the browser lets the application in. */
  makeCode(): string {
    const code = this.#random.hex(35)
    this.#codes.set(code, { userId: this.#state.signedInUserId, untilSec: this.#time.nowSec() + CODE_SECONDS })
    return code
  }

  requireClient(clientId: string, clientSecret: string): void {
    if (clientId === this.#state.clientId && isSameSecret(clientSecret, this.#state.clientSecret)) {
      if (!this.#state.isInstalled) throw new OAuthRefusal(401, 'NOT_INSTALLED', 'Application not installed')
      if (!this.#state.isPaid) throw new OAuthRefusal(401, 'PAYMENT_REQUIRED', 'Payment required')
      return
    }
    if (this.#traits().wrongClientCode === 'WRONG_CLIENT') throw new OAuthRefusal(200, 'WRONG_CLIENT', 'Wrong client')
    throw new OAuthRefusal(400, 'invalid_client', 'Invalid client')
  }

  /** A code is good for 30 s, once. */
  redeem(code: string): TokenPair {
    const found = this.#codes.get(code)
    this.#codes.delete(code)
    if (found === undefined || found.untilSec <= this.#time.nowSec()) throw new OAuthRefusal(400, this.#traits().deadCodeError, 'Invalid authorization code')
    const id = this.#state.lastGrantId + 1
    const grant: Grant = { id, userId: found.userId, serial: 1, oldestAccess: 1, refreshUntilSec: this.#time.nowSec() + REFRESH_SECONDS }
    this.change({ lastGrantId: id, grants: [...this.#state.grants, grant] })
    return this.#pair(grant)
  }

  /** Every refresh gives a new pair, and the old refresh token dies. */
  refresh(refreshToken: string): TokenPair {
    const token = this.#read('refresh', refreshToken)
    const grant = token === undefined ? undefined : this.#state.grants.find(({ id }) => id === token.grantId)
    if (token === undefined || grant?.serial !== token.serial || grant.refreshUntilSec <= this.#time.nowSec()) throw new OAuthRefusal(400, 'invalid_grant', 'Invalid refresh token')
    const serial = grant.serial + 1
    const next: Grant = {
      ...grant,
      serial,
      oldestAccess: this.#traits().accessOutlivesRefresh ? grant.oldestAccess : serial,
      refreshUntilSec: this.#time.nowSec() + REFRESH_SECONDS,
    }
    this.change({ grants: this.#state.grants.map((each) => (each.id === grant.id ? next : each)) })
    return this.#pair(next)
  }

  /** Whose token this is; refuses as the portal does (E-3). By a header, the links that are handed out do not hold it. */
  authorize(accessToken: string | undefined, way: 'parameter' | 'header'): Caller {
    if (accessToken === undefined || accessToken === '') throw new RestFailure(401, 'NO_AUTH_FOUND', 'Wrong authorization data')
    const token = this.#read('access', accessToken)
    if (token === undefined) throw new RestFailure(401, this.#traits().unknownTokenCode, 'Unable to get application by token')
    if (!this.#state.isPaid) throw new RestFailure(401, 'PAYMENT_REQUIRED', 'Payment required')
    const grant = this.#state.grants.find(({ id }) => id === token.grantId)
    if (grant === undefined) throw new RestFailure(401, this.#traits().removedApplicationCode, 'Application not found')
    if (token.untilSec <= this.#time.nowSec() || token.serial < grant.oldestAccess) throw new RestFailure(401, 'expired_token', 'The access token provided has expired.')
    const isInLinks = way === 'parameter' || this.#traits().bearerLinks === 'with-auth'
    return {
      userId: grant.userId,
      scopes: this.#state.scopes,
      credential: 'access token',
      authText: isInLinks ? accessToken : '',
      linkStart: (action) => `/rest/${action}.json?${isInLinks ? `auth=${accessToken}&` : ''}`,
    }
  }

  #pair({ id, userId, serial, refreshUntilSec }: Grant): TokenPair {
    const untilSec = this.#time.nowSec() + this.#state.accessSeconds
    return { accessToken: this.#write('access', untilSec, id, serial), refreshToken: this.#write('refresh', refreshUntilSec, id, serial), untilSec, userId }
  }

  #write(kind: 'access' | 'refresh', ...numbers: readonly [untilSec: number, grantId: number, serial: number]): string {
    const head = numbers.map((number) => number.toString(16).padStart(NUMBER_LENGTH, '0')).join('')
    const signature = createHmac('sha256', this.#secret).update(`${kind}|${this.#state.clientId}|${head}`).digest('hex')
    return (head + signature).slice(0, TOKEN_LENGTH)
  }

  #read(kind: 'access' | 'refresh', token: string): { untilSec: number; grantId: number; serial: number } | undefined {
    const [untilSec = NaN, grantId = NaN, serial = NaN] = [0, 1, 2].map((index) => Number.parseInt(token.slice(index * NUMBER_LENGTH, (index + 1) * NUMBER_LENGTH), 16))
    if (![untilSec, grantId, serial].every((number) => Number.isSafeInteger(number) && number >= 0)) return undefined
    return isSameSecret(token, this.#write(kind, untilSec, grantId, serial)) ? { untilSec, grantId, serial } : undefined
  }
}
