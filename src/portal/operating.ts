/**
 * `operating` (E-12, bitrix24-rest.md 4.2): seconds of execution per method, summed over ten baskets of a minute each,
 * checked before a call. The time is simulated, because a call here takes next to none. Runs of 0.1 s or less are not
 * counted, as in the source; so listings are free and writes are not.
 */

export interface OperatingFigures {
  readonly operating: number
  readonly operating_reset_at: number
}

const BASKET_SECONDS = 60
const BASKETS = 10
const FREE_SECONDS = 0.1
const BYTES_PER_SECOND = 40_000_000 // what decoding and storing a base64 body is taken to cost

/** Simulated seconds of a call; reads are below what counts. */
const COSTS: Readonly<Record<string, number>> = {
  'disk.folder.addsubfolder': 0.15,
  'disk.storage.addfolder': 0.15,
  'disk.folder.uploadfile': 0.12,
  'disk.storage.uploadfile': 0.28,
  'disk.file.uploadversion': 0.5,
  'disk.file.restorefromversion': 0.5,
  'disk.folder.copyto': 0.9,
  'disk.file.copyto': 0.4,
  'disk.folder.moveto': 0.3,
  'disk.file.moveto': 0.2,
  'disk.folder.rename': 0.12,
  'disk.file.rename': 0.12,
  'disk.folder.markdeleted': 0.4,
  'disk.file.markdeleted': 0.25,
  'disk.folder.deletetree': 0.8,
  'disk.file.delete': 0.3,
  'disk.folder.restore': 0.4,
  'disk.file.restore': 0.25,
}
const READ_SECONDS = 0.03

export class Operating {
  /** Undefined: the limiter is off (self-hosted), and answers carry no figures. */
  limitSeconds: number | undefined
  readonly #costs = new Map<string, number>(Object.entries(COSTS))
  /** Baskets of a method, oldest first: the minute they belong to and the seconds in them. */
  readonly #baskets = new Map<string, { minute: number; seconds: number }[]>()

  constructor(limitSeconds: number | undefined) {
    this.limitSeconds = limitSeconds
  }

  setCost(method: string, seconds: number): void {
    this.#costs.set(method.toLowerCase(), seconds)
  }

  /** Simulated seconds of a call. */
  cost(method: string, contentBytes: number): number {
    return (this.#costs.get(method) ?? READ_SECONDS) + contentBytes / BYTES_PER_SECOND
  }

  /** Whether the method is over its limit now. */
  isBlocked(method: string, nowSec: number): boolean {
    return this.limitSeconds !== undefined && this.#sum(method, nowSec) >= this.limitSeconds
  }

  /** Counts a call that was made, and `contentBytes` that came with it. */
  count(method: string, nowSec: number, contentBytes: number): void {
    const seconds = this.cost(method, contentBytes)
    if (seconds <= FREE_SECONDS) return
    const minute = Math.floor(nowSec / BASKET_SECONDS)
    const baskets = this.#live(method, nowSec)
    const last = baskets.at(-1)
    if (last?.minute === minute) last.seconds += seconds
    else baskets.push({ minute, seconds })
    this.#baskets.set(method, baskets)
  }

  /** What the envelope's `time` says; nothing while the limiter is off. */
  figures(method: string, nowSec: number): OperatingFigures | undefined {
    if (this.limitSeconds === undefined) return undefined
    const oldest = this.#live(method, nowSec)[0]
    const resetAt = oldest === undefined ? nowSec + BASKETS * BASKET_SECONDS : (oldest.minute + BASKETS) * BASKET_SECONDS
    return { operating_reset_at: resetAt, operating: Math.round(this.#sum(method, nowSec) * 1e6) / 1e6 }
  }

  #sum(method: string, nowSec: number): number {
    return this.#live(method, nowSec).reduce((sum, basket) => sum + basket.seconds, 0)
  }

  #live(method: string, nowSec: number): { minute: number; seconds: number }[] {
    const oldest = Math.floor(nowSec / BASKET_SECONDS) - BASKETS
    return (this.#baskets.get(method) ?? []).filter((basket) => basket.minute > oldest)
  }
}
