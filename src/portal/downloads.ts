/**
 * What stands behind a DOWNLOAD_URL (E-51): the token names a file or a version, the caller's right is checked anew, a
 * file's newest content is served and a version's own; the body comes from here or, by trait, from another host (E-58).
 */
import type { IncomingHttpHeaders } from 'node:http'
import { missingRight, mayUse, realFile } from './access.js'
import type { Caller } from './account.js'
import { htmlAnswer, redirectAnswer, type WireAnswer } from './answer-writer.js'
import { addVersion } from './changes.js'
import { contentAnswer } from './content-answer.js'
import type { ServedContent } from './content.js'
import type { Desk } from './desk.js'
import type { FaultEffect } from './faults.js'
import { idOf, textOf, type Parameters } from './parameters.js'
import { notFound } from './rest-failure.js'
import { COLLEAGUE_ID } from './seeds/seed.js'

export interface DownloadRequest {
  readonly caller: Caller
  readonly parameters: Parameters
  readonly headers: IncomingHttpHeaders
  /** For this one request. */
  readonly fault: FaultEffect | undefined
}

export interface DownloadAnswer {
  readonly answer: WireAnswer
  /** What is left of the fault: one of the body goes to the host that sends the body. */
  readonly fault: FaultEffect | undefined
  /** For the log of requests. */
  readonly about: Parameters
}

/** Faults of the body alone. */
const BODY_FAULTS: readonly FaultEffect['kind'][] = ['truncate', 'stall', 'slow']

export async function answerDownload({ caller, parameters, headers, fault }: DownloadRequest, desk: Desk): Promise<DownloadAnswer> {
  const frozen = desk.links.read('download', caller, textOf(parameters.token))
  if (fault?.kind === 'replaced') await replace(frozen, desk, fault.content)
  const { id, ...served } = servedContent(frozen, caller, desk)
  const traits = desk.traits()
  const about = { id: String(id), ...(headers.range === undefined ? {} : { range: headers.range }) }
  if (traits.emptyAgentDownload === 'nginx-404' && (headers['user-agent'] ?? '') === '') return { answer: htmlAnswer(404), fault, about }
  const rangeMode = fault?.kind === 'range-mode' ? fault.mode : undefined
  if (traits.downloadRedirect === 'none') return { answer: contentAnswer(served, { headers, rangeMode }, desk), fault, about }
  const isOfBody = fault !== undefined && BODY_FAULTS.includes(fault.kind)
  const path = desk.blobs.give({ served, rangeMode, fault: isOfBody ? fault : undefined }, desk.time.nowSec())
  return { answer: redirectAnswer(desk.hosts.blobOrigin() + path), fault: isOfBody ? undefined : fault, about }
}

/** E-56: somebody saves the file just before this request is answered; as many bytes as it had, unless the order says which. */
async function replace(frozen: Parameters, desk: Desk, ordered: string | undefined): Promise<void> {
  const row = desk.tree.file(idOf(frozen.id) ?? 0)
  if (row === undefined) return
  const sizeBytes = realFile(desk, row).versions[0].content.sizeBytes
  const content = await desk.contents.store(ordered === undefined ? Buffer.alloc(sizeBytes, 'replaced ') : Buffer.from(ordered))
  addVersion(desk, realFile(desk, desk.tree.file(row.id) ?? row), content, COLLEAGUE_ID)
}

function servedContent(frozen: Parameters, caller: Caller, desk: Desk): ServedContent & { readonly id: number } {
  const row = desk.tree.file(idOf(frozen.id) ?? 0)
  if (row === undefined) throw notFound(frozen.id)
  if (!mayUse(desk, caller.userId, row, 'read')) throw missingRight(desk, frozen.id)
  const file = realFile(desk, row)
  if (frozen.service !== 'version') return { name: row.name, content: file.versions[0].content, changedSec: file.versions[0].createSec, id: row.id }
  const version = file.versions.find(({ id }) => id === idOf(frozen.versionId))
  if (version === undefined) throw notFound(frozen.versionId)
  return { name: version.name, content: version.content, changedSec: version.createSec, id: row.id }
}
