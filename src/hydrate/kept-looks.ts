/**
 * The portal's words about files that nobody has asked for yet, for a short time. Each is used once: its address was made
 * for one download. Bounded in number and age; what it says may be outdated, so whoever uses one looks again afterwards.
 */
import type { Clock } from '../base/clock.js'
import type { RemoteId } from '../base/ids.js'
import type { RemoteFile } from '../drive/drive.js'

/** At the common plan's two requests a second, fifty downloads take 25 s; the rest is for a busy bucket. */
const KEPT_MS = 45_000
const MOST_KEPT = 400 // eight walks at once

export class KeptLooks {
  readonly #clock: Clock
  /** Oldest first. */
  readonly #kept = new Map<RemoteId, { readonly file: RemoteFile; readonly askedMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `askedMs`: when the question was sent; the answer is not newer than that. */
  keep(id: RemoteId, file: RemoteFile, askedMs: number): void {
    this.#kept.delete(id)
    this.#kept.set(id, { file, askedMs })
    for (const [oldest, { askedMs: atMs }] of this.#kept) {
      if (this.#kept.size <= MOST_KEPT && this.#clock.monotonicMs() - atMs <= KEPT_MS) break
      this.#kept.delete(oldest)
    }
  }

  has(id: RemoteId): boolean {
    const kept = this.#kept.get(id)
    return kept !== undefined && this.#clock.monotonicMs() - kept.askedMs <= KEPT_MS
  }

  /** Undefined when there is none or it is too old; gone afterwards. */
  take(id: RemoteId): RemoteFile | undefined {
    const file = this.has(id) ? this.#kept.get(id)?.file : undefined
    this.#kept.delete(id)
    return file
  }
}
