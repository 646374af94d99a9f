/**
 * Reads a JSON body whose base64 strings may be far larger than a string of this language can be: a string literal that
 * grows beyond a bound is decoded on the fly into a content, and a mark stands in its place. What is no JSON at all is no
 * parameters (E-6). Only file contents are ever that long.
 */
import type { ContentStore, ContentWriter } from './content-store.js'
import { IncomingContent } from './incoming.js'
import { isPhpArray, phpArray, type Parameters } from './parameters.js'

const SPILL_BYTES = 256 * 1024
const MAX_SKELETON_BYTES = 64 * 1024 * 1024
const QUOTE = 0x22
const BACKSLASH = 0x5c
const MARK = '\u0000content:'

export class JsonBodyReader {
  readonly #contents: ContentStore
  readonly incoming: IncomingContent[] = []
  readonly #skeleton: Buffer[] = []
  #skeletonBytes = 0
  /** The string literal being read, without its quotes; undefined outside of one. */
  #literal: Buffer[] | undefined
  #literalBytes = 0
  #escaped = false
  #spill: Base64Spill | undefined

  constructor(contents: ContentStore) {
    this.#contents = contents
  }

  async feed(chunk: Buffer): Promise<void> {
    let position = 0
    while (position < chunk.length) {
      position = this.#literal === undefined ? this.#outside(chunk, position) : await this.#inside(chunk, position, this.#literal)
    }
  }

  /** The parameters; empty when the body was no JSON object. */
  async finish(): Promise<Parameters> {
    await this.#spill?.discard()
    if (this.#literal !== undefined || this.#skeletonBytes > MAX_SKELETON_BYTES) return phpArray()
    try {
      const parsed: unknown = JSON.parse(Buffer.concat(this.#skeleton).toString('utf8'), (_key, value: unknown) => this.#restored(value))
      return isPhpArray(parsed) ? parsed : phpArray()
    } catch (error) {
      if (error instanceof SyntaxError) return phpArray()
      throw error
    }
  }

  #restored(value: unknown): unknown {
    if (typeof value !== 'string' || !value.startsWith(MARK)) return value
    return this.incoming[Number(value.slice(MARK.length))] ?? value
  }

  #outside(chunk: Buffer, position: number): number {
    const quote = chunk.indexOf(QUOTE, position)
    const end = quote < 0 ? chunk.length : quote + 1
    this.#keep(chunk.subarray(position, end))
    if (quote >= 0) {
      this.#literal = []
      this.#literalBytes = 0
      this.#escaped = false
    }
    return end
  }

  async #inside(chunk: Buffer, position: number, literal: Buffer[]): Promise<number> {
    const end = this.#literalEnd(chunk, position)
    const part = chunk.subarray(position, end)
    if (this.#spill === undefined) {
      literal.push(Buffer.from(part))
      this.#literalBytes += part.length
      if (this.#literalBytes > SPILL_BYTES) {
        this.#spill = new Base64Spill(await this.#contents.writer())
        await this.#spill.write(Buffer.concat(literal))
      }
    } else await this.#spill.write(part)
    if (end === chunk.length) return end
    await this.#closeLiteral(literal)
    return end + 1
  }

  /** Where the closing quote is, or the chunk's end. */
  #literalEnd(chunk: Buffer, position: number): number {
    let at = position
    while (at < chunk.length) {
      if (this.#escaped) {
        this.#escaped = false
        at += 1
        continue
      }
      const quote = chunk.indexOf(QUOTE, at)
      const backslash = chunk.subarray(0, quote < 0 ? chunk.length : quote).indexOf(BACKSLASH, at)
      if (backslash < 0) return quote < 0 ? chunk.length : quote
      this.#escaped = true
      at = backslash + 1
    }
    return at
  }

  async #closeLiteral(literal: Buffer[]): Promise<void> {
    if (this.#spill === undefined) for (const part of literal) this.#keep(part)
    else {
      this.#keep(Buffer.from(JSON.stringify(`${MARK}${this.incoming.length}`).slice(1, -1)))
      this.incoming.push(new IncomingContent(await this.#spill.finish(), null))
      this.#spill = undefined
    }
    this.#keep(Buffer.from('"'))
    this.#literal = undefined
  }

  #keep(bytes: Buffer): void {
    this.#skeletonBytes += bytes.length
    if (this.#skeletonBytes <= MAX_SKELETON_BYTES) this.#skeleton.push(Buffer.from(bytes))
  }
}

/** Decodes the inside of a JSON string as base64, escapes included, as leniently as PHP does. */
class Base64Spill {
  readonly #writer: ContentWriter
  #carriedRaw = ''
  #carriedDigits = ''

  constructor(writer: ContentWriter) {
    this.#writer = writer
  }

  async write(raw: Buffer): Promise<void> {
    let text = this.#carriedRaw + raw.toString('latin1')
    this.#carriedRaw = ''
    if (text.includes('\\')) {
      const cut = /\\(?:u[0-9a-f]{0,3})?$/i.exec(text)
      if (cut !== null) {
        this.#carriedRaw = cut[0]
        text = text.slice(0, cut.index)
      }
      text = text.replace(/\\(?:u([0-9a-f]{4})|(.))/gi, (_all, code: string | undefined, plain: string | undefined) =>
        code === undefined ? (plain === '/' ? '/' : '') : String.fromCharCode(Number.parseInt(code, 16)),
      )
    }
    const digits = this.#carriedDigits + base64Digits(text)
    const whole = digits.length - (digits.length % 4)
    this.#carriedDigits = digits.slice(whole)
    if (whole > 0) await this.#writer.write(Buffer.from(digits.slice(0, whole), 'base64'))
  }

  async finish(): ReturnType<ContentWriter['finish']> {
    if (this.#carriedDigits !== '') await this.#writer.write(Buffer.from(this.#carriedDigits, 'base64'))
    return this.#writer.finish()
  }

  discard(): Promise<void> {
    return this.#writer.discard()
  }
}

/** PHP skips what is not of the alphabet; so bad base64 is stored as garbage without an error (E-35). */
export function base64Digits(text: string): string {
  return /[^A-Za-z0-9+/]/.test(text) ? text.replace(/[^A-Za-z0-9+/]/g, '') : text
}
