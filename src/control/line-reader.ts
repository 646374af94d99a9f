/**
 * Cuts a stream of bytes into lines, and says so when a line grows past its bound: whoever sends that is cut off before
 * it fills the memory.
 */
const NEWLINE = 0x0a

export class LineReader {
  readonly #maxBytes: number
  /** Parts of the line that has not ended yet; together at most #maxBytes. */
  #parts: Buffer[] = []
  #partBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The lines that `chunk` ends, without their newline; `'too-long'` when one outgrew the bound, then the stream is of no more use. */
  push(chunk: Buffer): readonly string[] | 'too-long' {
    const lines: string[] = []
    let start = 0
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start)
      const part = chunk.subarray(start, end < 0 ? chunk.length : end)
      if (this.#partBytes + part.length > this.#maxBytes) return 'too-long'
      this.#parts.push(part)
      this.#partBytes += part.length
      if (end < 0) return lines
      lines.push(Buffer.concat(this.#parts).toString('utf8'))
      this.#parts = []
      this.#partBytes = 0
      start = end + 1
    }
  }
}
