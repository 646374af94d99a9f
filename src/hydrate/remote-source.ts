/**
 * Where the bytes of one content come from: the file's newest version while that is the one we hold a copy of, else that
 * version in the file's history. Every request begins with a look at the file; versions only grow, so a look that still
 * finds ours proves everything taken before it (bitrix24-rest.md 8.2 rule 5). What cannot be proved is discarded.
 */
import { ByteRanges, type ByteRange } from '../base/byte-ranges.js'
import type { Clock } from '../base/clock.js'
import { DriveError, hasCode } from '../base/errors.js'
import type { Content } from '../cache/content.js'
import type { RemoteOrigin } from '../cache/content-rows.js'
import type { CallOptions, Download, Drive, RemoteFile, RemoteVersion } from '../drive/drive.js'

export interface RemoteSourceOptions {
  readonly drive: Drive
  readonly clock: Clock
  readonly content: Content
  readonly onVersionMoved: (remote: RemoteFile) => void
  /** Ends every stream whose bytes are coming, before their bytes are discarded. */
  readonly cutStreams: () => Promise<void>
}

const LONG_OPENING_MS = 2_000 // between the look and the first byte; longer, and the whole answer is looked at again

export class RemoteSource {
  readonly #o: RemoteSourceOptions
  /** Of the remote bytes; a local write may change the content's own. */
  readonly #sizeBytes: number
  /** The pinned version, once the file has moved on. */
  #version: RemoteVersion | undefined
  #moving: Promise<void> | undefined
  /** Grows when the bytes' origin changes: an answer opened before is not used. */
  #epoch = 0
  /** Taken since the last look that found our version. */
  #unproved = ByteRanges.empty
  /** Here, and proved by this object; of other bytes nothing is known. */
  #proved = ByteRanges.empty
  #requests = 0
  #openedSlowly = false

  constructor(options: RemoteSourceOptions) {
    this.#o = options
    this.#sizeBytes = options.content.sizeBytes
  }

  /** Bytes came after the last look, and not all of the content in one prompt answer. */
  get needsProof(): boolean {
    return !this.#unproved.isEmpty && (this.#requests > 1 || this.#openedSlowly || !this.#o.content.isComplete)
  }

  /** Opens bytes of `range` (undefined: the whole file). `vanished` when our version is nowhere any more. */
  async open(range: ByteRange | undefined, call: CallOptions): Promise<Download> {
    for (;;) {
      if (this.#version !== undefined) return this.#o.drive.downloadVersion(this.#version, range, call)
      const file = await this.#look(call)
      if (file === undefined) continue
      const epoch = this.#epoch
      const lookedMs = this.#o.clock.monotonicMs()
      const attempt = new AbortController()
      const signal = call.signal === undefined ? attempt.signal : AbortSignal.any([call.signal, attempt.signal])
      const download = await this.#o.drive.download(file, range, { ...call, signal })
      if (epoch !== this.#epoch) {
        attempt.abort()
        continue
      }
      this.#requests += 1
      this.#openedSlowly ||= this.#o.clock.monotonicMs() - lookedMs > LONG_OPENING_MS
      return download
    }
  }

  /** Bytes that were kept. */
  took(range: ByteRange): void {
    if (this.#version === undefined) this.#unproved = this.#unproved.add(range)
    else this.#proved = this.#proved.add(range)
  }

  /** Looks once more; what does not belong to our version is gone from the content afterwards. */
  async prove(call: CallOptions): Promise<void> {
    await this.#look(call)
  }

  /** The file when it is still our version; undefined when it moved on and the history took its place. */
  async #look(call: CallOptions): Promise<RemoteFile | undefined> {
    const { content, drive } = this.#o
    const { origin } = content
    if (origin === null) throw vanished('the content has no original on the portal')
    const before = content.ranges
    const unproved = this.#unproved
    const file = await this.#fetchFile(drive, origin, call)
    if (isOurs(file, origin, this.#sizeBytes)) {
      // Everything that was here before the look was asked for is of our version.
      this.#proved = union(this.#proved, before)
      this.#unproved = without(this.#unproved, unproved)
      this.#openedSlowly = false
      return file
    }
    await (this.#moving ??= this.#move(file, origin, call).finally(() => {
      this.#moving = undefined
    }))
    return undefined
  }

  async #fetchFile(drive: Drive, origin: RemoteOrigin, call: CallOptions): Promise<RemoteFile> {
    try {
      return await drive.getFile(origin.fileId, call)
    } catch (error) {
      if (hasCode(error, 'not-found')) throw vanished('the file is not on the portal any more', error)
      throw error
    }
  }

  async #move(file: RemoteFile, origin: RemoteOrigin, call: CallOptions): Promise<void> {
    if (this.#version !== undefined) return
    this.#o.onVersionMoved(file)
    const ours = await this.#findVersion(origin, call)
    this.#epoch += 1
    this.#version = ours
    await this.#o.cutStreams()
    const { content } = this.#o
    // The history has it all, so everything unproved is fetched anew; without it, only what may really be wrong goes.
    await content.discard(ours === undefined ? this.#unproved : without(content.ranges, this.#proved))
    this.#unproved = ByteRanges.empty
    if (ours === undefined) throw vanished('this version was replaced and is not in the history')
  }

  async #findVersion(origin: RemoteOrigin, call: CallOptions): Promise<RemoteVersion | undefined> {
    try {
      const versions = await this.#o.drive.versions(origin.fileId, call)
      return versions.find(({ version, sizeBytes }) => version === origin.version && sizeBytes === this.#sizeBytes)
    } catch (error) {
      if (hasCode(error, 'unknown-method', 'not-found', 'forbidden')) return undefined
      throw error
    }
  }
}

function without(ranges: ByteRanges, removed: ByteRanges): ByteRanges {
  return removed.ranges.reduce((left, range) => left.remove(range), ranges)
}

function union(one: ByteRanges, other: ByteRanges): ByteRanges {
  return other.ranges.reduce((all, range) => all.add(range), one)
}

function isOurs(file: RemoteFile, origin: RemoteOrigin, sizeBytes: number): boolean {
  return file.version === origin.version && file.blobId === origin.blobId && file.sizeBytes === sizeBytes
}

function vanished(message: string, cause?: unknown): DriveError {
  return new DriveError('vanished', message, cause === undefined ? {} : { cause })
}
