/**
 * `fileContent` of the base64 uploads (E-35): `[name, base64]` or base64 alone; bad base64 is stored as garbage, no bytes
 * at all cannot be saved.
 */
import type { Desk } from '../desk.js'
import { IncomingContent } from '../incoming.js'
import { base64Digits } from '../json-body.js'
import { isPhpArray, listOf, textOf } from '../parameters.js'
import { diskFailure, RestFailure } from '../rest-failure.js'

/** Runs `store` with the content; what `store` did not take is removed. */
export async function withBase64Content<T>(value: unknown, desk: Desk, store: (incoming: IncomingContent) => T): Promise<T> {
  const incoming = await decoded(value, desk)
  try {
    desk.countUp(incoming.content.sizeBytes)
    if (incoming.content.sizeBytes === 0) throw new RestFailure(400, desk.traits().emptyContentCode, 'Could not save file.')
    return store(incoming)
  } finally {
    incoming.dispose(desk.contents)
  }
}

async function decoded(value: unknown, desk: Desk): Promise<IncomingContent> {
  const base64 = value instanceof IncomingContent ? value : (listOf(value)?.[1] ?? (listOf(value) === undefined ? value : ''))
  if (base64 instanceof IncomingContent) return base64
  return new IncomingContent(await desk.contents.store(Buffer.from(base64Digits(textOf(base64)), 'base64')), null)
}

/** `data.NAME`, required (DISK_BASE_SERVICE_22001); corrected for uploads only. */
export function nameFromData(data: unknown, correct: (name: string) => string = (name) => name): string {
  const name = isPhpArray(data) ? textOf(data.NAME) : ''
  if (name === '') throw diskFailure('DISK_BASE_SERVICE_22001', 'Required parameter: NAME')
  return correct(name)
}
