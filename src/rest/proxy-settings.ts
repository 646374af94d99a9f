/** A company's proxy as the environment names it: `HTTPS_PROXY` and `NO_PROXY` (DESIGN.md R22). Pure. */
import { isLoopback } from './webhook.js'

export interface ProxySettings {
  readonly httpsProxy: URL | undefined
  /** Lower-case host names and domains; `*` means no proxy at all. */
  readonly noProxy: readonly string[]
}

export function readProxySettings(environment: Readonly<Record<string, string | undefined>>): ProxySettings {
  const text = environment.https_proxy ?? environment.HTTPS_PROXY ?? ''
  const noProxy = environment.no_proxy ?? environment.NO_PROXY ?? ''
  return {
    httpsProxy: text === '' ? undefined : parseProxy(text),
    noProxy: noProxy.toLowerCase().split(/[\s,]+/u).filter((entry) => entry !== ''),
  }
}

/** The proxy for an address, undefined for the straight way. Loopback and plain http never go through one. */
export function proxyFor(url: URL, settings: ProxySettings): URL | undefined {
  if (settings.httpsProxy === undefined || url.protocol !== 'https:' || isLoopback(url.hostname)) return undefined
  return settings.noProxy.some((entry) => matches(entry, url)) ? undefined : settings.httpsProxy
}

function matches(entry: string, url: URL): boolean {
  if (entry === '*') return true
  const [name = '', port] = entry.replace(/^\*?\./u, '').split(':')
  if (port !== undefined && port !== (url.port === '' ? '443' : url.port)) return false
  const host = url.hostname.toLowerCase()
  return host === name || host.endsWith(`.${name}`)
}

function parseProxy(text: string): URL | undefined {
  try {
    return new URL(/^[a-z]+:\/\//iu.test(text) ? text : `http://${text}`)
  } catch {
    return undefined
  }
}
