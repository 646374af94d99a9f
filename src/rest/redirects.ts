/**
 * Redirects and addresses that the portal hands out: a renamed portal is followed with the POST as it was, a download may
 * lead to another host but takes no secret there, and an address with the secret must stay where the secret may go. Pure.
 */
import { DriveError } from '../base/errors.js'
import type { Access } from './access.js'
import { mayCarrySecret } from './safe-host.js'
import type { Exchange } from './transport.js'
import { isLoopback } from './webhook.js'

const MOST_HOPS = 4
const REDIRECTS = new Set([301, 302, 303, 307, 308])

type Head = Pick<Exchange, 'status' | 'header'>

/** Where to repeat a POST, undefined when the answer is no redirect (bitrix24-rest.md 1.7). */
export function followPost(head: Head, from: URL, hops: number): URL | undefined {
  const target = redirectTarget(head, from, hops)
  if (target !== undefined && !mayCarrySecret(from, target)) {
    throw new DriveError('portal-gone', `the portal points to ${target.host}, which may not be given the secret; if it has moved there, connect again`)
  }
  return target
}

/** Where a download goes on. Only https, or loopback from loopback; the secret stays in the address it came from. */
export function downloadTarget(head: Head, from: URL, hops: number): URL | undefined {
  const target = redirectTarget(head, from, hops)
  if (target !== undefined && target.protocol !== 'https:' && !(isLoopback(from.hostname) && isLoopback(target.hostname))) {
    throw new DriveError('bad-answer', `the portal sends a download to ${target.host} without https`)
  }
  return target
}

/** An address given by the portal that carries the secret (DOWNLOAD_URL, uploadUrl). */
export function safeUrl(address: string, access: Pick<Access, 'origin'>): URL {
  const own = new URL(access.origin)
  const url = parse(address, own)
  if (url === undefined) throw new DriveError('bad-answer', 'the portal gave an address that cannot be read')
  // Behind a front end that ends TLS, a portal may believe it speaks http.
  if (url.protocol === 'http:' && own.protocol === 'https:' && url.hostname === own.hostname) url.protocol = 'https:'
  if (!mayCarrySecret(own, url)) throw new DriveError('bad-answer', `the portal gave an address on ${url.host}, which may not be given the secret`)
  return url
}

function redirectTarget({ status, header }: Head, from: URL, hops: number): URL | undefined {
  if (!REDIRECTS.has(status)) return undefined
  const target = parse(header('location') ?? '', from)
  if (target === undefined || hops >= MOST_HOPS) throw new DriveError('bad-answer', 'the portal redirects without end')
  return target
}

function parse(address: string, base: URL): URL | undefined {
  if (address === '') return undefined
  try {
    return new URL(address, base)
  } catch {
    return undefined // the cause would quote the address with its secret
  }
}
