/**
 * Faults that a test orders (E-10, DESIGN.md section 3): for calls of a method skip `after`, then hit `times`. They stand
 * side by side, the oldest that fits wins. `*` fits every HTTP request; a call inside a batch is met by its own name, and
 * by `*` only for what concerns lists.
 */
import type { RangeMode } from './traits.js'

export type FaultEffect =
  | { readonly kind: 'status'; readonly status: number; readonly body?: unknown; readonly error?: string }
  | { readonly kind: 'html'; readonly status: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'stall'; readonly ms: number; readonly bytes: number }
  | { readonly kind: 'truncate'; readonly bytes: number }
  | { readonly kind: 'lost-answer' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  | { readonly kind: 'empty' }
  | { readonly kind: 'result-false' }
  | { readonly kind: 'rival' }
  | { readonly kind: 'half'; readonly total: 'kept' | 'short' }
  | { readonly kind: 'partial'; readonly items: number }
  | { readonly kind: 'replaced'; readonly content: string | undefined }
  | { readonly kind: 'range-mode'; readonly mode: RangeMode }

export type FaultKind = FaultEffect['kind']

interface Fault {
  readonly method: string
  after: number
  times: number
  readonly effect: FaultEffect
}

/** Kinds that change what a call answers, and so can hit inside a batch alone. */
const RESULT_KINDS = ['empty', 'half', 'result-false', 'rival', 'partial'] as const satisfies readonly FaultKind[]
export type ResultKind = (typeof RESULT_KINDS)[number]
/** Kinds that only a download can have. */
const DOWNLOAD_KINDS: readonly FaultKind[] = ['range-mode', 'replaced']

export class Faults {
  #faults: Fault[] = []

  /** Takes the JSON of the hook; throws a RangeError that says what is wrong. */
  add(order: Readonly<Record<string, unknown>>): void {
    const { method, after, times } = order
    if (typeof method !== 'string' || method === '') throw new RangeError('method must be a method name, download, upload or *')
    this.#faults.push({ method: method.toLowerCase(), after: whole(after, 0, 'after'), times: whole(times, 1, 'times'), effect: parseEffect(order) })
  }

  clear(): void {
    this.#faults = []
  }

  list(): readonly Readonly<Fault>[] {
    return this.#faults
  }

  /** The fault for one HTTP request by its name. */
  forRequest(name: string): FaultEffect | undefined {
    return this.#take((fault) => (fault.method === name || fault.method === '*') && !isResultKind(fault.effect.kind) && (!DOWNLOAD_KINDS.includes(fault.effect.kind) || name === 'download'))
  }

  /** The fault for a call inside a batch, by its own name only. */
  forInnerCall(name: string): FaultEffect | undefined {
    return this.#take((fault) => fault.method === name && !isResultKind(fault.effect.kind) && !DOWNLOAD_KINDS.includes(fault.effect.kind))
  }

  /** What concerns the result of a call, inside a batch or not; to be asked for where it would change something. */
  forResult(name: string, kind: ResultKind): FaultEffect | undefined {
    return this.#take((fault) => (fault.method === name || fault.method === '*') && fault.effect.kind === kind)
  }

  #take(fits: (fault: Fault) => boolean): FaultEffect | undefined {
    for (const fault of this.#faults) {
      if (!fits(fault)) continue
      if (fault.after > 0) {
        fault.after -= 1
        continue
      }
      fault.times -= 1
      if (fault.times <= 0) this.#faults = this.#faults.filter((each) => each !== fault)
      return fault.effect
    }
    return undefined
  }
}

function isResultKind(kind: FaultKind): kind is ResultKind {
  return (RESULT_KINDS as readonly FaultKind[]).includes(kind)
}

function parseEffect(order: Readonly<Record<string, unknown>>): FaultEffect {
  const { kind } = order
  switch (kind) {
    case 'status':
      return {
        kind,
        status: whole(order.status, undefined, 'status'),
        ...(order.body === undefined ? {} : { body: order.body }),
        ...(typeof order.error === 'string' ? { error: order.error } : {}),
      }
    case 'html':
      return { kind, status: whole(order.status, 502, 'status') }
    case 'reset':
    case 'lost-answer':
    case 'empty':
    case 'result-false':
    case 'rival':
      return { kind }
    case 'half':
      if (order.total !== undefined && order.total !== 'kept' && order.total !== 'short') throw new RangeError('total must be kept or short')
      return { kind, total: order.total ?? 'kept' }
    case 'partial':
      return { kind, items: whole(order.items, 1, 'items') }
    case 'replaced':
      return { kind, content: typeof order.content === 'string' ? order.content : undefined }
    case 'stall':
      return { kind, ms: whole(order.ms, undefined, 'ms'), bytes: whole(order.bytes, 0, 'bytes') }
    case 'truncate':
      return { kind, bytes: whole(order.bytes, undefined, 'bytes') }
    case 'slow':
      return { kind, bytesPerSecond: Math.max(1, whole(order.bytesPerSecond, undefined, 'bytesPerSecond')) }
    case 'range-mode': {
      const { mode } = order
      if (mode !== 'A' && mode !== 'B' && mode !== 'C' && mode !== 'D') throw new RangeError('mode must be A, B, C or D')
      return { kind, mode }
    }
    default:
      throw new RangeError('kind must be status, html, reset, stall, truncate, lost-answer, slow, empty, half, result-false, rival, partial, replaced or range-mode')
  }
}

function whole(value: unknown, otherwise: number | undefined, name: string): number {
  const given = value ?? otherwise
  if (typeof given !== 'number' || !Number.isFinite(given) || given < 0) throw new RangeError(`${name} must be a number`)
  return given
}
