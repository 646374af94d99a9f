/**
 * Calls to one portal by webhook or by tokens: turn in the budget, one exchange, the envelope, another try where that is
 * right, a new token where the old one ran out. The only place that knows the secret's URLs; no error, field or log line
 * that leaves here holds them. A portal that moved (302) is followed only where the secret may go.
 */
import assert from 'node:assert'
import { delay, type Clock } from '../base/clock.js'
import { DriveError, errorText, hasCode } from '../base/errors.js'
import type { Log } from '../base/log.js'
import type { Random } from '../base/random.js'
import type { Access } from './access.js'
import { AccountWatch, type AccountTrouble } from './account-watch.js'
import { Bandwidth } from './bandwidth.js'
import { BATCH_LIMIT, batchParameters, readBatch, type BatchCommand } from './batch.js'
import { Budget, type BudgetSnapshot } from './budget.js'
import type { Priority } from './budget-state.js'
import type { BudgetStore } from './budget-store.js'
import { ConnectionWatch, type ConnectionListener, type ConnectionState } from './connection-state.js'
import type { Answer, AnswerTime, Envelope } from './envelope.js'
import { failureKind } from './failure-table.js'
import { OperatingWatch } from './operating-watch.js'
import type { PhpParameters } from './php-query.js'
import { PortalAgents } from './portal-agents.js'
import type { ProxySettings } from './proxy-settings.js'
import { PortalExchanges, readAnswer } from './portal-exchanges.js'
import { safeUrl } from './redirects.js'
import { Refused, finalError, refusalError, troubleWords } from './refused.js'
import { planRetry, type AttemptFailure } from './retry-plan.js'
import { Tokens } from './tokens.js'
import { Transport, TransportFailure, type Exchange, type StreamedBody } from './transport.js'
import { untrustedWords } from './untrusted.js'
import { wholeBody } from './whole-body.js'

export interface RestOptions {
  readonly priority: Priority
  readonly signal?: AbortSignal
}

export interface RestCall {
  readonly method: string
  /** Parameters, or the whole JSON body as a stream for what does not fit in memory. */
  readonly parameters: PhpParameters | StreamedBody
  /** Doing it twice is the same as doing it once. A call that is not is never repeated once it may have arrived. */
  readonly idempotent: boolean
}

interface Job {
  readonly methods: readonly string[]
  readonly label: string
  readonly idempotent: boolean
  /** The address holds a token of its own, so a new token is of no use to it. */
  readonly isBound?: boolean
  readonly options: RestOptions
}

export type BatchOutcome = { readonly ok: true; readonly answer: Answer } | { readonly ok: false; readonly error: DriveError }

const PROBE_PATIENCE_MS = 1_000 // a person's call waits so long for a portal that was away to be back
const PROBE_EVERY_MS = 2_000

export class RestClient {
  readonly #agents: PortalAgents
  readonly #exchanges: PortalExchanges
  readonly #budget: Budget
  readonly #operating: OperatingWatch
  readonly #connection: ConnectionWatch
  readonly #tokens: Tokens
  readonly #clock: Clock
  readonly #log: Log
  readonly #closing = new AbortController()
  /** Calls that are not over, for close. */
  readonly #active = new Set<Promise<unknown>>()
  #probing: Promise<boolean> | undefined
  readonly #account: AccountWatch
  #lastProbeFailureMs = -Infinity

