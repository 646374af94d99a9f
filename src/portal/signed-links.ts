/**
 * Tokens of `DOWNLOAD_URL` and `uploadUrl` (bitrix24-rest.md 6.2, 8.1): `disk|base64(query)|signature`, the query with 32
 * random characters, the signature over query and the caller's auth. They have no life of their own: they die with the
 * auth. Stateless, so a restart keeps them.
 */
import { createHmac } from 'node:crypto'
import type { Random } from '../base/random.js'
import { isSameSecret } from '../base/same-secret.js'
import type { Caller } from './account.js'
import { parseQuery, type Parameters } from './parameters.js'
import { accessDenied } from './rest-failure.js'

export type LinkAction = 'download' | 'upload'

export class SignedLinks {
  readonly #secret: string
  readonly #random: Random
  readonly #used = new Set<string>()

  constructor(options: { secret: string; random: Random }) {
    this.#secret = options.secret
    this.#random = options.random
  }

  /** Path and query of a link, to be put behind the portal's address. */
  make(action: LinkAction, caller: Caller, parameters: Readonly<Record<string, string>>): string {
    const query = new URLSearchParams({ ...parameters, _: this.#random.hex(16) }).toString()
    const token = `disk|${Buffer.from(query).toString('base64')}|${this.#signature(action, query, caller)}`
    return `${caller.linkStart(action)}token=${encodeURIComponent(token)}`
  }

  /** The token is worth nothing from now on (the trait `uploadTokens`). */
  use(token: string): void {
    this.#used.add(token)
  }

  /** What was frozen into a token; refuses a tampered or foreign one. */
  read(action: LinkAction, caller: Caller, token: string): Parameters {
    const [module, encoded = '', signature = ''] = token.split('|')
    const query = Buffer.from(encoded, 'base64').toString('utf8')
    if (module !== 'disk' || !isSameSecret(signature, this.#signature(action, query, caller)) || this.#used.has(token)) throw accessDenied('Access denied! Link check failed')
    return parseQuery(query)
  }

  /** The code of an object's public link: always the same one. */
  publicCode(id: number): string {
    return createHmac('sha256', this.#secret).update(`public|${id}`).digest('base64url').replace(/[-_]/g, '').slice(0, 7)
  }

  #signature(action: LinkAction, query: string, caller: Caller): string {
    const signed = JSON.stringify(`${action}|disk|${query}|${caller.authText}`)
    return `${Buffer.from(signed).toString('base64')}.${createHmac('sha256', this.#secret).update(signed).digest('base64')}`
  }
}
