/**
 * An inbound webhook: the address `https://PORTAL/rest/USER/CODE/` (bitrix24-rest.md 1.1). The code is the whole secret,
 * so it is held in a private field: printing, inspecting or serialising a webhook shows the address without it.
 */
import { inspect } from 'node:util'
import { DriveError } from '../base/errors.js'
import type { Access } from './access.js'

const SEGMENT = /^[\w.~@+-]{1,100}$/u
const CODE = /^[\w.~-]{4,200}$/u

export class Webhook implements Access {
  readonly kind = 'webhook'
  /** A webhook lasts until it is deleted. */
  readonly renewal = undefined
  /** `https://acme.bitrix24.com`, without a trailing slash. */
  readonly origin: string
  /** Host and port: names the portal, holds no secret. */
  readonly host: string
  readonly userId: string
  readonly #code: string

  private constructor(origin: string, userId: string, code: string) {
    this.origin = origin
    this.host = new URL(origin).host
    this.userId = userId
    this.#code = code
  }

  /** Reads what a person pasted: with or without scheme, trailing slash or a method behind. Throws `usage`. */
  static parse(text: string): Webhook {
    const pasted = text.trim()
    const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//iu.test(pasted) ? pasted : `https://${pasted}`)
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw usage('A webhook begins with https://')
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      throw usage('The webhook begins with http://, which would show its secret to everyone on the way: use https://')
    }
    if (url.username !== '' || url.password !== '') throw usage('A webhook has no user name and password in front of the portal\'s name')
    const [rest, userId, code] = url.pathname.split('/').slice(1)
    if (rest !== 'rest' || userId === undefined || userId === '') throw usage('This is not a webhook: it should look like https://PORTAL/rest/USER/CODE/')
    if (!SEGMENT.test(userId)) throw usage('The user in the webhook is not valid: it should look like https://PORTAL/rest/USER/CODE/')
    if (code === undefined || !CODE.test(code)) throw usage('The webhook has no secret code behind the user: copy it whole, it should look like https://PORTAL/rest/USER/CODE/')
    return new Webhook(url.origin, userId, code)
  }

  /** Where a method is called. Carries the secret. */
  methodUrl(method: string): string {
    return `${this.origin}/rest/${this.userId}/${this.#code}/${method}`
  }

  /** The secret is in the path. */
  headersFor(): Readonly<Record<string, string>> {
    return {}
  }

  /** The same webhook on a portal that changed its address (1.7). */
  movedTo(origin: string): Webhook {
    return new Webhook(origin, this.userId, this.#code)
  }

  /** The whole address with its secret, only to be stored. */
  reveal(): string {
    return `${this.origin}/rest/${this.userId}/${this.#code}/`
  }

  /** The text without this webhook's code, wherever it stands. */
  scrub(text: string): string {
    return text.replaceAll(this.#code, '***')
  }

  toString(): string {
    return `${this.origin}/rest/${this.userId}/***/`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return `Webhook(${this.toString()})`
  }
}

/** Names of this machine's own loopback interface, where plain http shows nothing to anybody. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/u.test(hostname)
}

function parseUrl(text: string): URL {
  try {
    return new URL(text)
  } catch {
    // The cause would quote the text, and the text may hold the secret.
    throw usage('This is not a webhook: it should look like https://PORTAL/rest/USER/CODE/')
  }
}

function usage(message: string): DriveError {
  return new DriveError('usage', message)
}
