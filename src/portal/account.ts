/**
 * The webhook and the plan (E-1, E-4, bitrix24-rest.md 1.1): whose it is, its secret, its scopes, whether it was revoked,
 * and whether the plan has REST at all. OAuth is beside it, in `application.ts`.
 */
import { RestFailure } from './rest-failure.js'
import type { Traits } from './traits.js'

export type Plan = 'basic' | 'enterprise' | 'self-hosted'

export interface AccountState {
  readonly ownerId: number
  readonly code: string
  readonly revoked: boolean
  readonly scopes: readonly string[]
  readonly restOnPlan: boolean
  /** The portal was closed for good. */
  readonly isDeleted?: boolean
  /** False: the owner has never opened Drive, and so has none yet (3.1). */
  readonly hasDrive?: boolean
  readonly isAdmin: boolean
}

/** Who calls, with which secret, and the text that signed links are bound to (8.1). */
export interface Caller {
  readonly userId: number
  readonly scopes: readonly string[]
  readonly credential: 'webhook token' | 'access token'
  readonly authText: string
  /** Path and query of this caller's links up to the token, with his secret where it belongs in them. */
  readonly linkStart: (action: 'download' | 'upload') => string
}

export class Account {
  readonly #traits: () => Traits
  readonly #record: (state: AccountState) => void
  #state: AccountState

  constructor(options: { state: AccountState; traits: () => Traits; record: (state: AccountState) => void }) {
    this.#state = options.state
    this.#traits = options.traits
    this.#record = options.record
  }

  get state(): AccountState {
    return this.#state
  }

  change(changes: Partial<AccountState>): void {
    this.replay({ ...this.#state, ...changes })
    this.#record(this.#state)
  }

  replay(state: AccountState): void {
    this.#state = state
  }

  get webhookPath(): string {
    return `/rest/${this.#state.ownerId}/${this.#state.code}/`
  }

  /** Who a webhook's two path segments are; refuses as the portal does. */
  authorize(user: string, code: string): Caller {
    const { ownerId, revoked } = this.#state
    if (user !== String(ownerId) || code !== this.#state.code || revoked) {
      throw new RestFailure(this.#traits().invalidCredentialsStatus, 'INVALID_CREDENTIALS', 'Invalid request credentials')
    }
    this.requirePlan()
    return { userId: ownerId, scopes: this.#state.scopes, credential: 'webhook token', authText: `${user}|${code}`, linkStart: (action) => `${this.webhookPath}${action}/?` }
  }

  /** The portal is there, and its plan has REST. */
  requirePlan(): void {
    if (this.#state.isDeleted === true) throw new RestFailure(this.#traits().portalDeletedStatus, 'PORTAL_DELETED', 'Portal was deleted')
    if (!this.#state.restOnPlan) throw new RestFailure(403, 'ACCESS_DENIED', 'REST API is available only on commercial plans.')
  }

  requireScope(caller: Caller, scope: string): void {
    if (caller.scopes.includes(scope)) return
    throw new RestFailure(this.#traits().insufficientScopeStatus, 'insufficient_scope', `The request requires higher privileges than provided by the ${caller.credential}`)
  }
}
