/**
 * From an application's card to its first tokens (bitrix24-rest.md 1.2): the address that a person opens, and the code that
 * comes back turned into a grant for exactly that portal.
 */
import type { Clock } from '../base/clock.js'
import { DriveError, hasCode } from '../base/errors.js'
import { AuthorizationServer, checkServerAddress, type ApplicationKeys } from '../rest/authorization-server.js'
import type { OAuthGrant } from '../rest/oauth-access.js'
import { readProxySettings } from '../rest/proxy-settings.js'
import { isLoopback } from '../rest/webhook.js'
import type { Authorization } from './redirect-listener.js'

export interface SignIn {
  /** As `portalAddress` read it. */
  readonly portal: URL
  readonly keys: ApplicationKeys
  /** Of the authorization server, as a person wrote it. */
  readonly server: string
  readonly clock: Clock
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Shows the person the address and comes back with what the portal sent. */
  readonly authorize: (address: string) => Promise<Authorization>
  /** Handed back by the portal, and known to nobody else. */
  readonly state: string
}

/** `acme.bitrix24.com`, with or without scheme. `usage` for what is no portal, and for http anywhere but on loopback. */
export function portalAddress(text: string): URL {
  const given = text.trim()
  const address = /^[a-z][a-z0-9+.-]*:\/\//iu.test(given) ? given : `https://${given}`
  if (!URL.canParse(address) || new URL(address).username !== '') throw new DriveError('usage', `"${given}" is no portal: it should look like acme.bitrix24.com`)
  const url = new URL(address)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) throw new DriveError('usage', 'a portal\'s address begins with https://')
  return url
}

/** `usage`, `bad-credentials`, `offline`, …, each with the next step. */
export async function signIn({ portal, keys, server, clock, environment, authorize, state }: SignIn): Promise<OAuthGrant> {
  const serverOrigin = checkServerAddress(server, portal)
  const query = new URLSearchParams({ client_id: keys.clientId, state })
  const { code, memberId } = await authorize(`${portal.origin}/oauth/authorize/?${query.toString()}`)
  const authorization = new AuthorizationServer({ server: serverOrigin, clock, proxy: readProxySettings(environment) })
  try {
    const { accessToken, refreshToken, endpoint, memberId: memberIdOfTokens } = await authorization.redeem(keys, code)
    if (memberId !== undefined && memberId !== memberIdOfTokens) throw new DriveError('bad-credentials', 'the code belongs to another portal than the tokens')
    // Somebody may be signed in elsewhere; what is to be connected is what was asked for.
    const { host } = new URL(endpoint)
    if (host !== portal.host) throw new DriveError('usage', `the application was let in by ${host} instead of ${portal.host}: connect with --oauth ${host} if that is the portal you mean`)
    return { ...keys, accessToken, refreshToken, endpoint, memberId: memberIdOfTokens, server: serverOrigin, way: 'header' }
  } catch (error) {
    if (!hasCode(error, 'bad-credentials')) throw error
    // The server calls a dead code by the name of a dead refresh token.
    const says = error.fields.oauthCode === 'invalid_grant' ? 'the code is used up or older than 30 seconds' : error.message
    throw new DriveError('bad-credentials', `${says}: connect again`, { cause: error, fields: error.fields })
  } finally {
    authorization.close()
  }
}
