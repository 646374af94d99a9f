/**
 * A person at a browser, and an application that speaks OAuth with plain fetch: what a test needs of both to get tokens
 * from a portal, wherever that runs. No code of the project's client.
 */
import { text, type Json } from './json.js'

export interface Exchange {
  readonly status: number
  readonly location: URL | undefined
  readonly text: string
  readonly json: Json
}

export interface Card {
  readonly clientId: string
  readonly clientSecret: string
  readonly memberId: string
  readonly redirectUri: string | null
  readonly grants: number
}

export async function ask(url: string | URL, init: RequestInit = {}): Promise<Exchange> {
  const response = await fetch(url, { ...init, redirect: 'manual' })
  const body = await response.text()
  const location = response.headers.get('location')
  const isJson = response.headers.get('content-type')?.includes('json') === true
  return { status: response.status, location: location === null ? undefined : new URL(location), text: body, json: (isJson ? JSON.parse(body) : undefined) as Json }
}

export class Browser {
  readonly url: string
  readonly #hooks: string

  constructor({ url, hooks }: { readonly url: string; readonly hooks: string }) {
    this.url = url
    this.#hooks = hooks
  }

  /** The application's card, changed before where `changes` says so. */
  async card(changes?: object): Promise<Card> {
    const { status, text: body } = await ask(`${this.#hooks}/application`, changes === undefined ? {} : { method: 'POST', body: JSON.stringify(changes) })
    if (status !== 200) throw new Error(body)
    return JSON.parse(body) as Card
  }

  /** Opens the authorization page. */
  async authorize(query: Readonly<Record<string, string>> = {}): Promise<Exchange> {
    const { clientId } = await this.card()
    return ask(`${this.url}/oauth/authorize/?${new URLSearchParams({ client_id: clientId, ...query }).toString()}`)
  }

  /** A code off the page or out of the redirect. */
  async code(): Promise<string> {
    const { location, text: body } = await this.authorize()
    const code = location === undefined ? /<code>(\w+)<\/code>/.exec(body)?.[1] : location.searchParams.get('code')
    if (code === undefined || code === null) throw new Error(body)
    return code
  }

  /** Asks the authorization server with the card's own id and secret, as a form or by GET. */
  async token(fields: Readonly<Record<string, string>>, way: 'GET' | 'POST' = 'POST'): Promise<Exchange> {
    const { clientId, clientSecret } = await this.card()
    const query = new URLSearchParams({ client_id: clientId, client_secret: clientSecret, ...fields })
    return way === 'GET' ? ask(`${this.url}/oauth/token/?${query.toString()}`) : ask(`${this.url}/oauth/token/`, { method: 'POST', body: query })
  }

  /** The answer to a fresh code. */
  async signIn(): Promise<Json> {
    const { status, json, text: body } = await this.token({ grant_type: 'authorization_code', code: await this.code() })
    if (status !== 200) throw new Error(body)
    return json
  }

  refresh(refreshToken: Json | string): Promise<Exchange> {
    return this.token({ grant_type: 'refresh_token', refresh_token: text(refreshToken as Json) })
  }
}
