/**
 * What stands behind a DOWNLOAD_URL (E-51 … E-55): the token names a file or a version, the caller's right is checked anew,
 * a file's newest content is served and a version's own, with Range as the portal's trait has it.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { mayUse, realFile } from './access.js'
import type { Caller } from './account.js'
import { htmlAnswer, type WireAnswer } from './answer-writer.js'
import type { Content } from './content.js'
import type { Desk } from './desk.js'
import { idOf, textOf, type Parameters } from './parameters.js'
import { planBody } from './ranges.js'
import { accessDenied, notFound } from './rest-failure.js'
import type { RangeMode } from './traits.js'
import { transliterated } from './transliteration.js'

export interface DownloadRequest {
  readonly caller: Caller
  readonly parameters: Parameters
  readonly headers: IncomingHttpHeaders
  /** Of a fault, for this one request. */
  readonly rangeMode: RangeMode | undefined
}

export interface DownloadAnswer {
  readonly answer: WireAnswer
  /** For the log of requests. */
  readonly about: Parameters
}

export function answerDownload(request: DownloadRequest, desk: Desk): DownloadAnswer {
  const frozen = desk.links.read('download', request.caller, textOf(request.parameters.token))
  const { name, content, changedSec, id } = servedContent(frozen, request.caller, desk)
  const traits = desk.traits()
  const about = { id: String(id), ...(request.headers.range === undefined ? {} : { range: request.headers.range }) }
  if (traits.emptyAgentDownload === 'nginx-404' && (request.headers['user-agent'] ?? '') === '') return { answer: htmlAnswer(404), about }
  const mode = request.rangeMode ?? traits.rangeMode
  const validators: Record<string, string> =
    traits.downloadValidators === 'strong' && mode === 'A' ? { ETag: `"${changedSec.toString(16)}-${content.sizeBytes.toString(16)}"`, 'Last-Modified': new Date(changedSec * 1000).toUTCString() } : {}
  const condition = request.headers['if-range']
  const ranged = condition === undefined || validators.ETag === undefined || condition === validators.ETag || condition === validators['Last-Modified']
  const plan = planBody(mode, ranged ? request.headers.range : undefined, content.sizeBytes)
  const headers = {
    'Content-Type': mimeType(name),
    'Content-Disposition': `attachment; filename="${transliterated(name)}"; filename*=utf-8''${encodeURIComponent(name)}`,
    'Content-Length': plan.declaredBytes,
    'Content-Transfer-Encoding': 'binary',
    'Cache-Control': 'no-cache, must-revalidate, post-check=0, pre-check=0',
    Expires: '0',
    Pragma: 'public',
    ...validators,
    ...plan.headers,
  }
  return { answer: { status: plan.status, headers, body: desk.contents.read(content, plan.start, plan.end) }, about }
}

function servedContent(frozen: Parameters, caller: Caller, desk: Desk): { name: string; content: Content; changedSec: number; id: number } {
  const row = desk.tree.file(idOf(frozen.id) ?? 0)
  if (row === undefined) throw notFound(frozen.id)
  if (!mayUse(desk, caller.userId, row, 'read')) throw accessDenied()
  const file = realFile(desk, row)
  if (frozen.service !== 'version') return { name: row.name, content: file.versions[0].content, changedSec: file.versions[0].createSec, id: row.id }
  const version = file.versions.find(({ id }) => id === idOf(frozen.versionId))
  if (version === undefined) throw notFound(frozen.versionId)
  return { name: version.name, content: version.content, changedSec: version.createSec, id: row.id }
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
