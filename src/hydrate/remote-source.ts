/**
 * Where the bytes of one content come from: the file's newest version while that is the one we hold a copy of, else that
 * version in the file's history. Every request goes with a look at the file; versions only grow, so a look that still
 * finds ours proves everything taken before it was asked for (bitrix24-rest.md 8.2 rule 5). What cannot be proved is
 * discarded. A look that was read ahead proves nothing: it only saves waiting, and one more comes after the bytes.
 */
import { ByteRanges, type ByteRange } from '../base/byte-ranges.js'
import type { Clock } from '../base/clock.js'
import { DriveError, hasCode } from '../base/errors.js'
import type { RemoteId } from '../base/ids.js'
import { isSameOrigin, type RemoteOrigin } from '../cache/content-rows.js'
import type { Content } from '../cache/content.js'
import type { CallOptions, Download, Drive, RemoteFile, RemoteVersion } from '../drive/drive.js'
import type { Look, Looks } from './looks.js'
import { WHOLE_FILE_BYTES } from './plan-window.js'

export interface RemoteSourceOptions {
  readonly drive: Drive
  readonly looks: Looks
  readonly clock: Clock
  readonly content: Content
  readonly onVersionMoved: (remote: RemoteFile) => void
  /** Ends every stream whose bytes are coming, before their bytes are discarded. */
  readonly cutStreams: () => Promise<void>
}

const LONG_OPENING_MS = 2_000 // between the look and the first byte; longer, and the whole answer is looked at again

export class RemoteSource {
  readonly #o: RemoteSourceOptions
  /** What the bytes are a copy of, and how many these are; a local write may change the content's own size. */
  #origin: RemoteOrigin | null
  #sizeBytes: number
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
  /** The file may have changed between the look and the answer's first byte. */
  #isDoubtful = false
  #openedAhead = false
  /** Our version as the last look found it. */
  #found: RemoteFile | undefined

  constructor(options: RemoteSourceOptions) {
    this.#o = options
    this.#origin = options.content.origin
    this.#sizeBytes = options.content.sizeBytes
  }

  /** Bytes came after the last look, and not all of the content in one prompt answer. */
  get needsProof(): boolean {
    return !this.#unproved.isEmpty && (this.#requests > 1 || this.#isDoubtful || !this.#o.content.isComplete)
  }

  /** The proof of a file that came whole by a look read ahead: it may wait for others of its kind. */
  get mayProveLater(): boolean {
    return this.#openedAhead && this.#requests === 1 && this.#o.content.isComplete
  }

