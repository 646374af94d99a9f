/**
 * The two bodies that carry content to the portal, as streams of known length and constant memory: a multipart form with
 * one file (bitrix24-rest.md 6.2), and JSON with the content in base64 (6.3), the only way to make a new version. Pure.
 */
import assert from 'node:assert'
import { isObject } from '../rest/envelope.js'
import type { StreamedBody } from '../rest/transport.js'
import type { RemoteId } from '../base/ids.js'
import type { UploadSource } from './drive.js'

/** The second step of an upload, from the answer to the first (6.2): where to and what; undefined where that gives no address. */
export function uploadForm(answered: unknown, file: { fileName: string; source: UploadSource; boundary: string }): { url: string; body: StreamedBody } | undefined {
  if (!isObject(answered) || typeof answered.uploadUrl !== 'string') return undefined
  return { url: answered.uploadUrl, body: multipartBody({ ...file, field: typeof answered.field === 'string' ? answered.field : 'file' }) }
}

/** One part named `field` with the file's name in plain UTF-8, which is what PHP reads (E-36). */
export function multipartBody(options: { field: string; fileName: string; source: UploadSource; boundary: string }): StreamedBody {
  const { field, fileName, source, boundary } = options
  // No valid name has them (7.1); one that had would end the quoted string.
  assert(!/["\\\r\n]/u.test(fileName + field), 'a name that cannot stand in a form')
  const head = Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${fileName}"\r\nContent-Type: application/octet-stream\r\n\r\n`)
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    sizeBytes: head.byteLength + source.sizeBytes + tail.byteLength,
    async *open() {
      yield head
      yield* source.open()
      yield tail
    },
  }
}

/** `{"id":…,"fileContent":["content","…base64…"]}`; the name inside is ignored by the portal. */
export function versionBody(fileId: RemoteId, source: UploadSource): StreamedBody {
  const head = Buffer.from(`{"id":${JSON.stringify(fileId)},"fileContent":["content","`)
  const tail = Buffer.from('"]}')
  return {
    contentType: 'application/json',
    sizeBytes: head.byteLength + Math.ceil(source.sizeBytes / 3) * 4 + tail.byteLength,
    async *open() {
      yield head
      yield* base64Pieces(source.open())
      yield tail
    },
  }
}

/** Base64 of the concatenation: up to two bytes are carried from piece to piece, because three make a group. */
export async function* base64Pieces(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let carried: Uint8Array = new Uint8Array(0)
  for await (const piece of pieces) {
    const bytes = carried.byteLength === 0 ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) : Buffer.concat([carried, piece])
    const whole = bytes.byteLength - (bytes.byteLength % 3)
    carried = Uint8Array.prototype.slice.call(bytes, whole)
    if (whole > 0) yield Buffer.from(bytes.toString('base64', 0, whole), 'latin1')
  }
  if (carried.byteLength > 0) yield Buffer.from(Buffer.from(carried).toString('base64'), 'latin1')
}
