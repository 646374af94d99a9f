/**
 * The body of a request as parameters, whatever form it has (E-6): urlencoded, multipart, or JSON when the media type is
 * exactly `application/json`; anything else is no parameters.
 */
import type { IncomingMessage } from 'node:http'
import type { ContentStore } from './content-store.js'
import type { IncomingContent } from './incoming.js'
import { JsonBodyReader } from './json-body.js'
import { boundaryOf, MultipartReader } from './multipart.js'
import { parseQuery, phpArray, type Parameters } from './parameters.js'

export interface RequestBody {
  readonly parameters: Parameters
  readonly files: ReadonlyMap<string, IncomingContent>
  /** Everything that has to be disposed of when the request is over. */
  readonly incoming: readonly IncomingContent[]
}

const NO_FILES: ReadonlyMap<string, IncomingContent> = new Map()
const MAX_FORM_BYTES = 256 * 1024 * 1024

/** Reads to the end. `body` may be the request itself, or the request slowed down. */
export async function readRequestBody(request: IncomingMessage, body: AsyncIterable<Buffer>, contents: ContentStore): Promise<RequestBody> {
  const contentType = request.headers['content-type'] ?? ''
  const mediaType = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  const boundary = boundaryOf(contentType)
  if (boundary !== undefined) {
    const reader = new MultipartReader(contents, boundary)
    await feedAll(body, reader, contents)
    const { fields, files } = await reader.finish()
    return { parameters: fields, files, incoming: reader.incoming }
  }
  if (mediaType === 'application/json') {
    const reader = new JsonBodyReader(contents)
    await feedAll(body, reader, contents)
    return { parameters: await reader.finish(), files: NO_FILES, incoming: reader.incoming }
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes <= MAX_FORM_BYTES) chunks.push(chunk)
  }
  const isForm = mediaType === 'application/x-www-form-urlencoded' && bytes <= MAX_FORM_BYTES
  return { parameters: isForm ? parseQuery(Buffer.concat(chunks).toString('utf8')) : phpArray(), files: NO_FILES, incoming: [] }
}

interface BodyReader {
  readonly incoming: readonly IncomingContent[]
  feed(chunk: Buffer): Promise<void>
  finish(): Promise<unknown>
}

/** A body that breaks off leaves nothing behind. */
async function feedAll(body: AsyncIterable<Buffer>, reader: BodyReader, contents: ContentStore): Promise<void> {
  try {
    for await (const chunk of body) await reader.feed(chunk)
  } catch (error) {
    await reader.finish()
    for (const incoming of reader.incoming) incoming.dispose(contents)
    throw error
  }
}
