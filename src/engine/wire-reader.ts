/**
 * A checked cursor over the bytes of one request. Nothing off the wire is trusted: reading past the end, a missing
 * terminator or a number beyond 2^53 is a DriveError, never a wrong value. Reused from request to request.
 */
import { DriveError } from '../base/errors.js'

const REPLACEMENT = '\ufffd'

export class WireReader {
  #bytes: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #at = 0
  #end = 0
  /** The bytes stay as they are until the request is settled; otherwise only until the next batch. */
  #stable = false

  /** Starts over on `bytes[start, end)`; `view` covers the same memory as `bytes`. */
  reset(bytes: Buffer, view: DataView, start: number, end: number, stable: boolean): void {
    this.#bytes = bytes
    this.#view = view
    this.#at = start
    this.#end = end
    this.#stable = stable
  }

  get remaining(): number {
    return this.#end - this.#at
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  skip(byteCount: number): void {
    this.#take(byteCount)
  }

  /** A 64-bit number of which 53 bits must do: node ids and handles, which are ours. */
  u64(): number {
    const value = this.offset()
    if (!Number.isSafeInteger(value)) throw malformed('a 64-bit number')
    return value
  }

  /** A 64-bit position in a file, which a program may choose freely: beyond 2^53 it is not exact. */
  offset(): number {
    const at = this.#take(8)
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32
  }

  /** As `offset`, for what changes a file: beyond 2^53 it is EFBIG. */
  size(): number {
    const value = this.offset()
    if (!Number.isSafeInteger(value)) throw new DriveError('file-too-large', 'a position beyond 2^53')
    return value
  }

  /** The name of an item: NUL-terminated; undefined when it is not UTF-8. Never empty, never with a `/`. */
  name(): string | undefined {
    const text = this.attributeName()
    if (text?.includes('/')) throw malformed('a name')
    return text
  }

  /** As `name`, for an extended attribute, which may have a `/`. */
  attributeName(): string | undefined {
    const terminator = this.#bytes.indexOf(0, this.#at)
    if (terminator < 0 || terminator >= this.#end || terminator === this.#at) throw malformed('a name')
    const start = this.#at
    this.#at = terminator + 1
    const text = this.#bytes.toString('utf8', start, terminator)
    // Decoding never fails, it replaces; only a name with replacements needs the exact comparison.
    if (text.includes(REPLACEMENT) && !Buffer.from(text).equals(this.#bytes.subarray(start, terminator))) return undefined
    return text
  }

  /** The next `byteCount` bytes; valid until the request is settled. */
  data(byteCount: number): Uint8Array {
    const at = this.#take(byteCount)
    const bytes = this.#bytes.subarray(at, at + byteCount)
    return this.#stable ? bytes : Uint8Array.prototype.slice.call(bytes)
  }

  #take(byteCount: number): number {
    const at = this.#at
    if (byteCount > this.#end - at) throw malformed(`${byteCount} bytes`)
    this.#at = at + byteCount
    return at
  }
}

function malformed(what: string): DriveError {
  return new DriveError('invalid', `a request of the kernel without ${what} where it should be`)
}
