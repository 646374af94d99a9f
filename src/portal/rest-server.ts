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
import { AnswerWriter, htmlAnswer, jsonAnswer, textAnswer, type WireAnswer } from './answer-writer.js'
import { runBatch } from './batch.js'
import type { Calls } from './calls.js'
import type { Desk } from './desk.js'
import { answerDownload } from './downloads.js'
import type { FaultEffect, Faults } from './faults.js'
import type { LeakyBucket } from './leaky-bucket.js'
import { mergeParameters, parseQuery, phpArray, type Parameters } from './parameters.js'
import { readRequestBody, type RequestBody } from './request-body.js'
import type { RequestEntry, Requests } from './requests.js'
import { RestFailure } from './rest-failure.js'
import { answerUpload } from './uploads.js'

interface Route {
  readonly user: string
  readonly code: string
  /** Lower case, without suffix. */
  readonly method: string
  readonly query: Parameters
}

/** E-13: above the first the front end answers 413, above the second PHP loses what a form brought. */
export interface BodyLimits {
  readonly clientMaxBytes: number
  readonly postMaxBytes: number
}

interface Result {
  readonly answer: WireAnswer
  readonly isContent: boolean
  readonly fault: FaultEffect | undefined
}

const EMPTY_BODY: RequestBody = { parameters: phpArray(), files: new Map(), incoming: [] }

export class RestServer {
  readonly #desk: Desk
  readonly #calls: Calls
  readonly #faults: Faults
  readonly #bucket: LeakyBucket
  readonly #requests: Requests
  readonly #clock: Clock
  readonly #log: Log
  latencyMs: number
  bodyLimits: BodyLimits

  constructor(options: { desk: Desk; calls: Calls; faults: Faults; bucket: LeakyBucket; requests: Requests; clock: Clock; log: Log; latencyMs: number; bodyLimits: BodyLimits }) {
    this.#desk = options.desk
    this.#calls = options.calls
    this.#faults = options.faults
    this.#bucket = options.bucket
    this.#requests = options.requests
    this.#clock = options.clock
    this.#log = options.log
    this.latencyMs = options.latencyMs
    this.bodyLimits = options.bodyLimits
  }

  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const route = readRoute(url)
    if (route === undefined) {
      request.resume()
      await new AnswerWriter({ clock: this.#clock, response, fault: undefined, sent: () => undefined }).write(htmlAnswer(404))
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
      await new AnswerWriter({ clock: this.#clock, response, fault: wireFault, sent }).write(answer)
    } catch (error) {
      if (stop.aborted || response.destroyed) return // the client has gone
      throw error
    }
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
    const bodyBytes = Number(request.headers['content-length'] ?? 0)
    if (bodyBytes > this.bodyLimits.clientMaxBytes) return refuse(htmlAnswer(413))
    let body = EMPTY_BODY
    try {
      body = await readRequestBody(request, this.#paced(request, fault), this.#desk.contents)
      const isLost = bodyBytes > this.bodyLimits.postMaxBytes && body.files.size > 0
      return await this.#answer(request, route, isLost ? EMPTY_BODY : body, entry, fault)
    } catch (error) {
      if (error instanceof RestFailure) return { answer: jsonAnswer(error.status, error.body()), isContent: false, fault }
      if (request.destroyed && !request.complete) throw error
      this.#log.error({ method: route.method, error: errorText(error) }, 'a call of the portal failed inside')
      return { answer: jsonAnswer(500, { error: 'INTERNAL_SERVER_ERROR', error_description: 'Internal server error' }), isContent: false, fault }
    } finally {
      for (const incoming of body.incoming) incoming.dispose(this.#desk.contents)
    }
  }

  async #answer(request: IncomingMessage, route: Route, body: RequestBody, entry: RequestEntry, fault: FaultEffect | undefined): Promise<Result> {
    const caller = this.#desk.account.authorize(route.user, route.code)
    const parameters = mergeParameters(route.query, body.parameters)
    if (route.method === 'download') {
      this.#requests.countMethod('download')
      const { answer, about } = answerDownload({ caller, parameters, headers: request.headers, rangeMode: fault?.kind === 'range-mode' ? fault.mode : undefined }, this.#desk)
      entry.parameters = about
      // What HEAD says is known; what it sends is nothing (8.2).
      return { answer: request.method === 'HEAD' ? { ...answer, body: Readable.from([]) } : answer, isContent: true, fault }
    }
    if (route.method === 'upload') {
      this.#requests.countMethod('upload')
      const startMs = this.#desk.time.nowMs()
      const { result, about } = answerUpload({ caller, parameters, files: body.files }, this.#desk)
      entry.parameters = about
      const time = this.#desk.traits().uploadAnswerHasTime ? { time: this.#calls.time(startMs, undefined) } : {}
      return { answer: jsonAnswer(200, { result, ...time }), isContent: false, fault }
    }
    entry.parameters = withoutContent(parameters)
    return route.method === 'batch' ? this.#batch(caller, parameters, entry, fault) : this.#single(caller, route.method, parameters, fault)
  }

  async #batch(caller: Caller, parameters: Parameters, entry: RequestEntry, fault: FaultEffect | undefined): Promise<Result> {
    const startMs = this.#desk.time.nowMs()
    this.#requests.countMethod('batch')
    const { result, inner, wireFault } = await runBatch({ calls: this.#calls, faults: this.#faults, caller, parameters })
    entry.calls = inner
    const effective = fault ?? wireFault
    if (wireFault?.kind === 'html' && fault === undefined) return { answer: htmlAnswer(wireFault.status), isContent: false, fault: undefined }
    const answer = jsonAnswer(200, { result, time: this.#calls.time(startMs, undefined) })
    return { answer, isContent: false, fault: effective?.kind === 'reset' ? { kind: 'lost-answer' } : effective }
  }

  async #single(caller: Caller, method: string, parameters: Parameters, fault: FaultEffect | undefined): Promise<Result> {
    const outcome = await this.#calls.run({ method, parameters, caller })
    if (!outcome.ok) throw outcome.failure
    const { answer, time } = outcome
    const counts = { ...(answer.next === undefined ? {} : { next: answer.next }), ...(answer.total === undefined ? {} : { total: answer.total }) }
    return { answer: jsonAnswer(200, { result: answer.result, ...counts, time }), isContent: false, fault: fault?.kind === 'stall' ? undefined : fault }
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

/** `/rest/{user}/{code}/{method}[.json|.xml][/]` (E-1). */
function readRoute(url: URL): Route | undefined {
  const match = /^\/rest\/([^/]+)\/([^/]+)\/([^/]+?)(?:\.(?:json|xml))?\/?$/i.exec(url.pathname)
  if (match === null) return undefined
  const [, user = '', code = '', method = ''] = match
  return { user, code, method: method.toLowerCase(), query: parseQuery(url.search.slice(1)) }
}

const STATUS_ERRORS: Readonly<Record<number, string>> = {
  401: 'expired_token',
  403: 'ACCESS_DENIED',
  429: 'OPERATION_TIME_LIMIT',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'QUERY_LIMIT_EXCEEDED',
}

function statusAnswer(fault: Extract<FaultEffect, { kind: 'status' }>): WireAnswer {
  if (typeof fault.body === 'string') return textAnswer(fault.status, fault.body.trimStart().startsWith('{') ? 'application/json; charset=utf-8' : 'text/html', fault.body)
  return jsonAnswer(fault.status, fault.body ?? { error: fault.error ?? STATUS_ERRORS[fault.status] ?? 'ERROR_CORE', error_description: 'Ordered by a test' })
}
