/**
 * The authorization server (bitrix24-rest.md 1.2): turns a code or a refresh token into a pair of tokens. One request each
 * time; asking again is whoever's business knows what a lost answer costs, because a code and a refresh token are good for
 * one answer. Ids, secrets and tokens go in the body, never in an address.
 */
import type { Clock } from '../base/clock.js'
import { DriveError, type ErrorCode } from '../base/errors.js'
import { Bandwidth } from './bandwidth.js'
import { parseObject } from './envelope.js'
import { PortalAgents } from './portal-agents.js'
import type { ProxySettings } from './proxy-settings.js'
import { Transport, TransportFailure } from './transport.js'
import { untrustedWords } from './untrusted.js'
import { isLoopback } from './webhook.js'
import { wholeBody, wholeText } from './whole-body.js'

export const DEFAULT_AUTHORIZATION_SERVER = 'https://oauth.bitrix.info'

/** An application's card on the portal. */
export interface ApplicationKeys {
  readonly clientId: string
  readonly clientSecret: string
}

export interface TokenAnswer {
  readonly accessToken: string
  readonly refreshToken: string
  readonly expiresInSeconds: number
  /** Base of every call, with a trailing slash. */
  readonly endpoint: string
  readonly memberId: string
}

const ANSWER_TIMEOUT_MS = 20_000 // a person waits, and so does whoever ends the daemon
const LARGEST_ANSWER_BYTES = 1024 * 1024
const HOURLY_SECONDS = 3_600

export class AuthorizationServer {
  readonly #url: URL
  readonly #agents: PortalAgents
  readonly #transport: Transport

  /** `server` as `checkServerAddress` answered it. */
  constructor(options: { server: string; clock: Clock; proxy: ProxySettings }) {
    const { clock } = options
    const unlimited = new Bandwidth({ clock, bytesPerSecond: () => undefined })
    this.#url = new URL('/oauth/token/', options.server)
    this.#agents = new PortalAgents({ clock, proxy: options.proxy })
    this.#transport = new Transport({ agents: this.#agents, clock, limits: { down: unlimited, up: unlimited } })
  }

  redeem(keys: ApplicationKeys, code: string, signal?: AbortSignal): Promise<TokenAnswer> {
    return this.#ask(keys, { grant_type: 'authorization_code', code }, signal)
  }

  /** The refresh token is spent by this, whether the answer arrives or not. */
  refresh(keys: ApplicationKeys, refreshToken: string, signal?: AbortSignal): Promise<TokenAnswer> {
    return this.#ask(keys, { grant_type: 'refresh_token', refresh_token: refreshToken }, signal)
  }

  close(): void {
    this.#agents.close()
  }

  async #ask({ clientId, clientSecret }: ApplicationKeys, fields: Readonly<Record<string, string>>, signal: AbortSignal | undefined): Promise<TokenAnswer> {
    const form = new URLSearchParams({ ...fields, client_id: clientId, client_secret: clientSecret })
    const body = wholeBody('application/x-www-form-urlencoded', form.toString())
    try {
      const exchange = await this.#transport.exchange({ verb: 'POST', url: this.#url, pool: 'write', body, signal, answerTimeoutMs: ANSWER_TIMEOUT_MS, idleTimeoutMs: ANSWER_TIMEOUT_MS, isContent: false })
      return readAnswer(exchange.status, await wholeText(exchange, LARGEST_ANSWER_BYTES, 'the authorization server'), this.#url)
    } catch (error) {
      if (!(error instanceof TransportFailure)) throw error
      throw new DriveError('offline', untrustedWords(error.reason, `the authorization server ${this.#url.host}`) ?? `the authorization server ${this.#url.host} cannot be reached (${error.reason})`, { fields: { reason: error.reason } })
    }
  }
}

/** As an origin. `usage` for what may not be given a secret: no https, except on loopback for a portal that is there too. */
export function checkServerAddress(text: string, portal: URL): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isLocal = url !== undefined && isLoopback(url.hostname) && isLoopback(portal.hostname)
  if (url === undefined || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal))) {
    throw new DriveError('usage', 'the address of the authorization server must begin with https://')
  }
  return url.origin
}

/** What the codes of 1.2 mean; their case varies. `bad-credentials`: asking again never helps. */
const REFUSALS: Readonly<Record<string, readonly [code: ErrorCode, says: string]>> = {
  invalid_grant: ['bad-credentials', 'the access of this computer has ended'],
  bad_verification_code: ['bad-credentials', 'the code is used up or older than 30 seconds'],
  not_installed: ['bad-credentials', 'the application was removed from the portal'],
  invalid_client: ['bad-credentials', 'the application\'s client_id or client_secret is not right'],
  wrong_client: ['bad-credentials', 'the application\'s client_id or client_secret is not right'],
  payment_required: ['no-rest-on-plan', 'the portal\'s subscription has ended'],
  invalid_scope: ['missing-scope', 'the application lacks a permission: give it "Drive (disk)" on the portal'],
  insufficient_scope: ['missing-scope', 'the application lacks a permission: give it "Drive (disk)" on the portal'],
}

function readAnswer(status: number, text: string, server: URL): TokenAnswer {
  const { host } = server
  const value = parseObject(text)
  const code = typeof value?.error === 'string' ? value.error.toLowerCase() : undefined
  if (code !== undefined) {
    const [errorCode, says] = REFUSALS[code] ?? [status >= 500 ? 'offline' : 'portal-error', `the authorization server ${host} refused`]
    throw new DriveError(errorCode, says, { fields: { status, oauthCode: code.slice(0, 60) } })
  }
  // A front end that cannot reach the server answers with a page of its own: nothing is known then.
  if (status !== 200) throw new DriveError('offline', `the authorization server ${host} answers with HTTP ${status}`, { fields: { status } })
  const answer = value === undefined ? undefined : tokens(value, server)
  if (answer === undefined) throw new DriveError('bad-answer', `the authorization server ${host} gave an answer that cannot be read`, { fields: { status } })
  return answer
}

function tokens(value: Readonly<Record<string, unknown>>, server: URL): TokenAnswer | undefined {
  const { access_token: accessToken, refresh_token: refreshToken, client_endpoint: endpoint, member_id: memberId } = value
  const isText = (each: unknown): each is string => typeof each === 'string' && each !== ''
  if (!isText(accessToken) || !isText(refreshToken) || !isText(endpoint) || !isText(memberId) || !isEndpoint(endpoint, server)) return undefined
  const expiresInSeconds = Number(value.expires_in)
  return { accessToken, refreshToken, endpoint: endpoint.replace(/\/*$/u, '/'), memberId, expiresInSeconds: expiresInSeconds > 0 ? expiresInSeconds : HOURLY_SECONDS }
}

/** A portal on loopback is known to a server that is there too, and to no other. */
function isEndpoint(text: string, server: URL): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname) && isLoopback(server.hostname))
}
