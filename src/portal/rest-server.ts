/**
 * One HTTP request below `/rest/` from its first byte to its last: counted, let in by the bucket, met by a fault, read,
 * authorized, answered. What goes wrong by protocol is a RestFailure and becomes its JSON; what goes wrong in here is 500.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { delay, type Clock } from '../base/clock.js'
import { errorText } from '../base/errors.js'
import type { Log } from '../base/log.js'
import type { Caller } from './account.js'
import { acceptsGzip, AnswerWriter, compressed, htmlAnswer, jsonAnswer, redirectAnswer, type WireAnswer } from './answer-writer.js'
import type { Application } from './application.js'
import { runBatch } from './batch.js'
import { BLOB_PATH } from './blob-grants.js'
import { answerBlob } from './blob-host.js'
import type { Calls, CallTime } from './calls.js'
import type { Desk } from './desk.js'
import { answerDownload } from './downloads.js'
import type { FaultEffect, Faults } from './faults.js'
import type { LeakyBucket } from './leaky-bucket.js'
import { Line } from './line.js'
import { mergeParameters, parseQuery, phpArray, textOf, type Parameters } from './parameters.js'
import { readRequestBody, type RequestBody } from './request-body.js'
import { RequestTimedOut, RequestTimer } from './request-timer.js'
import type { RequestEntry, Requests } from './requests.js'
import { nameTaken, RestFailure } from './rest-failure.js'
import { statusAnswer } from './status-answer.js'
import type { TrashKeeper } from './trash-keeper.js'
import { UNHEARD_OF } from './unheard-of.js'
import { answerUpload } from './uploads.js'

interface Route {
  /** Of a webhook; without one the request carries a token. */
  readonly webhook: { readonly user: string; readonly code: string } | undefined
  /** Lower case, without suffix. */
  readonly method: string
  readonly query: Parameters
}

/** E-13: above the first the front end answers 413, above the second PHP loses what a form brought. */
export interface BodyLimits {
  readonly clientMaxBytes: number
  readonly postMaxBytes: number
}

/** What a request is under, beside what it asks. */
interface Under {
  readonly entry: RequestEntry
  readonly fault: FaultEffect | undefined
  readonly timer: RequestTimer
}

interface Result {
  readonly answer: WireAnswer
  readonly isContent: boolean
  readonly fault: FaultEffect | undefined
}

const EMPTY_BODY: RequestBody = { parameters: phpArray(), files: new Map(), incoming: [] }

export class RestServer {
  readonly #desk: Desk
  readonly #application: Application
  readonly #trash: TrashKeeper
  readonly #calls: Calls
  readonly #faults: Faults
  readonly #bucket: LeakyBucket
  readonly #requests: Requests
  readonly #clock: Clock
  readonly #log: Log
  latencyMs: number
  bodyLimits: BodyLimits
  /** E-13: what one request may take; undefined: no limit. */
  requestSeconds: number | undefined
  readonly line: Line

