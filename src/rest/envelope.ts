/**
 * The envelope of every answer (bitrix24-rest.md 2.2, 2.3): result, paging and `time`, or an error. Never assumes JSON,
 * never assumes `time`, and takes the presence of `error` as failure because its value may be "" or 0 (O-10). Pure.
 */
import type { Refusal } from './failure-table.js'

export interface AnswerTime {
  /** Seconds of execution that the method has used up in its window; undefined where the portal does not count. */
  readonly operatingSeconds: number | undefined
  /** How long until the oldest of them is forgotten, on the portal's own clock. */
  readonly operatingResetInMs: number | undefined
  /** The portal's clock when it answered. */
  readonly serverMs: number | undefined
}

export interface Answer {
  readonly result: unknown
  readonly total: number | undefined
  readonly next: number | undefined
  /** Undefined where the portal sent no `time` at all. */
  readonly time: AnswerTime | undefined
}

export type Envelope =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'refusal'; readonly refusal: Refusal; readonly description: string; readonly time: AnswerTime | undefined }

export function readEnvelope(status: number, text: string): Envelope {
  const body = parseObject(text)
  if (body === undefined) return { kind: 'refusal', refusal: { status, portalCode: undefined }, description: '', time: undefined }
  const time = readTime(body.time)
  if ('error' in body || status >= 400) {
    return { kind: 'refusal', refusal: { status, portalCode: scalarText(body.error) }, description: scalarText(body.error_description) ?? '', time }
  }
  if (status < 200 || status >= 300 || !('result' in body)) {
    return { kind: 'refusal', refusal: { status, portalCode: undefined }, description: '', time }
  }
  return { kind: 'answer', answer: { result: body.result, total: wholeNumber(body.total), next: wholeNumber(body.next), time } }
}

export function readTime(value: unknown): AnswerTime | undefined {
  if (!isObject(value)) return undefined
  const finish = finiteNumber(value.finish) ?? finiteNumber(value.start)
  const reset = finiteNumber(value.operating_reset_at)
  return {
    operatingSeconds: finiteNumber(value.operating),
    operatingResetInMs: reset === undefined || finish === undefined ? undefined : Math.max(0, (reset - finish) * 1000),
    serverMs: finish === undefined ? undefined : Math.round(finish * 1000),
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A count that may come as a string. */
export function wholeNumber(value: unknown): number | undefined {
  const number = finiteNumber(value)
  return number !== undefined && Number.isSafeInteger(number) && number >= 0 ? number : undefined
}

function finiteNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

function scalarText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

/** Undefined for what is no JSON object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // HTML of a front end, or a body cut short: the status is all there is
  }
}
