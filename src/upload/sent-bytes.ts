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
  readonly #record: (digest: string) => Promise<void>
  #digest: string
  #mayHaveArrived = false

  /** `digest`: of the snapshot, SHA-256, lower-case hexadecimal. `record` is told the one of what really goes out, before its last piece does. */
  constructor(snapshot: Snapshot, digest: string, record: (digest: string) => Promise<void>) {
    this.#snapshot = snapshot
    this.#digest = digest
    this.#record = record
  }

  get sizeBytes(): number {
    return this.#snapshot.sizeBytes
  }

  /** Whether the last piece went out: without it the portal has carried out nothing, whatever kept the answer away. */
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
    if (hash !== undefined) this.#digest = hash.digest('hex')
    await this.#record(this.#digest)
    this.#mayHaveArrived = true
    if (held !== undefined) yield held
  }
}
