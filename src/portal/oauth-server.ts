/**
 * What stands below `/oauth/` (E-2, bitrix24-rest.md 1.2): the page on which a person lets the application in, and the
 * address where codes and refresh tokens become tokens. On the real thing the second is another host, outside of the
 * portal's bucket; here it is the same host and as free. Faults meet it by the names `oauth.authorize` and `oauth.token`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { delay, type Clock } from '../base/clock.js'
import { AnswerWriter, htmlAnswer, jsonAnswer, textAnswer, type WireAnswer } from './answer-writer.js'
import { OAuthRefusal, type Application, type TokenPair } from './application.js'
import type { FaultEffect, Faults } from './faults.js'
import { mergeParameters, parseQuery, phpArray, textOf, type Parameters } from './parameters.js'
import type { RequestEntry, Requests } from './requests.js'
import { statusAnswer } from './status-answer.js'
import type { Traits } from './traits.js'

export interface OAuthServerOptions {
  readonly application: Application
  readonly faults: Faults
  readonly requests: Requests
  readonly clock: Clock
  readonly traits: () => Traits
  /** The portal's address without a trailing slash. */
  readonly address: () => string
}

const MAX_FORM_BYTES = 64 * 1024
/** What the log of requests may show. */
const SHOWN = ['client_id', 'grant_type', 'scope', 'state']

export class OAuthServer {
  readonly #o: OAuthServerOptions

  constructor(options: OAuthServerOptions) {
    this.#o = options
  }

  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const action = /^\/oauth\/(authorize|token)\/?$/.exec(url.pathname)?.[1] as 'authorize' | 'token' | undefined
    const name = `oauth.${action ?? 'unknown'}`
    const fault = this.#o.faults.forInnerCall(name)
    const writer = new AnswerWriter({ clock: this.#o.clock, response, fault, sent: () => undefined })
    if (fault?.kind === 'reset') {
      writer.drop()
      return
    }
    const gone = new AbortController()
    response.once('close', () => {
      gone.abort()
    })
    const parameters = mergeParameters(parseQuery(url.search.slice(1)), await readForm(request))
    const entry = this.#o.requests.beginElsewhere(name)
    entry.parameters = Object.fromEntries(SHOWN.filter((key) => parameters[key] !== undefined).map((key) => [key, parameters[key]]))
    try {
      if (fault?.kind === 'stall') await delay(this.#o.clock, fault.ms, gone.signal)
      const answer = this.#answer(action, request, parameters, fault)
      note(entry, answer)
      await writer.write(answer)
    } catch (error) {
      if (!gone.signal.aborted) throw error // else the client has gone
    }
  }

  #answer(action: 'authorize' | 'token' | undefined, request: IncomingMessage, parameters: Parameters, fault: FaultEffect | undefined): WireAnswer {
    if (fault?.kind === 'html') return htmlAnswer(fault.status)
    if (fault?.kind === 'status') return statusAnswer(fault)
    if (action === undefined) return htmlAnswer(404)
    if (request.method !== 'GET' && (request.method !== 'POST' || action === 'authorize')) return htmlAnswer(405)
    return action === 'authorize' ? this.#authorize(parameters) : this.#token(parameters)
  }

  /** The redirect address comes from the card and nowhere else; what fails shows a page and does not redirect. */
  #authorize(parameters: Parameters): WireAnswer {
    const { application } = this.#o
    const { clientId, isInstalled, redirectUri, scopes, memberId } = application.state
    if (textOf(parameters.client_id) !== clientId || !isInstalled) return page(400, 'Application not found', 'There is no such application on this Bitrix24.')
    const code = application.makeCode()
    if (redirectUri === null) return page(200, 'Authorization code', `Paste this code into the application: <code>${code}</code>`)
    const target = new URL(redirectUri)
    const host = new URL(this.#o.address()).host
    const handed = { code, state: parameters.state === undefined ? undefined : textOf(parameters.state), domain: host, member_id: memberId, scope: scopes.join(','), server_domain: host }
    for (const [key, value] of Object.entries(handed)) if (value !== undefined) target.searchParams.set(key, value)
    return { ...page(302, 'Found', 'You are being sent back to the application.'), headers: { 'Content-Type': 'text/html; charset=utf-8', Location: target.href } }
  }

  #token(parameters: Parameters): WireAnswer {
    try {
      const grantType = textOf(parameters.grant_type)
      if (grantType !== 'authorization_code' && grantType !== 'refresh_token') throw new OAuthRefusal(400, 'invalid_request', 'grant_type must be authorization_code or refresh_token')
      const needed = ['client_id', 'client_secret', grantType === 'refresh_token' ? 'refresh_token' : 'code']
      const missing = needed.find((key) => textOf(parameters[key]) === '')
      if (missing !== undefined) throw new OAuthRefusal(400, 'invalid_request', `${missing} is missing`)
      this.#o.application.requireClient(textOf(parameters.client_id), textOf(parameters.client_secret))
      this.#requireScopes(textOf(parameters.scope))
      return jsonAnswer(200, grantType === 'refresh_token' ? this.#answerOf(this.#o.application.refresh(textOf(parameters.refresh_token)), true) : this.#answerOf(this.#o.application.redeem(textOf(parameters.code)), false))
    } catch (error) {
      if (!(error instanceof OAuthRefusal)) throw error
      return jsonAnswer(error.status, { error: this.#spelled(String(error.code)), error_description: error.message })
    }
  }

  #requireScopes(asked: string): void {
    const foreign = asked.split(/[\s,]+/).find((scope) => scope !== '' && !this.#o.application.state.scopes.includes(scope))
    if (foreign !== undefined) throw new OAuthRefusal(403, 'invalid_scope', `The application does not have the scope ${foreign}`)
  }

  /** All fields of 1.2; `expires` and `user_id` come at least on refresh. */
  #answerOf({ accessToken, refreshToken, untilSec, userId }: TokenPair, isRefresh: boolean): object {
    const { accessSeconds, memberId, scopes } = this.#o.application.state
    const address = this.#o.address()
    return {
      access_token: accessToken,
      refresh_token: refreshToken,
      expires_in: accessSeconds,
      ...(isRefresh || this.#o.traits().firstTokenHasUser ? { expires: untilSec, user_id: userId } : {}),
      domain: new URL(address).host,
      server_endpoint: `${address}/rest/`,
      client_endpoint: `${address}/rest/`,
      member_id: memberId,
      scope: scopes.join(','),
      status: 'L',
    }
  }

  #spelled(code: string): string {
    const { oauthErrorCase } = this.#o.traits()
    return oauthErrorCase === 'upper' ? code.toUpperCase() : oauthErrorCase === 'lower' ? code.toLowerCase() : code
  }
}

function note(entry: RequestEntry, { status }: WireAnswer): void {
  entry.status = status
}

/** Only a form: both ways of 1.2 are GET and this. */
async function readForm(request: IncomingMessage): Promise<Parameters> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= MAX_FORM_BYTES) chunks.push(chunk)
  }
  const isForm = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() === 'application/x-www-form-urlencoded'
  return isForm && bytes <= MAX_FORM_BYTES ? parseQuery(Buffer.concat(chunks).toString('utf8')) : phpArray()
}

function page(status: number, title: string, body: string): WireAnswer {
  return textAnswer(status, 'text/html; charset=utf-8', `<!doctype html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1><p>${body}</p></body></html>\n`)
}
