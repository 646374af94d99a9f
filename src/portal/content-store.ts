/**
 * Where contents are read and written. Uploaded bytes are streamed to a file, hashed on the way and renamed into place
 * before anything points at them, so a killed portal leaves at most an orphan in `incoming`, which the next start removes.
 * Hashes of computed contents are made by streaming and remembered.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream, linkSync, mkdirSync, rmSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../base/random.js'
import { GeneratedBytes, type ComputedContent, type Content, type StoredContent } from './content.js'

const CHUNK_BYTES = 256 * 1024
const REMEMBERED_ABOVE_BYTES = 65_536 // hashing less is quicker than keeping a million hashes

export class ContentStore {
  readonly #dir: string
  readonly #random: Random
  /** The bytes a named head stands for. */
  readonly #headBytes: (head: string) => Uint8Array
  readonly #generated = new GeneratedBytes()
  readonly #hashes = new Map<string, string>()

  constructor(options: { dir: string; random: Random; headBytes: (head: string) => Uint8Array }) {
    this.#dir = options.dir
    this.#random = options.random
    this.#headBytes = options.headBytes
  }

  /** Makes the folders and removes what an earlier life left half written. */
  async prepare(): Promise<void> {
    await rm(this.#incoming(), { recursive: true, force: true })
    await mkdir(this.#incoming(), { recursive: true })
  }

  /** Removes every blob that is not named: what a kill left between a content and its row. */
  async keepOnly(blobs: ReadonlySet<string>): Promise<void> {
    for (const entry of await readdir(this.#dir, { withFileTypes: true, recursive: true })) {
      if (entry.isFile() && !blobs.has(entry.name)) await rm(join(entry.parentPath, entry.name), { force: true })
    }
  }

  async writer(): Promise<ContentWriter> {
    const blob = this.#random.hex(12)
    const temporary = join(this.#incoming(), blob)
    return new ContentWriter(blob, temporary, this.#path(blob), await open(temporary, 'wx'))
  }

  async store(bytes: Uint8Array): Promise<StoredContent> {
    const writer = await this.writer()
    await writer.write(bytes)
    return writer.finish()
  }

  /** A content of its own with the same bytes, so that each row owns what it points at. */
  duplicate(content: Content): Content {
    if (content.kind === 'computed') return content
    const blob = this.#random.hex(12)
    mkdirSync(join(this.#path(blob), '..'), { recursive: true })
    linkSync(this.#path(content.blob), this.#path(blob))
    return { ...content, blob }
  }

  /** Synchronous like the changes of rows it belongs to; a download that has begun goes on. */
  remove(content: Content): void {
    if (content.kind === 'stored') rmSync(this.#path(content.blob), { force: true })
  }

  /** Bytes `start` up to but without `end`, which must lie within the content. */
  async *read(content: Content, start: number, end: number): AsyncGenerator<Uint8Array> {
    if (start >= end) return
    if (content.kind === 'stored') {
      yield* createReadStream(this.#path(content.blob), { start, end: end - 1, highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>
      return
    }
    for (let offset = start; offset < end; offset += CHUNK_BYTES) yield this.#computed(content, offset, Math.min(CHUNK_BYTES, end - offset))
  }

  async sha256(content: Content): Promise<string> {
    if (content.kind === 'stored') return content.sha256
    const key = `${content.head ?? ''}|${content.seed}|${content.sizeBytes}`
    const known = this.#hashes.get(key)
    if (known !== undefined) return known
    const hash = createHash('sha256')
    for await (const chunk of this.read(content, 0, content.sizeBytes)) hash.update(chunk)
    const digest = hash.digest('hex')
    if (content.sizeBytes > REMEMBERED_ABOVE_BYTES) this.#hashes.set(key, digest)
    return digest
  }

  #computed(content: ComputedContent, offset: number, count: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(count)
    this.#generated.fill(bytes, content.seed, offset)
    if (content.head === null) return bytes
    const head = this.#headBytes(content.head)
    if (offset < head.length) bytes.set(head.subarray(offset, offset + count))
    return bytes
  }

  #incoming(): string {
    return join(this.#dir, 'incoming')
  }

  #path(blob: string): string {
    return join(this.#dir, blob.slice(0, 2), blob)
  }
}

/** A content on its way in. Ends with `finish` or `discard`. */
export class ContentWriter {
  readonly #blob: string
  readonly #temporary: string
  readonly #path: string
  readonly #file: FileHandle
  readonly #hash: Hash = createHash('sha256')
  #sizeBytes = 0

  constructor(blob: string, temporary: string, path: string, file: FileHandle) {
    this.#blob = blob
    this.#temporary = temporary
    this.#path = path
    this.#file = file
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes)
    let done = 0
    while (done < bytes.length) done += (await this.#file.write(bytes, done)).bytesWritten
    this.#sizeBytes += bytes.length
  }

  async finish(): Promise<StoredContent> {
    await this.#file.close()
    await mkdir(join(this.#path, '..'), { recursive: true })
    await rename(this.#temporary, this.#path)
    return { kind: 'stored', blob: this.#blob, sizeBytes: this.#sizeBytes, sha256: this.#hash.digest('hex') }
  }

  async discard(): Promise<void> {
    await this.#file.close()
    await rm(this.#temporary, { force: true })
  }
}