  constructor(options: {
    access: Access
    budgetStore: BudgetStore
    clock: Clock
    random: Random
    log: Log
    proxy: ProxySettings
    /** Longest silence inside a download: the setting `stallDeadline`. */
    idleTimeoutMs: () => number
    /** The settings `downloadLimit` and `uploadLimit`, bytes per second; undefined for none. Asked as bytes flow. */
    downloadLimit?: () => number | undefined
    uploadLimit?: () => number | undefined
    /** The portal has a new address: to be stored. */
    onMoved: (origin: string) => void
  }) {
    this.#clock = options.clock
    this.#log = options.log
    this.#agents = new PortalAgents({ clock: options.clock, proxy: options.proxy })
    this.#budget = new Budget({ store: options.budgetStore, clock: options.clock, random: options.random })
    this.#operating = new OperatingWatch(options.clock)
    this.#connection = new ConnectionWatch(options.clock)
    this.#account = new AccountWatch(options.clock)
    this.#tokens = new Tokens({ access: () => this.#exchanges.access, account: this.#account, connection: this.#connection })
    this.#exchanges = new PortalExchanges({
      access: options.access,
      transport: new Transport({
        agents: this.#agents,
        clock: options.clock,
        limits: {
          down: new Bandwidth({ clock: options.clock, bytesPerSecond: options.downloadLimit ?? (() => undefined) }),
          up: new Bandwidth({ clock: options.clock, bytesPerSecond: options.uploadLimit ?? (() => undefined) }),
        },
      }),
      connection: this.#connection,
      log: options.log,
      idleTimeoutMs: options.idleTimeoutMs,
      onMoved: options.onMoved,
    })
  }

  /** One method. Throws DriveError; an unknown code of the portal comes as `portal-error` with `fields.portalCode`. */
  call({ method, parameters, idempotent }: RestCall, options: RestOptions): Promise<Answer> {
    const body = isStreamed(parameters) ? parameters : jsonBody(parameters)
    return this.#run({ methods: [method], label: method, idempotent, options }, async () => {
      const answer = await this.#ask(method, body, idempotent, options.signal)
      this.#learnWhetherCounted([answer.time])
      return answer
    })
  }

  /** Up to 50 reads in one request: one outcome each, in order. A failure of the whole throws. */
  batch(commands: readonly BatchCommand[], options: RestOptions): Promise<readonly BatchOutcome[]> {
    const methods = [...new Set(commands.map(({ method }) => method))]
    return this.#run({ methods, label: 'batch', idempotent: true, options }, () => this.#askMany(commands, options.signal))
  }

  /**
   * Reads by one method, named only when the request's turn in the budget has come, so that whoever comes while it waits
   * goes along. One alone is an ordinary call, whose failure throws; none is no request.
   */
  lateBatch({ method, take }: { method: string; take: () => readonly PhpParameters[] }, options: RestOptions): Promise<readonly BatchOutcome[]> {
    let commands: readonly BatchCommand[] | undefined
    return this.#run({ methods: [method], label: method, idempotent: true, options }, async () => {
      commands ??= take().map((parameters) => ({ method, parameters }))
      const [only] = commands
      if (only === undefined) return []
      if (commands.length > 1) return this.#askMany(commands, options.signal)
      const answer = await this.#ask(method, jsonBody(only.parameters), true, options.signal)
      this.#learnWhetherCounted([answer.time])
      return [{ ok: true, answer }]
    })
  }

  /** Posts a form to an address that the portal gave (step 2 of an upload). Never repeated once it may have arrived. */
  async post(address: string, body: StreamedBody, options: RestOptions): Promise<Answer> {
    const url = safeUrl(address, this.#exchanges.access)
    return this.#run({ methods: [], label: 'upload', idempotent: false, isBound: this.#tokens.isBound(url), options }, () => this.#exchanges.post(url, body, 'write', options.signal).then(answerOf))
  }

  /** The head of a download from an address that the portal gave; its body is the caller's. A refusal throws with `fields.status`. */
  async fetchBytes(address: string, headers: Readonly<Record<string, string>>, options: RestOptions): Promise<Exchange> {
    const url = safeUrl(address, this.#exchanges.access)
    return this.#run({ methods: [], label: 'download', idempotent: true, isBound: this.#tokens.isBound(url), options }, async () => {
      const exchange = await this.#exchanges.get(url, headers, options.signal)
      if (exchange.status < 300) return exchange
      return refuse(await readAnswer(exchange))
    })
  }

  /** Asks whether the portal answers, past the queue of paused and waiting calls. */
  probe(): Promise<boolean> {
    this.#probing ??= this.#track(this.#probe()).finally(() => {
      this.#probing = undefined
    })
    return this.#probing
  }

  state(): ConnectionState {
    return this.#connection.state
  }

  /** The answer ends it. */
  onStateChange(listener: ConnectionListener): () => void {
    return this.#connection.onChange(listener)
  }

  /** While paused, calls of these priorities fail with `paused`; what is under way comes to its end. */
  setPaused(isPaused: boolean, priorities: readonly Priority[] = ['listing', 'upload', 'background']): void {
    this.#budget.setPaused(isPaused, priorities)
  }

  /** What the portal said of the account when it was last asked; undefined when it lets calls through. */
  get accountTrouble(): AccountTrouble | undefined {
    return this.#account.trouble
  }

  budget(): BudgetSnapshot {
    return this.#budget.snapshot()
  }

  setPlan(plan: { readonly capacity: number; readonly perSecond: number }): Promise<void> {
    return this.#budget.setPlan(plan)
  }

  get access(): Access {
    return this.#exchanges.access
  }

  /** Ends every call with `cancelled`; resolves when none runs. */
  async close(): Promise<void> {
    this.#closing.abort(new DriveError('cancelled', 'the portal connection is closed'))
    await this.#budget.close()
    this.#agents.close()
    await Promise.all([Promise.allSettled([...this.#active]), this.#tokens.close()])
  }

  #run<T>(job: Job, attempt: () => Promise<T>): Promise<T> {
    return this.#track(this.#runAttempts(job, attempt))
  }

  async #runAttempts<T>({ methods, label, idempotent, isBound = false, options }: Job, attempt: () => Promise<T>): Promise<T> {
    const { priority, signal } = options
    for (let [attempts, renewals] = [1, 0]; ; attempts += 1) {
      await this.#passGate(signal)
      await this.#tokens.ready(signal)
      await this.#passOperating(methods, options)
      await this.#budget.take(priority, signal)
      const { serial } = this.#tokens
      try {
        const answer = await attempt()
        this.#tokens.accepted(serial)
        this.#connection.served()
        return answer
      } catch (error) {
        if (this.#closing.signal.aborted && error instanceof TransportFailure) throw new DriveError('cancelled', 'the portal connection is closed')
        const failure = attemptFailure(error)
        if (failure === undefined) throw error
        if (!isBound && (await this.#tokens.renewed(error, { serial, renewals }, signal))) {
          renewals += 1
          attempts -= 1 // nothing failed but the token
          continue
        }
        const decision = planRetry({ failure, attempts, priority, idempotent })
        if (error instanceof Refused && methods.length > 0) this.#noteRefusal(error)
        if (error instanceof Refused && error.kind.retry === 'rate') await this.#budget.limited()
        if (error instanceof Refused && error.kind.retry === 'operating') this.#operating.refused(methods[0] ?? label, error.operatingResetInMs)
        if (decision.act === 'fail') {
          const final = finalError(decision.code, label, error, this.#exchanges.access)
          if (!isBound) this.#tokens.refused(final, serial) // an address that died with its token says nothing of the account
          throw final
        }
        this.#log.debug({ method: label, attempts, afterMs: decision.afterMs, reason: error instanceof Refused ? error.refusal : errorText(error) }, 'asking the portal again')
        if (decision.afterMs > 0) await this.#pause(decision.afterMs, signal)
      }
    }
  }

  /** Of a method: what a file's own address answers says nothing of the portal. */
  #noteRefusal(refused: Refused): void {
    if (refused.kind.retry === 'temporary') this.#connection.troubled(troubleWords(refused))
    else this.#connection.served()
  }

  /** Known to be away: nobody waits longer than a look whether it is back. */
  async #passGate(signal: AbortSignal | undefined): Promise<void> {
    if (this.#closing.signal.aborted) throw new DriveError('cancelled', 'the portal connection is closed')
    if (this.#connection.state.online) return
    const isRecent = this.#clock.monotonicMs() - this.#lastProbeFailureMs < PROBE_EVERY_MS
    if (!isRecent) {
      const patience = new AbortController()
      const patient = delay(this.#clock, PROBE_PATIENCE_MS, signal === undefined ? patience.signal : AbortSignal.any([signal, patience.signal]))
      const isBack = await Promise.race([this.probe(), patient.then(() => false)]).finally(() => {
        patience.abort()
        patient.catch(() => undefined)
      })
      if (isBack) return
    }
    if (this.#isOnline()) return
    const { reason } = this.#connection.state
    throw new DriveError('offline', untrustedWords(reason) ?? 'the portal cannot be reached', { fields: { reason } })
  }

  #isOnline(): boolean {
    return this.#connection.state.online
  }

  async #probe(): Promise<boolean> {
    try {
      await this.#tokens.ready(this.#closing.signal)
      await this.#ask('profile', jsonBody({}), true, this.#closing.signal)
    } catch (error) {
      if (!(error instanceof TransportFailure) && !hasCode(error, 'offline')) return true // refused is answered
      this.#lastProbeFailureMs = this.#clock.monotonicMs()
      return false
    }
    return true
  }

  async #passOperating(methods: readonly string[], { priority, signal }: RestOptions): Promise<void> {
    const waitMs = Math.max(0, ...methods.map((method) => this.#operating.waitMs(method)))
    if (waitMs === 0) return
    if (priority !== 'interactive') {
      await this.#pause(waitMs, signal)
      return
    }
    const refused = methods.find((method) => this.#operating.isRefused(method))
    if (refused !== undefined) throw new DriveError('operating-limit', `the portal has stopped ${refused} for ${Math.ceil(waitMs / 1000)} s`, { fields: { method: refused, waitMs } })
  }

  async #ask(method: string, body: StreamedBody, idempotent: boolean, signal: AbortSignal | undefined): Promise<Answer> {
    const url = new URL(this.#exchanges.access.methodUrl(method))
    const answer = answerOf(await this.#exchanges.post(url, body, idempotent ? 'read' : 'write', signal))
    this.#operating.note(method, answer.time)
    this.#account.accepted(method)
    return answer
  }

  async #askMany(commands: readonly BatchCommand[], signal: AbortSignal | undefined): Promise<readonly BatchOutcome[]> {
    assert(commands.length <= BATCH_LIMIT, 'more commands than a batch holds')
    const answer = await this.#ask('batch', jsonBody(batchParameters(commands)), true, signal)
    const slots = readBatch(answer.result, commands.length)
    if (slots === undefined) throw new Refused({ code: 'bad-answer', retry: 'temporary' }, { status: 200, portalCode: undefined }, '')
    // The batch itself is counted nowhere (4.2), so its own `time` says nothing.
    this.#learnWhetherCounted(slots.map((slot) => (slot.kind === 'answer' ? slot.answer.time : undefined)))
    return slots.map((slot, index): BatchOutcome => {
      const method = commands[index]?.method ?? ''
      if (slot.kind === 'missing') return { ok: false, error: new DriveError('bad-answer', `the portal left ${method} out of its answer`, { fields: { method } }) }
      if (slot.kind === 'answer') {
        this.#operating.note(method, slot.answer.time)
        this.#account.accepted(method)
        return { ok: true, answer: slot.answer }
      }
      const kind = failureKind(slot.refusal)
      if (kind.retry === 'operating') this.#operating.refused(method, slot.time?.operatingResetInMs)
      const error = refusalError(kind.code, method, new Refused(kind, slot.refusal, ''), this.#exchanges.access)
      this.#account.refused(error) // a batch is let through also where none of its calls is
      return { ok: false, error }
    })
  }

  /** Only the cloud counts execution time; a portal of one's own usually has no limiter at all (2.2). */
  #learnWhetherCounted(times: readonly (AnswerTime | undefined)[]): void {
    const told = times.filter((time) => time !== undefined)
    if (told.length === 0 || told.some(({ operatingSeconds }) => operatingSeconds !== undefined)) return
    if (!isCloud(this.#exchanges.access.host)) this.#budget.uncounted()
  }

  async #pause(afterMs: number, signal: AbortSignal | undefined): Promise<void> {
    const stop = new AbortController()
    const onAbort = (): void => {
      stop.abort()
    }
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])]
    for (const each of signals) each.addEventListener('abort', onAbort, { once: true })
    if (signals.some(({ aborted }) => aborted)) stop.abort()
    try {
      await delay(this.#clock, afterMs, stop.signal)
    } finally {
      for (const each of signals) each.removeEventListener('abort', onAbort)
    }
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => undefined,
      () => undefined,
    )
    this.#active.add(settled)
    void settled.then(() => this.#active.delete(settled))
    return work
  }
}

function answerOf(envelope: Envelope): Answer {
  return envelope.kind === 'answer' ? envelope.answer : refuse(envelope)
}

function refuse(envelope: Envelope): never {
  if (envelope.kind === 'answer') throw new Refused({ code: 'bad-answer', retry: 'never' }, { status: 0, portalCode: undefined }, '')
  throw new Refused(failureKind(envelope.refusal), envelope.refusal, envelope.description, envelope.time)
}

function attemptFailure(error: unknown): AttemptFailure | undefined {
  if (error instanceof TransportFailure) return { from: 'network', failure: error }
  if (error instanceof Refused) return { from: 'portal', kind: error.kind }
  return undefined
}

function isStreamed(parameters: PhpParameters | StreamedBody): parameters is StreamedBody {
  return typeof parameters.open === 'function'
}

function jsonBody(parameters: PhpParameters): StreamedBody {
  return wholeBody('application/json', JSON.stringify(parameters))
}

/** Hosts of the vendor's cloud, where the limits are always on. */
function isCloud(host: string): boolean {
  return /\.bitrix24\./iu.test(host)
}
