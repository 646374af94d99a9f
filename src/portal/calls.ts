/**
 * One call of one method, alone or inside a batch: scope, required parameters, `operating`, the method, and the figures of
 * its time (E-4, E-5, E-7, E-8, E-12). Failures come back as outcomes, because a batch goes on after them.
 */
import type { Call, Desk, MethodAnswer } from './desk.js'
import type { Faults } from './faults.js'
import { IncomingContent } from './incoming.js'
import { findMethod } from './method-table.js'
import type { Operating } from './operating.js'
import { entriesOf, requireParameters } from './parameters.js'
import { methodNotFound, nameTaken, RestFailure } from './rest-failure.js'

export type CallTime = Readonly<Record<string, string | number>>

export type CallOutcome =
  | { readonly ok: true; readonly answer: MethodAnswer; readonly time: CallTime }
  | { readonly ok: false; readonly failure: RestFailure; readonly time: CallTime }

export class Calls {
  readonly desk: Desk
  readonly #operating: Operating
  readonly #faults: Faults
  /** Told of each call by its name, for the count per method. */
  readonly #counted: (method: string) => void

  constructor(options: { desk: Desk; operating: Operating; faults: Faults; counted: (method: string) => void }) {
    this.desk = options.desk
    this.#operating = options.operating
    this.#faults = options.faults
    this.#counted = options.counted
  }

  /** `call.method` is in lower case. Throws only what is no refusal of the protocol. */
  async run(asked: Omit<Call, 'ordered'>): Promise<CallOutcome> {
    const call: Call = { ...asked, ordered: (kind) => this.#faults.forResult(asked.method, kind) }
    const startMs = this.desk.time.nowMs()
    this.#counted(call.method)
    try {
      const answer = this.#withFaults(call.method, await this.#answer(call))
      return { ok: true, answer, time: this.time(startMs, call.method) }
    } catch (error) {
      if (!(error instanceof RestFailure)) throw error
      return { ok: false, failure: error, time: this.time(startMs, call.method) }
    }
  }

  /** The `time` of an answer; `operating*` only of a method that is limited (E-8). */
  time(startMs: number, method: string | undefined): CallTime {
    const nowMs = this.desk.time.nowMs()
    const nowSec = this.desk.time.nowSec()
    const shown = (ms: number): number => (this.desk.traits().wholeSeconds ? Math.floor(ms / 1000) : ms / 1000)
    return {
      start: shown(startMs),
      finish: shown(nowMs),
      duration: Math.max(0, nowMs - startMs) / 1000,
      processing: Math.max(0, nowMs - startMs) / 1000,
      date_start: this.desk.time.iso(Math.floor(startMs / 1000)),
      date_finish: this.desk.time.iso(nowSec),
      ...(method === undefined ? {} : this.#operating.figures(method, nowSec)),
    }
  }

  async #answer(call: Call): Promise<MethodAnswer> {
    const method = findMethod(call.method)
    if (method === undefined || (method.needsHistory === true && !this.desk.traits().fileHistory) || method.hiddenBy?.(this.desk.traits()) === true) throw methodNotFound()
    if (method.scope !== null) this.desk.account.requireScope(call.caller, method.scope)
    const nowSec = this.desk.time.nowSec()
    if (this.#operating.isBlocked(call.method, nowSec)) throw new RestFailure(429, 'OPERATION_TIME_LIMIT', 'Method is blocked due to operation time limit.')
    requireParameters(call.parameters, method.parameters)
    // E-72: a row that nobody is shown has the name.
    if (call.ordered('rival') !== undefined) throw nameTaken('file')
    call.timer.spend(this.#operating.cost(call.method, contentBytes(call)))
    try {
      return await method.run(call, this.desk)
    } finally {
      this.#operating.count(call.method, nowSec, contentBytes(call))
    }
  }

  #withFaults(method: string, answer: MethodAnswer): MethodAnswer {
    if (Array.isArray(answer.result) && answer.result.length > 0 && this.#faults.forResult(method, 'empty') !== undefined) return { result: [], total: 0 }
    const half = Array.isArray(answer.result) && answer.result.length > 1 ? this.#faults.forResult(method, 'half') : undefined
    if (half?.kind === 'half') return halved(answer, half.total)
    if (!Array.isArray(answer.result) && this.#faults.forResult(method, 'result-false') !== undefined) return { result: false }
    return answer
  }
}

/** The first half of a list; `next` stays, `total` says what was there or, like a list that is really that short, what is left. */
function halved(answer: MethodAnswer, total: 'kept' | 'short'): MethodAnswer {
  const all = answer.result as readonly unknown[]
  const result = all.slice(0, Math.floor(all.length / 2))
  return { ...answer, result, ...(total === 'short' && answer.total !== undefined ? { total: answer.total - all.length + result.length } : {}) }
}

function contentBytes(call: Call): number {
  const values = entriesOf(call.parameters).flatMap(([, value]) => [value, ...entriesOf(value).map(([, inner]) => inner)])
  return values.reduce<number>((sum, value) => sum + (value instanceof IncomingContent ? value.content.sizeBytes : 0), 0)
}
