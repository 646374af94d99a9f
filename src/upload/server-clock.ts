/**
 * What time it is on the portal (O-20: compare only server times with server times). Asked once and then kept as the
 * difference to our clock, which may be wrong by hours but seldom jumps.
 */
import type { Clock } from '../base/clock.js'
import type { CallOptions, Drive } from '../drive/drive.js'

const ASK_AGAIN_MS = 60 * 60_000 // a jump of our clock shows as a difference between wall and monotonic time before that
const JUMP_MS = 1_000

export class ServerClock {
  readonly #drive: Drive
  readonly #clock: Clock
  #known: { readonly offsetMs: number; readonly wallMs: number; readonly monotonicMs: number } | undefined

  constructor(drive: Drive, clock: Clock) {
    this.#drive = drive
    this.#clock = clock
  }

  /** The portal's clock, whole seconds down; 0 when the portal does not tell. */
  async nowMs(call: CallOptions): Promise<number> {
    const known = this.#fresh() ?? (await this.#ask(call))
    return Math.max(0, Math.floor((this.#clock.nowMs() + known.offsetMs) / 1000) * 1000)
  }

  async #ask(call: CallOptions): Promise<{ readonly offsetMs: number }> {
    const wallMs = this.#clock.nowMs()
    const monotonicMs = this.#clock.monotonicMs()
    const { serverMs } = await this.#drive.account(call)
    // Taken as of before the request, so that an attempt never seems to begin later than it did.
    const offsetMs = Number.isFinite(serverMs) ? serverMs - this.#clock.nowMs() : Number.NEGATIVE_INFINITY
    this.#known = { offsetMs, wallMs, monotonicMs }
    return this.#known
  }

  #fresh(): { readonly offsetMs: number } | undefined {
    if (this.#known === undefined) return undefined
    const elapsedMs = this.#clock.monotonicMs() - this.#known.monotonicMs
    const jumpedMs = Math.abs(this.#clock.nowMs() - this.#known.wallMs - elapsedMs)
    return elapsedMs > ASK_AGAIN_MS || jumpedMs > JUMP_MS ? undefined : this.#known
  }
}
