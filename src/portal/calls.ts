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
import { methodNotFound, RestFailure } from './rest-failure.js'

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
  async run(call: Call): Promise<CallOutcome> {
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
    return {
      start: startMs / 1000,
      finish: nowMs / 1000,
      duration: Math.max(0, nowMs - startMs) / 1000,
      processing: Math.max(0, nowMs - startMs) / 1000,
      date_start: this.desk.time.iso(Math.floor(startMs / 1000)),
      date_finish: this.desk.time.iso(nowSec),
      ...(method === undefined ? {} : this.#operating.figures(method, nowSec)),
    }
  }

  async #answer(call: Call): Promise<MethodAnswer> {
    const method = findMethod(call.method)
    if (method === undefined || (method.needsHistory === true && !this.desk.traits().fileHistory)) throw methodNotFound()
    if (method.scope !== null) this.desk.account.requireScope(method.scope)
    const nowSec = this.desk.time.nowSec()
    if (this.#operating.isBlocked(call.method, nowSec)) throw new RestFailure(429, 'OPERATION_TIME_LIMIT', 'Method is blocked due to operation time limit.')
    requireParameters(call.parameters, method.parameters)
    try {
      return await method.run(call, this.desk)
    } finally {
      this.#operating.count(call.method, nowSec, contentBytes(call))
    }
  }

  #withFaults(method: string, answer: MethodAnswer): MethodAnswer {
    if (Array.isArray(answer.result) && answer.result.length > 0 && this.#faults.forResult(method, 'empty')) return { result: [], total: 0 }
    if (!Array.isArray(answer.result) && this.#faults.forResult(method, 'result-false')) return { result: false }
    return answer
  }
}

function contentBytes(call: Call): number {
  const values = entriesOf(call.parameters).flatMap(([, value]) => [value, ...entriesOf(value).map(([, inner]) => inner)])
  return values.reduce<number>((sum, value) => sum + (value instanceof IncomingContent ? value.content.sizeBytes : 0), 0)
}
