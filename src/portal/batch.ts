/**
 * `batch` (E-14, E-22, E-23, bitrix24-rest.md 2.5): up to 50 commands in one request, five maps that are `[]` when empty,
 * `$result[…]` taken from earlier answers, HTTP 200 whatever happened inside.
 */
import type { Caller } from './account.js'
import type { CallOutcome, Calls, CallTime } from './calls.js'
import type { FaultEffect, Faults } from './faults.js'
import { entriesOf, isPhpArray, parseQuery, phpArray, textOf, truthOf, type Parameters } from './parameters.js'
import type { RequestTimer } from './request-timer.js'
import { RestFailure } from './rest-failure.js'

const MAX_COMMANDS = 50
const NOT_ALLOWED: readonly string[] = ['batch', 'upload', 'download']

type PhpMap = Record<string, unknown>

interface Maps {
  readonly result: PhpMap
  readonly result_error: PhpMap
  readonly result_total: PhpMap
  readonly result_next: PhpMap
  readonly result_time: PhpMap
}

export interface InnerCall {
  readonly method: string
  readonly parameters: Parameters
}

export interface BatchAnswer {
  readonly result: Readonly<Record<keyof Maps, unknown>>
  readonly inner: readonly InnerCall[]
  /** A fault of one command that concerns the connection, and so hits the whole answer. */
  readonly wireFault: FaultEffect | undefined
}

export async function runBatch(options: { calls: Calls; faults: Faults; caller: Caller; parameters: Parameters; timer: RequestTimer }): Promise<BatchAnswer> {
  const { calls, faults, caller, parameters, timer } = options
  const traits = calls.desk.traits()
  const maps: Maps = { result: phpArray(), result_error: phpArray(), result_total: phpArray(), result_next: phpArray(), result_time: phpArray() }
  const inner: InnerCall[] = []
  let wireFault: FaultEffect | undefined
  const carried: RestFailure[] = []
  const halts = truthOf(parameters.halt, traits.falseTextIsTrue)
  let count = 0
  for (const [key, command] of entriesOf(parameters.cmd)) {
    if (typeof command !== 'string') continue
    count += 1
    const parsed = parseCommand(command, maps.result, traits.batchMissingPath)
    let outcome = count > MAX_COMMANDS ? refused(new RestFailure(400, 'ERROR_BATCH_LENGTH_EXCEEDED', 'Max batch length exceeded')) : undefined
    if (outcome === undefined && NOT_ALLOWED.includes(parsed.method)) outcome = refused(new RestFailure(405, 'ERROR_BATCH_METHOD_NOT_ALLOWED', 'Method is not allowed for batch usage'))
    if (outcome === undefined) {
      inner.push(parsed)
      const fault = faults.forInnerCall(parsed.method)
      if (fault !== undefined && fault.kind !== 'status') wireFault ??= fault
      outcome = fault?.kind === 'status' ? refused(new RestFailure(fault.status, fault.error ?? 'INTERNAL_SERVER_ERROR', 'Internal server error')) : await calls.run({ ...parsed, caller, timer })
      if (parsed.method.startsWith('disk.') && traits.batchErrorsCarryOver) outcome = withCarriedErrors(outcome, carried)
    }
    note(maps, key, outcome)
    if (halts && !outcome.ok) break
  }
  return { result: { ...mapEntries(maps) }, inner, wireFault }
}

const NO_TIME: CallTime = {}

function refused(failure: RestFailure): CallOutcome {
  return { ok: false, failure, time: NO_TIME }
}

/** `[]` where PHP has an empty array. */
function mapEntries(maps: Maps): Record<keyof Maps, unknown> {
  const shown = (map: PhpMap): unknown => (Object.keys(map).length === 0 ? [] : map)
  return { result: shown(maps.result), result_error: shown(maps.result_error), result_total: shown(maps.result_total), result_next: shown(maps.result_next), result_time: shown(maps.result_time) }
}

function note(maps: Maps, key: string, outcome: CallOutcome): void {
  if (!outcome.ok) {
    maps.result_error[key] = outcome.failure.body()
    return
  }
  maps.result[key] = outcome.answer.result
  if (outcome.answer.total !== undefined) maps.result_total[key] = outcome.answer.total
  if (outcome.answer.next !== undefined) maps.result_next[key] = outcome.answer.next
  maps.result_time[key] = outcome.time
}

/** E-23: the disk service keeps one list of errors for the whole request, and a null after an error becomes that error. */
function withCarriedErrors(outcome: CallOutcome, carried: RestFailure[]): CallOutcome {
  const last = carried.at(-1)
  if (outcome.ok) return outcome.answer.result === null && last !== undefined ? { ok: false, failure: last, time: outcome.time } : outcome
  const { status, code, message } = outcome.failure
  const failure = new RestFailure(status, code, (last === undefined ? '' : last.message) + message)
  carried.push(failure)
  return { ok: false, failure, time: outcome.time }
}

function parseCommand(command: string, results: PhpMap, missing: 'empty' | 'literal'): InnerCall {
  const mark = command.indexOf('?')
  const name = (mark < 0 ? command : command.slice(0, mark)).trim().toLowerCase().replace(/^\/+|\/+$/g, '').replace(/\.(?:json|xml)$/, '')
  const parameters = mark < 0 ? phpArray() : parseQuery(command.slice(mark + 1))
  return { method: name, parameters: substituted(parameters, results, missing) as Parameters }
}

const WHOLE = /^\$result((?:\[[^\]]*\])+)$/
const PART = /\$result((?:\[[^\]]*\])+)/g

/** A whole value keeps the type of what it names, inside a text only scalars work. */
function substituted(value: unknown, results: PhpMap, missing: 'empty' | 'literal'): unknown {
  if (isPhpArray(value)) return Object.assign(phpArray(), Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, substituted(inner, results, missing)])))
  if (typeof value !== 'string' || !value.includes('$result[')) return value
  const whole = WHOLE.exec(value)
  if (whole !== null) {
    const found = valueAt(results, whole[1] ?? '')
    return found === undefined ? (missing === 'literal' ? value : null) : found
  }
  return value.replace(PART, (all, path: string) => {
    const found = valueAt(results, path)
    return found === undefined && missing === 'literal' ? all : textOf(found)
  })
}

function valueAt(results: PhpMap, path: string): unknown {
  let value: unknown = results
  for (const [, key = ''] of path.matchAll(/\[([^\]]*)\]/g)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as PhpMap)[key]
  }
  return value
}
