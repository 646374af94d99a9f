/**
 * `batch`: up to 50 reads in one request (bitrix24-rest.md 2.5). The five maps of the answer are `[]` when empty; a slot
 * that stands in none of them is a failure of that slot, never a silent absence. Pure.
 */
import { isObject, readTime, wholeNumber, type Answer, type AnswerTime } from './envelope.js'
import type { Refusal } from './failure-table.js'
import { phpQuery, type PhpParameters } from './php-query.js'

export const BATCH_LIMIT = 50

export interface BatchCommand {
  readonly method: string
  readonly parameters: PhpParameters
}

/** What stood in one slot. `time` is there for failures too. */
export type BatchSlot =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'refusal'; readonly refusal: Refusal; readonly time: AnswerTime | undefined }
  | { readonly kind: 'missing' }

export function batchParameters(commands: readonly BatchCommand[]): PhpParameters {
  const cmd = Object.fromEntries(commands.map(({ method, parameters }, index) => [slotKey(index), `${method}?${phpQuery(parameters)}`]))
  return { halt: 0, cmd }
}

/** One slot for each command, in order; undefined when the answer is no batch answer at all. */
export function readBatch(result: unknown, commandCount: number): readonly BatchSlot[] | undefined {
  if (!isObject(result)) return undefined
  const [results, errors, totals, nexts, times] = ['result', 'result_error', 'result_total', 'result_next', 'result_time'].map((name) => asMap(result[name]))
  if (results === undefined || errors === undefined) return undefined
  return Array.from({ length: commandCount }, (_, index): BatchSlot => {
    const key = slotKey(index)
    const time = readTime(times?.[key])
    if (Object.hasOwn(errors, key)) return { kind: 'refusal', refusal: slotRefusal(errors[key]), time }
    if (!Object.hasOwn(results, key)) return { kind: 'missing' }
    return { kind: 'answer', answer: { result: results[key], total: wholeNumber(totals?.[key]), next: wholeNumber(nexts?.[key]), time } }
  })
}

/** Letters first, so that no side takes the keys for a list. */
function slotKey(index: number): string {
  return `c${index}`
}

/** A slot has no status of its own; 400 is what the portal gives business errors (2.3). */
function slotRefusal(error: unknown): Refusal {
  const code = isObject(error) ? error.error : error
  return { status: 400, portalCode: typeof code === 'string' || typeof code === 'number' ? String(code) : '' }
}

function asMap(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (Array.isArray(value)) return Object.fromEntries(Object.entries(value as readonly unknown[]))
  return isObject(value) ? value : undefined
}
