/**
 * What a request really carries. A content that is written while it is being sent goes out as it was when each piece was
 * read, which the digest taken before does not know. The portal carries out nothing without the last piece, so that one is
 * held back until it is on record what goes out: whatever becomes of the answer or of this process, it is recognised.
 */
import { createHash } from 'node:crypto'
import type { Snapshot } from '../cache/content-snapshot.js'
import type { UploadSource } from '../drive/drive.js'

export class SentBytes implements UploadSource {
  readonly #snapshot: Snapshot
  readonly #record: (digest: string, recorded: string) => Promise<void>
  #recorded: string

  /** `digest`: of the snapshot, on record already; SHA-256, lower-case hexadecimal. `record` replaces what is on record. */
  constructor(snapshot: Snapshot, digest: string, record: (digest: string, recorded: string) => Promise<void>) {
    this.#snapshot = snapshot
    this.#recorded = digest
    this.#record = record
  }

  get sizeBytes(): number {
    return this.#snapshot.sizeBytes
  }

  async *open(): AsyncGenerator<Uint8Array> {
    if (!this.#snapshot.isLive) {
      yield* this.#snapshot.open()
      return
    }
    const hash = createHash('sha256')
    let held: Uint8Array | undefined
    for await (const piece of this.#snapshot.open()) {
      hash.update(piece)
      if (held !== undefined) yield held
      held = piece
    }
    const digest = hash.digest('hex')
    if (digest !== this.#recorded) {
      await this.#record(digest, this.#recorded)
      this.#recorded = digest
    }
    if (held !== undefined) yield held
  }
}