  constructor(options: { desk: Desk; application: Application; trash: TrashKeeper; calls: Calls; faults: Faults; bucket: LeakyBucket; requests: Requests; clock: Clock; log: Log; latencyMs: number; bodyLimits: BodyLimits; requestSeconds: number | undefined }) {
    this.#desk = options.desk
    this.#application = options.application
    this.#trash = options.trash
    this.#calls = options.calls
    this.#faults = options.faults
    this.#bucket = options.bucket
    this.#requests = options.requests
    this.#clock = options.clock
    this.#log = options.log
    this.latencyMs = options.latencyMs
    this.bodyLimits = options.bodyLimits
    this.requestSeconds = options.requestSeconds
    this.line = new Line(options.clock)
  }

  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (url.pathname.startsWith(BLOB_PATH) && request.headers.host === new URL(this.#desk.hosts.blobOrigin()).host) {
      await this.#answerBlob(request, response, url)
      return
    }
    const moved = this.#desk.hosts.movedTo(request.headers.host, url.pathname + url.search)
    const route = moved === undefined ? readRoute(url) : undefined
    if (route === undefined) {
      request.resume()
      await new AnswerWriter({ clock: this.#clock, response, fault: undefined, sent: () => undefined }).write(moved === undefined ? htmlAnswer(404) : redirectAnswer(moved))
      return
    }
    const entry = this.#requests.begin(route.method)
    const fault = this.#faults.forRequest(route.method)
    const stop = stopSignal(response)
    try {
      if (fault?.kind === 'reset') {
        new AnswerWriter({ clock: this.#clock, response, fault, sent: () => undefined }).drop()
        return
      }
      const { answer, isContent, fault: wireFault } = await this.#result(request, route, entry, fault, stop)
      if (this.latencyMs > 0) await delay(this.#clock, this.latencyMs, stop)
      entry.status = answer.status
      if (answer.status === 503) this.#requests.countLimited()
      const sent = (bytes: number): void => {
        if (isContent) this.#requests.countDown(bytes)
        else this.#requests.countAnswer(bytes)
      }
      await new AnswerWriter({ clock: this.#clock, response, fault: wireFault, line: this.line, sent }).write(this.#compresses(request) ? compressed(answer) : answer)
    } catch (error) {
      if (stop.aborted || response.destroyed) return // the client has gone
      throw error
    }
  }

  /** The other host: outside of the bucket and of `operating`, but the bytes are content bytes. */
  async #answerBlob(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    request.resume()
    const { answer, fault } = answerBlob(request, url, this.#desk)
    const sent = (bytes: number): void => {
      this.#requests.countDown(bytes)
    }
    await new AnswerWriter({ clock: this.#clock, response, fault, line: this.line, sent }).write(this.#compresses(request) ? compressed(answer) : answer)
  }

  #compresses(request: IncomingMessage): boolean {
    return this.#desk.traits().compression === 'gzip' && acceptsGzip(request.headers)
  }

  async #result(request: IncomingMessage, route: Route, entry: RequestEntry, fault: FaultEffect | undefined, stop: AbortSignal): Promise<Result> {
    const refuse = (answer: WireAnswer): Result => {
      request.resume()
      return { answer, isContent: false, fault: undefined }
    }
    if (!this.#bucket.admit()) return refuse(jsonAnswer(503, { error: 'QUERY_LIMIT_EXCEEDED', error_description: 'Too many requests' }))
    if (fault?.kind === 'status') return refuse(statusAnswer(fault))
    if (fault?.kind === 'html') return refuse(htmlAnswer(fault.status))
    if (fault?.kind === 'stall' && route.method !== 'download') await delay(this.#clock, fault.ms, stop)
    if (request.headers['transfer-encoding'] !== undefined && this.#desk.traits().chunkedBodies === 'refused') return refuse(htmlAnswer(411))
    const bodyBytes = Number(request.headers['content-length'] ?? 0)
    const timer = new RequestTimer(this.requestSeconds)
    const startMs = this.#clock.monotonicMs()
    if (bodyBytes > this.bodyLimits.clientMaxBytes) return refuse(htmlAnswer(413))
    let body = EMPTY_BODY
    try {
      body = await readRequestBody(request, this.#paced(request, fault), this.#desk.contents)
      if (this.#desk.traits().slowBodies === 'counted') timer.spend((this.#clock.monotonicMs() - startMs) / 1000)
      const isLost = bodyBytes > this.bodyLimits.postMaxBytes && body.files.size > 0
      return await this.#answer(request, route, isLost ? EMPTY_BODY : body, { entry, fault, timer })
    } catch (error) {
      if (error instanceof RequestTimedOut) return { answer: htmlAnswer(504), isContent: false, fault: undefined }
      if (error instanceof RestFailure) return { answer: jsonAnswer(error.status, { ...error.body(), ...(this.#desk.traits().unheardOfFields === 'present' ? UNHEARD_OF : {}) }), isContent: false, fault }
      if (request.destroyed && !request.complete) throw error
      this.#log.error({ method: route.method, error: errorText(error) }, 'a call of the portal failed inside')
      return { answer: jsonAnswer(500, { error: 'INTERNAL_SERVER_ERROR', error_description: 'Internal server error' }), isContent: false, fault }
    } finally {
      for (const incoming of body.incoming) incoming.dispose(this.#desk.contents)
    }
  }

  async #answer(request: IncomingMessage, route: Route, body: RequestBody, under: Under): Promise<Result> {
    const { entry, fault } = under
    const { caller, parameters } = this.#authorized(request, route, mergeParameters(route.query, body.parameters))
    this.#trash.look()
    if (route.method === 'download') {
      this.#requests.countMethod('download')
      const { answer, about, fault: left } = await answerDownload({ caller, parameters, headers: request.headers, fault }, this.#desk)
      entry.parameters = about
      // What HEAD says is known; what it sends is nothing (8.2).
      return { answer: request.method === 'HEAD' ? { ...answer, body: Readable.from([]) } : answer, isContent: answer.status !== 302, fault: left }
    }
    if (route.method === 'upload') {
      this.#requests.countMethod('upload')
      const startMs = this.#desk.time.nowMs()
      if (this.#faults.forResult('upload', 'rival') !== undefined) throw nameTaken('file')
      const { result, about } = answerUpload({ caller, parameters, files: body.files }, this.#desk)
      entry.parameters = about
      const time = this.#desk.traits().uploadAnswerHasTime ? this.#timed(this.#calls.time(startMs, undefined)) : {}
      return { answer: jsonAnswer(200, { result, ...time }), isContent: false, fault }
    }
    entry.parameters = withoutContent(parameters)
    return route.method === 'batch' ? this.#batch(caller, parameters, under) : this.#single(caller, route.method, parameters, under)
  }

  /** A webhook by its path; a token as parameter `auth` or `access_token` wherever parameters come, or as a Bearer header (E-3). */
  #authorized(request: IncomingMessage, { webhook }: Route, given: Parameters): { caller: Caller; parameters: Parameters } {
    if (webhook !== undefined) return { caller: this.#desk.account.authorize(webhook.user, webhook.code), parameters: given }
    const { auth, access_token: accessToken, ...parameters } = given
    const inParameters = textOf(auth ?? accessToken)
    const header = this.#desk.traits().bearerHeader === 'accepted' ? /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] : undefined
    const caller = inParameters === '' ? this.#application.authorize(header, 'header') : this.#application.authorize(inParameters, 'parameter')
    this.#desk.account.requirePlan()
    return { caller, parameters }
  }

  async #batch(caller: Caller, parameters: Parameters, { entry, fault, timer }: Under): Promise<Result> {
    const startMs = this.#desk.time.nowMs()
    this.#requests.countMethod('batch')
    const { result, inner, wireFault } = await runBatch({ calls: this.#calls, faults: this.#faults, caller, parameters, timer })
    entry.calls = inner
    const effective = fault ?? wireFault
    if (wireFault?.kind === 'html' && fault === undefined) return { answer: htmlAnswer(wireFault.status), isContent: false, fault: undefined }
    const answer = jsonAnswer(200, { result, ...this.#timed(this.#calls.time(startMs, undefined)) })
    return { answer, isContent: false, fault: effective?.kind === 'reset' ? { kind: 'lost-answer' } : effective }
  }

  async #single(caller: Caller, method: string, parameters: Parameters, { fault, timer }: Under): Promise<Result> {
    const outcome = await this.#calls.run({ method, parameters, caller, timer })
    if (!outcome.ok) throw outcome.failure
    const { answer, time } = outcome
    const counts = { ...(answer.next === undefined ? {} : { next: answer.next }), ...(answer.total === undefined ? {} : { total: answer.total }) }
    return { answer: jsonAnswer(200, { result: answer.result, ...counts, ...this.#timed(time) }), isContent: false, fault: fault?.kind === 'stall' ? undefined : fault }
  }

  /** `time`, which no client may count on (2.2), and beside it what no document names. */
  #timed(time: CallTime): object {
    const { envelopeTime, unheardOfFields } = this.#desk.traits()
    return { ...(envelopeTime === 'absent' ? {} : { time }), ...(unheardOfFields === 'present' ? { ...UNHEARD_OF } : {}) }
  }

  async *#paced(request: IncomingMessage, fault: FaultEffect | undefined): AsyncGenerator<Buffer> {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (fault?.kind === 'slow') await delay(this.#clock, (chunk.length / fault.bytesPerSecond) * 1000)
      yield chunk
    }
  }
}

/** Contents have no place in the log of requests. */
function withoutContent(parameters: Parameters): Parameters {
  return parameters.fileContent === undefined ? parameters : { ...parameters, fileContent: '(left out)' }
}

/** Aborts when the connection goes before the answer is complete. */
function stopSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    controller.abort()
  })
  return controller.signal
}

/** `/rest/{user}/{code}/{method}[.json|.xml][/]` of a webhook (E-1), `/rest/{method}…` with a token (E-3). */
/** Slashes in a row are one, as nginx has it: the vendor's own SDK asks for `/rest//profile` by OAuth. */
function readRoute(url: URL): Route | undefined {
  const match = /^\/rest\/(?:([^/]+)\/([^/]+)\/)?([^/]+?)(?:\.(?:json|xml))?\/?$/i.exec(url.pathname.replace(/\/{2,}/g, '/'))
  if (match === null) return undefined
  const [, user, code, method = ''] = match
  return { webhook: user === undefined || code === undefined ? undefined : { user, code }, method: method.toLowerCase(), query: parseQuery(url.search.slice(1)) }
}
