/**
 * A content as an HTTP answer (E-52 … E-54): Range by the portal's trait, validators, the name in both forms, compressed
 * for who accepts it where the front end does that.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { acceptsGzip, type WireAnswer } from './answer-writer.js'
import type { ServedContent } from './content.js'
import type { Desk } from './desk.js'
import { planBody } from './ranges.js'
import type { RangeMode, Traits } from './traits.js'
import { transliterated } from './transliteration.js'

export function contentAnswer(served: ServedContent, request: { headers: IncomingHttpHeaders; rangeMode: RangeMode | undefined }, desk: Desk): WireAnswer {
  const { name, content } = served
  const { headers } = request
  const traits = desk.traits()
  // Compressing, nginx knows no length and so no ranges.
  const compresses = traits.compression === 'gzip' && acceptsGzip(headers)
  const mode = compresses ? 'D' : (request.rangeMode ?? traits.rangeMode)
  const validators = validatorsOf(served, mode, traits)
  const plan = planBody(mode, isConditionMet(headers['if-range'], validators) ? headers.range : undefined, content.sizeBytes)
  return {
    status: plan.status,
    headers: {
      'Content-Type': mimeType(name),
      'Content-Disposition': `attachment; filename="${transliterated(name)}"; filename*=utf-8''${encodeURIComponent(name)}`,
      'Content-Length': plan.declaredBytes,
      'Content-Transfer-Encoding': 'binary',
      'Cache-Control': 'no-cache, must-revalidate, post-check=0, pre-check=0',
      Expires: '0',
      Pragma: 'public',
      ...validators,
      ...plan.headers,
    },
    body: desk.contents.read(content, plan.start, plan.end),
  }
}

interface Validators {
  readonly ETag?: string
  readonly 'Last-Modified'?: string
}

/** Only nginx makes any of its own (E-53). */
function validatorsOf({ changedSec, content }: ServedContent, mode: RangeMode, { downloadValidators }: Traits): Validators {
  if (downloadValidators === 'none' || mode !== 'A') return {}
  const tag = `"${changedSec.toString(16)}-${content.sizeBytes.toString(16)}"`
  return { ETag: downloadValidators === 'weak' ? `W/${tag}` : tag, 'Last-Modified': new Date(changedSec * 1000).toUTCString() }
}

/** `If-Range` compares strongly: a weak tag never fits. */
function isConditionMet(condition: string | string[] | undefined, { ETag, 'Last-Modified': lastModified }: Validators): boolean {
  if (condition === undefined || ETag === undefined) return true
  return (condition === ETag && !ETag.startsWith('W/')) || condition === lastModified
}

/** As stored with the blob; a client must not trust it (8.2). */
function mimeType(name: string): string {
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
  return MIME_TYPES[extension] ?? 'application/octet-stream'
}

const MIME_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  mp4: 'video/mp4',
  txt: 'text/plain',
  md: 'text/plain',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  odt: 'application/vnd.oasis.opendocument.text',
  zip: 'application/zip',
}
