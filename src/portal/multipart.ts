/**
 * Reads multipart/form-data as PHP does (E-6, E-36), streaming: files go to the content store as they come, fields are
 * kept. The name of a file is the raw UTF-8 of `filename="…"`, only what follows the last slash or backslash; `filename*`
 * is not read.
 */
import type { ContentStore, ContentWriter } from './content-store.js'
import { IncomingContent } from './incoming.js'
import { phpArray, setByName } from './parameters.js'

const MAX_HEADER_BYTES = 16 * 1024
const MAX_FIELD_BYTES = 64 * 1024 * 1024
const HEADER_END = Buffer.from('\r\n\r\n')

export interface MultipartBody {
  readonly fields: Record<string, unknown>
  readonly files: ReadonlyMap<string, IncomingContent>
}

export function boundaryOf(contentType: string): string | undefined {
  const match = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType)
  return match?.[1] ?? match?.[2]
}

type Part = { readonly name: string; readonly fileName: string | null; readonly field: Buffer[]; fieldBytes: number; readonly writer: ContentWriter | undefined }

export class MultipartReader {
  readonly #contents: ContentStore
  readonly #delimiter: Buffer
  readonly #fields = phpArray()
  readonly #files = new Map<string, IncomingContent>()
  /** Every file that came, also where two parts have one name. */
  readonly incoming: IncomingContent[] = []
  /** Bytes not yet understood; begins with the CRLF that a first delimiter lacks. */
  #rest: Buffer = Buffer.from('\r\n')
  #state: 'preamble' | 'header' | 'body' | 'end' = 'preamble'
  #part: Part | undefined

  constructor(contents: ContentStore, boundary: string) {
    this.#contents = contents
    this.#delimiter = Buffer.from(`\r\n--${boundary}`)
  }

  async feed(chunk: Buffer): Promise<void> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (await this.#step());
  }

  /** The parts that came whole; a file cut short is dropped, as PHP drops it. */
  async finish(): Promise<MultipartBody> {
    await this.#part?.writer?.discard()
    this.#part = undefined
    return { fields: this.#fields, files: this.#files }
  }

  /** Whether there is more to do with what is here. */
  async #step(): Promise<boolean> {
    switch (this.#state) {
      case 'preamble':
        return this.#skipPreamble()
      case 'header':
        return this.#readHeader()
      case 'body':
        return this.#readBody()
      case 'end':
        this.#rest = Buffer.alloc(0)
        return false
    }
  }

  #skipPreamble(): boolean {
    const at = this.#rest.indexOf(this.#delimiter)
    if (at < 0) {
      this.#rest = this.#rest.subarray(Math.max(0, this.#rest.length - this.#delimiter.length))
      return false
    }
    this.#rest = this.#rest.subarray(at + this.#delimiter.length)
    this.#state = 'header'
    return true
  }

  async #readHeader(): Promise<boolean> {
    if (this.#rest.length < 2) return false
    if (this.#rest.subarray(0, 2).toString('latin1') === '--') {
      this.#state = 'end'
      return true
    }
    const at = this.#rest.indexOf(HEADER_END)
    if (at < 0) {
      if (this.#rest.length > MAX_HEADER_BYTES) this.#state = 'end'
      return false
    }
    const header = this.#rest.subarray(0, at).toString('utf8')
    this.#rest = this.#rest.subarray(at + HEADER_END.length)
    const disposition = /^content-disposition:(.*)$/im.exec(header)?.[1] ?? ''
    const name = /[;\s]name="((?:[^"\\]|\\.)*)"/i.exec(disposition)?.[1] ?? /[;\s]name=([^;\s]+)/i.exec(disposition)?.[1] ?? ''
    const fileName = /[;\s]filename="((?:[^"\\]|\\.)*)"/i.exec(disposition)?.[1] ?? /[;\s]filename=([^;\s]+)/i.exec(disposition)?.[1]
    const writer = fileName === undefined ? undefined : await this.#contents.writer()
    this.#part = { name, fileName: fileName === undefined ? null : fileName.slice(Math.max(fileName.lastIndexOf('/'), fileName.lastIndexOf('\\')) + 1), field: [], fieldBytes: 0, writer }
    this.#state = 'body'
    return true
  }

  async #readBody(): Promise<boolean> {
    const part = this.#part
    if (part === undefined) throw new Error('a part without a header')
    const at = this.#rest.indexOf(this.#delimiter)
    const end = at < 0 ? Math.max(0, this.#rest.length - this.#delimiter.length + 1) : at
    const bytes = this.#rest.subarray(0, end)
    this.#rest = this.#rest.subarray(at < 0 ? end : end + this.#delimiter.length)
    await this.#takeBytes(part, bytes)
    if (at < 0) return false
    await this.#closePart(part)
    this.#state = 'header'
    return true
  }

  async #takeBytes(part: Part, bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return
    if (part.writer !== undefined) {
      await part.writer.write(bytes)
      return
    }
    part.fieldBytes += bytes.length
    if (part.fieldBytes <= MAX_FIELD_BYTES) part.field.push(Buffer.from(bytes))
  }

  async #closePart(part: Part): Promise<void> {
    this.#part = undefined
    if (part.writer === undefined) {
      setByName(this.#fields, part.name, Buffer.concat(part.field).toString('utf8'))
      return
    }
    const file = new IncomingContent(await part.writer.finish(), part.fileName)
    this.incoming.push(file)
    this.#files.set(part.name, file)
  }
}
