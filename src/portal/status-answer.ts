/** The answer to a request that a fault of kind `status` hits (E-10). */
import { jsonAnswer, textAnswer, type WireAnswer } from './answer-writer.js'
import type { FaultEffect } from './faults.js'

const STATUS_ERRORS: Readonly<Record<number, string>> = {
  401: 'expired_token',
  403: 'ACCESS_DENIED',
  429: 'OPERATION_TIME_LIMIT',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'QUERY_LIMIT_EXCEEDED',
}

export function statusAnswer(fault: Extract<FaultEffect, { kind: 'status' }>): WireAnswer {
  if (typeof fault.body === 'string') return textAnswer(fault.status, fault.body.trimStart().startsWith('{') ? 'application/json; charset=utf-8' : 'text/html', fault.body)
  return jsonAnswer(fault.status, fault.body ?? { error: fault.error ?? STATUS_ERRORS[fault.status] ?? 'ERROR_CORE', error_description: 'Ordered by a test' })
}
