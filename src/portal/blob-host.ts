/**
 * The other host that a download may be sent to for its body (E-58): an object storage with signed addresses. It knows
 * nothing of the portal's auth and refuses a request that brings any, as object storages do.
 */
import type { IncomingMessage } from 'node:http'
import { textAnswer, type WireAnswer } from './answer-writer.js'
import { contentAnswer } from './content-answer.js'
import type { Desk } from './desk.js'
import type { FaultEffect } from './faults.js'

export interface BlobAnswer {
  readonly answer: WireAnswer
  readonly fault: FaultEffect | undefined
}

export function answerBlob({ headers }: IncomingMessage, url: URL, desk: Desk): BlobAnswer {
  if (headers.authorization !== undefined || url.searchParams.has('auth') || url.searchParams.has('access_token')) return refusal(400, 'InvalidArgument')
  const grant = desk.blobs.take(url.pathname, desk.time.nowSec())
  if (grant === undefined) return refusal(403, 'AccessDenied')
  return { answer: contentAnswer(grant.served, { headers, rangeMode: grant.rangeMode }, desk), fault: grant.fault }
}

function refusal(status: number, code: string): BlobAnswer {
  return { answer: textAnswer(status, 'application/xml', `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`), fault: undefined }
}
