/**
 * Signed addresses of the other host (E-58), each good for a while and for one content as it was when it was given.
 */
import type { Random } from '../base/random.js'
import type { ServedContent } from './content.js'
import type { FaultEffect } from './faults.js'
import type { RangeMode } from './traits.js'

export const BLOB_PATH = '/blobs/'

const LIFE_SECONDS = 600
const MOST_GRANTS = 10_000

export interface BlobGrant {
  readonly served: ServedContent
  readonly rangeMode: RangeMode | undefined
  /** Of the download that was sent here: it concerns the body, once. */
  readonly fault: FaultEffect | undefined
}

export class BlobGrants {
  readonly #random: Random
  readonly #grants = new Map<string, BlobGrant & { readonly untilSec: number }>()

  constructor(random: Random) {
    this.#random = random
  }

  /** Path and query of the address. */
  give(grant: BlobGrant, nowSec: number): string {
    const key = this.#random.hex(16)
    for (const oldest of this.#grants.keys()) {
      if (this.#grants.size < MOST_GRANTS) break
      this.#grants.delete(oldest)
    }
    this.#grants.set(key, { ...grant, untilSec: nowSec + LIFE_SECONDS })
    return `${BLOB_PATH}${key}?X-Amz-Expires=${LIFE_SECONDS}&X-Amz-Signature=${this.#random.hex(32)}`
  }

  take(path: string, nowSec: number): BlobGrant | undefined {
    const key = path.slice(BLOB_PATH.length)
    const grant = this.#grants.get(key)
    if (grant === undefined || grant.untilSec < nowSec) return undefined
    if (grant.fault !== undefined) this.#grants.set(key, { ...grant, fault: undefined })
    return grant
  }
}
