/** Attempts in a row that brought nothing: the first is repeated at once, the next after growing pauses, and they end. */
import type { Clock } from '../base/clock.js'

const MOST = 5
const FIRST_PAUSE_MS = 250

export class Attempts {
  readonly #clock: Clock
  readonly #again: () => void
  #failures = 0
  #cancelPause: (() => void) | undefined

  constructor(options: { clock: Clock; again: () => void }) {
    this.#clock = options.clock
    this.#again = options.again
  }

  /** Nothing is to be started until `again` is called. */
  get isPausing(): boolean {
    return this.#cancelPause !== undefined
  }

  noteProgress(): true {
    this.#failures = 0
    return true
  }

  /** False: enough; the count begins anew with whoever comes next. */
  noteFailure(isFinal: boolean): boolean {
    this.#failures += 1
    if (isFinal || this.#failures >= MOST) {
      this.#failures = 0
      return false
    }
    if (this.#failures > 1) this.#pause(FIRST_PAUSE_MS * 2 ** (this.#failures - 2))
    return true
  }

  stop(): void {
    this.#cancelPause?.()
    this.#cancelPause = undefined
  }

  #pause(pauseMs: number): void {
    this.#cancelPause ??= this.#clock.setTimer(pauseMs, () => {
      this.#cancelPause = undefined
      this.#again()
    })
  }
}
