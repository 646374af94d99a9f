/**
 * The hook `application`: the card of the portal's local application as its owner sees it on the web, and what befalls it:
 * removed, put back, not paid for, its tokens ended before their time.
 */
import type { Application, ApplicationState } from './application.js'
import { COLLEAGUE_ID, OWNER_ID } from './seeds/seed.js'
import type { Traits } from './traits.js'

export function applicationCard({ state }: Application): object {
  const { memberId, clientId, clientSecret, redirectUri, scopes, accessSeconds, isInstalled, isPaid, signedInUserId, grants } = state
  return { memberId, clientId, clientSecret, redirectUri, scopes, accessSeconds, isInstalled, isPaid, signedIn: signedInUserId === OWNER_ID ? 'owner' : 'colleague', grants: grants.length }
}

/** Throws a RangeError that says what is wrong. */
export function changeApplication(application: Application, traits: Traits, order: Readonly<Record<string, unknown>>): void {
  const { installed, paid, scopes, accessSeconds, signedIn, endAccess, endRefresh } = order
  if (accessSeconds !== undefined && (typeof accessSeconds !== 'number' || !Number.isSafeInteger(accessSeconds) || accessSeconds < 1)) throw new RangeError('accessSeconds must be a whole number')
  if (signedIn !== undefined && signedIn !== 'owner' && signedIn !== 'colleague') throw new RangeError('signedIn must be owner or colleague')
  const changes: Partial<ApplicationState> = {
    ...(order.redirectUri === undefined ? {} : { redirectUri: redirectAddress(order.redirectUri, traits) }),
    ...(Array.isArray(scopes) ? { scopes: scopes.map(String) } : {}),
    ...(accessSeconds === undefined ? {} : { accessSeconds }),
    ...(typeof paid === 'boolean' ? { isPaid: paid } : {}),
    ...(signedIn === undefined ? {} : { signedInUserId: signedIn === 'owner' ? OWNER_ID : COLLEAGUE_ID }),
    ...(installed === true ? { isInstalled: true } : {}),
  }
  application.change(changes)
  if (installed === false) application.remove()
  if (endAccess === true) application.endAccess()
  if (endRefresh === true) application.endRefresh()
}

/** Whether a card takes a loopback http address is unverified (1.3). */
function redirectAddress(value: unknown, { redirectAddress: taken }: Traits): string | null {
  if (value === null) return null
  if (typeof value !== 'string' || !URL.canParse(value)) throw new RangeError('redirectUri must be an address or null')
  const { protocol, hostname } = new URL(value)
  const isLoopback = hostname === 'localhost' || hostname.startsWith('127.')
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback && taken === 'loopback-http')) return value
  throw new RangeError('this address is not taken by the card: it must begin with https://')
}
