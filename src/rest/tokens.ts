/**
 * Tokens that run out, as a call sees them: something to present before an attempt, and another after a refusal for it.
 * With a webhook there is nothing to do.
 */
import { DriveError, hasCode } from '../base/errors.js'
import type { Access } from './access.js'
import type { AccountWatch } from './account-watch.js'
import type { ConnectionWatch } from './connection-state.js'
import { Refused } from './refused.js'

const MOST_RENEWALS = 3 // of one call; a token may run out while its call waits for its turn

export class Tokens {
  readonly #access: () => Access
  readonly #account: AccountWatch
  readonly #connection: ConnectionWatch

  constructor(options: { access: () => Access; account: AccountWatch; connection: ConnectionWatch }) {
    this.#access = options.access
    this.#account = options.account
    this.#connection = options.connection
  }

  /** Names the token that an attempt begun now presents. */
  get serial(): number {
    return this.#access().renewal?.serial ?? 0
  }

  /** Resolves when there is something to present. */
  async ready(signal: AbortSignal | undefined): Promise<void> {
    await this.#watched(() => this.#access().renewal?.prepare(signal))
  }

  /** Whether the refused attempt may be made again because there is a new token now. `renewals`: of this call up to now. */
  async renewed(error: unknown, attempt: { readonly serial: number; readonly renewals: number }, signal: AbortSignal | undefined): Promise<boolean> {
    const { renewal } = this.#access()
    if (!(error instanceof Refused) || error.kind.retry !== 'renew' || renewal === undefined || attempt.renewals >= MOST_RENEWALS) return false
    await this.#watched(() => renewal.renew(attempt.serial, signal))
    return true
  }

  /** The attempt failed for good, and not for an address that died with its token. */
  refused(error: DriveError, serial: number): void {
    this.#account.refused(error)
    if (error.code === 'bad-credentials') this.#access().renewal?.doubt(serial)
  }

  accepted(serial: number): void {
    this.#access().renewal?.accepted(serial)
  }

  /** Whether an address that the portal gave holds a token of its own. */
  isBound(url: URL): boolean {
    return this.#access().renewal?.isBound(url) ?? false
  }

  async close(): Promise<void> {
    await this.#access().renewal?.close()
  }

  /** Without the authorization server the portal is as good as away. */
  async #watched(work: () => Promise<void> | undefined): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (error instanceof DriveError) this.#account.refused(error)
      if (hasCode(error, 'offline')) this.#connection.unreachable(typeof error.fields.reason === 'string' ? error.fields.reason : 'EAUTHSERVER')
      throw error
    }
  }
}
