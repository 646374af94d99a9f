/** A clock that tells when the watch rests: it is the only one that sets timers here for longer than a moment. */
import { FakeClock } from '../../src/base/clock.js'

export class RestingClock extends FakeClock {
  /** When each pending timer is due. */
  readonly #pending = new Map<symbol, number>()

  override setTimer(delayMs: number, callback: () => void): () => void {
    const key = Symbol('timer')
    this.#pending.set(key, this.monotonicMs() + Math.max(delayMs, 0))
    const cancel = super.setTimer(delayMs, () => {
      this.#pending.delete(key)
      callback()
    })
    return () => {
      this.#pending.delete(key)
      cancel()
    }
  }

  async resting(): Promise<void> {
    while (this.#pending.size === 0) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Rests, and nothing is due any more. */
  async caughtUp(): Promise<void> {
    for (;;) {
      await this.resting()
      if (Math.min(...this.#pending.values()) > this.monotonicMs()) return
      await this.advance(0)
    }
  }

  /** From rest to rest until so much time has passed, or `isOver` says so after a turn. */
  async pass(byMs: number, isOver: () => boolean | Promise<boolean> = () => false): Promise<void> {
    const endMs = this.monotonicMs() + byMs
    for (;;) {
      await this.resting()
      if (this.monotonicMs() >= endMs || (await isOver())) return
      await this.resting()
      await this.advance(Math.min(endMs, ...this.#pending.values()) - this.monotonicMs())
    }
  }
}

/** Moves time on, from one look that falls due to the next. */
export async function look(clock: RestingClock, byMs: number): Promise<void> {
  await clock.pass(byMs)
  await clock.caughtUp()
}
