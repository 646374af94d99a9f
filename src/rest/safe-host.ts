/**
 * Where a request that carries the secret may go when the portal points elsewhere (bitrix24-rest.md 1.7): the same host,
 * or another name under the same domain, always under https. Pure.
 */
import { isLoopback } from './webhook.js'

/** `co.uk`, `com.br`: two short labels are a registry's, not an owner's. Errs on the side of refusing. */
const SHORTEST_OWNED_LABEL = 4

/** Whether `to` may be sent the secret that belongs to `from`. */
export function mayCarrySecret(from: URL, to: URL): boolean {
  if (isLoopback(from.hostname) && isLoopback(to.hostname)) return to.protocol === 'http:' || to.protocol === 'https:'
  if (to.protocol !== 'https:') return false
  if (to.hostname === from.hostname) return true
  const domain = parentDomain(from.hostname)
  return domain !== undefined && parentDomain(to.hostname) === domain
}

/** `bitrix24.com` of `acme.bitrix24.com`; undefined where the parent may belong to a registry. */
function parentDomain(hostname: string): string | undefined {
  const labels = hostname.split('.')
  if (labels.length < 3 || /^[\d.]+$/u.test(hostname) || hostname.startsWith('[')) return undefined
  const parent = labels.slice(1)
  if (parent.length === 2 && (parent[0] ?? '').length < SHORTEST_OWNED_LABEL) return undefined
  return parent.join('.')
}