  /**
   * Opens bytes of `range` (undefined: the whole file). `vanished` when our version is nowhere any more. `isRead`: for
   * somebody who reads here and now, and is served from a look that was read ahead.
   */
  async open(range: ByteRange | undefined, call: CallOptions, isRead: boolean): Promise<Download> {
    for (;;) {
      this.#follow()
      if (this.#version !== undefined) return this.#o.drive.downloadVersion(this.#version, range, call)
      const { content } = this.#o
      const mayBeAhead = isRead && this.#requests === 0 && content.ranges.isEmpty && this.#sizeBytes <= WHOLE_FILE_BYTES
      const attempt = new AbortController()
      const signal = call.signal === undefined ? attempt.signal : AbortSignal.any([call.signal, attempt.signal])
      const ask = (file: RemoteFile): Promise<Download> => this.#o.drive.download(file, range, { ...call, signal })
      // The address is known from the last time, so the answer may be on its way while we look; nothing of it is taken before.
      const early = this.#found === undefined ? undefined : ask(this.#found)
      early?.catch(() => undefined) // counts only when the look still finds our version
      let look: Look | undefined
      try {
        look = await this.#look((id) => (mayBeAhead ? this.#o.looks.first(content.id, id, call) : this.#fresh(id, call)), call)
      } finally {
        if (look === undefined) attempt.abort()
      }
      if (look === undefined) continue
      const epoch = this.#epoch
      const lookedMs = this.#o.clock.monotonicMs()
      const download = await (early ?? ask(look.file))
      if (epoch !== this.#epoch) {
        attempt.abort()
        continue
      }
      this.#requests += 1
      this.#isDoubtful ||= look.isAhead || this.#o.clock.monotonicMs() - lookedMs > LONG_OPENING_MS
      this.#openedAhead ||= look.isAhead
      return download
    }
  }

  /** Bytes that were kept. */
  took(range: ByteRange): void {
    if (this.#version === undefined) this.#unproved = this.#unproved.add(range)
    else this.#proved = this.#proved.add(range)
  }

  /** Looks once more; what does not belong to our version is gone from the content afterwards. */
  async prove(call: CallOptions, isPatient: boolean): Promise<void> {
    if (this.#follow()) return
    await this.#look((id) => (isPatient ? this.#o.looks.patient(id, call).then(fresh) : this.#fresh(id, call)), call)
  }

  /** Somebody waits for a proof that was not in a hurry. */
  hurryProof(): void {
    const { origin } = this.#o.content
    if (origin !== null) this.#o.looks.hurry(origin.fileId)
  }

  /** The file when it is still our version; undefined when it moved on and the history took its place. */
  async #look(ask: (id: RemoteId) => Promise<Look>, call: CallOptions): Promise<Look | undefined> {
    const { content } = this.#o
    const origin = this.#origin
    if (origin === null) throw vanished('the content has no original on the portal')
    const before = content.ranges
    const unproved = this.#unproved
    const look = await this.#existing(ask(origin.fileId))
    if (!isSameOrigin(content.origin, origin)) return undefined // sent meanwhile: the look is about an earlier copy
    if (isOurs(look.file, origin, this.#sizeBytes)) {
      if (look.isAhead) return look
      // Everything that was here before the look was asked for is of our version.
      this.#proved = union(this.#proved, before)
      this.#unproved = without(this.#unproved, unproved)
      this.#isDoubtful = false
      this.#found = look.file
      return look
    }
    // Read ahead, it may be of the time before ours.
    if (look.isAhead) return this.#look((id) => this.#fresh(id, call), call)
    await (this.#moving ??= this.#move(look.file, origin, call).finally(() => {
      this.#moving = undefined
    }))
    return undefined
  }

  /** After an edit was sent, the content is a copy of what was sent: all of it is here, and what is known of the earlier version does not count. */
  #follow(): boolean {
    const { origin, sizeBytes, ranges } = this.#o.content
    if (isSameOrigin(origin, this.#origin)) return false
    this.#origin = origin
    this.#sizeBytes = sizeBytes
    this.#epoch += 1
    this.#version = undefined
    this.#found = undefined
    this.#unproved = ByteRanges.empty
    this.#proved = ranges
    this.#isDoubtful = false
    return true
  }

  #fresh(id: RemoteId, call: CallOptions): Promise<Look> {
    return this.#o.looks.fresh(id, call).then(fresh)
  }

  async #existing(look: Promise<Look>): Promise<Look> {
    try {
      return await look
    } catch (error) {
      if (hasCode(error, 'not-found')) throw vanished('the file is not on the portal any more', error)
      throw error
    }
  }

  async #move(file: RemoteFile, origin: RemoteOrigin, call: CallOptions): Promise<void> {
    if (this.#version !== undefined) return
    this.#o.onVersionMoved(file)
    const ours = await this.#findVersion(origin, call)
    const { content } = this.#o
    if (!isSameOrigin(content.origin, origin)) return
    this.#epoch += 1
    this.#found = undefined
    this.#version = ours
    await this.#o.cutStreams()
    // The history has it all, so everything unproved is fetched anew; without it, only what may really be wrong goes.
    await content.discard(ours === undefined ? this.#unproved : without(content.ranges, this.#proved), origin)
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

function fresh(file: RemoteFile): Look {
  return { file, isAhead: false }
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
