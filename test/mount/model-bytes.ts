/** What a file of the model holds, and what writes, cuts and holes do to it. */

export const MAX_FILE_BYTES = 100_000

export class ModelFile {
  readonly kind = 'file'
  bytes: Buffer
  mode: number
  /** Null: it was written since, so only the program's clock knows. */
  mtimeSec: number | null = null
  /** Stores through a mapping reach the file when the kernel likes, and move its time then. */
  hasLazyStores = false
  links = 1

  constructor(bytes: Buffer, mode: number) {
    this.bytes = bytes
    this.mode = mode
  }

  write(offset: number, bytes: Buffer): void {
    const end = offset + bytes.length
    if (end > this.bytes.length) this.#grow(end)
    bytes.copy(this.bytes, offset)
    this.mtimeSec = null
  }

  resize(sizeBytes: number): void {
    if (sizeBytes > this.bytes.length) this.#grow(sizeBytes)
    else this.bytes = Buffer.from(this.bytes.subarray(0, sizeBytes))
    this.mtimeSec = null
  }

  /** Zeros in what is there; the size stays. */
  punch(offset: number, lengthBytes: number): void {
    this.bytes.fill(0, Math.min(offset, this.bytes.length), Math.min(offset + lengthBytes, this.bytes.length))
    this.mtimeSec = null
  }

  read(offset: number, lengthBytes: number): Buffer {
    return Buffer.from(this.bytes.subarray(offset, offset + lengthBytes))
  }

  /** The drive keeps no times of a file that has lost its name. */
  setTime(seconds: number): void {
    this.mtimeSec = this.hasLazyStores || this.links === 0 ? null : seconds
  }

  #grow(sizeBytes: number): void {
    const grown = Buffer.alloc(sizeBytes)
    this.bytes.copy(grown)
    this.bytes = grown
  }
}

/** The bytes that a runner writes for a tag: the same in model-runner.cc. */
export function pattern(tag: number, lengthBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(lengthBytes)
  for (let index = 0; index < lengthBytes; index += 1) bytes[index] = (tag * 31 + index * 17 + (index >> 7)) & 0xff
  return bytes
}
