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
  #mayHaveArrived = false

  /** `digest`: of the snapshot, on record already; SHA-256, lower-case hexadecimal. `record` replaces what is on record. */
  constructor(snapshot: Snapshot, digest: string, record: (digest: string, recorded: string) => Promise<void>) {
    this.#snapshot = snapshot
    this.#recorded = digest
    this.#record = record
  }

  get sizeBytes(): number {
    return this.#snapshot.sizeBytes
  }

  /** Whether the last piece was handed on: without it the portal has carried out nothing, whatever kept the answer away. */
  get mayHaveArrived(): boolean {
    return this.#mayHaveArrived
  }

  async *open(): AsyncGenerator<Uint8Array> {
    const hash = this.#snapshot.isLive ? createHash('sha256') : undefined
    let held: Uint8Array | undefined
    for await (const piece of this.#snapshot.open()) {
      hash?.update(piece)
      if (held !== undefined) yield held
      held = piece
    }
    const digest = hash?.digest('hex') ?? this.#recorded
    if (digest !== this.#recorded) {
      await this.#record(digest, this.#recorded)
      this.#recorded = digest
    }
    this.#mayHaveArrived = true
    if (held !== undefined) yield held
  }
}
