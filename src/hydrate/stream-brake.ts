/**
 * Holds streams that are far enough ahead of their readers, until a reader comes on. A stream whose reader stays away is
 * cut: portals end silent connections themselves, and what it brought is kept.
 */
import type { Clock } from '../base/clock.js'
import type { RangeStream } from './range-stream.js'

const LONGEST_WAIT_MS = 20_000

export class StreamBrake {
  readonly #clock: Clock
  readonly #isWanted: (stream: RangeStream) => boolean
  #waiting = new Set<() => void>()

  constructor(options: { clock: Clock; isWanted: (stream: RangeStream) => boolean }) {
    this.#clock = options.clock
    this.#isWanted = options.isWanted
  }

  /** Resolves when the stream is wanted again or cut; undefined: it is wanted now. */
  hold(stream: RangeStream): Promise<void> | undefined {
    return this.#mayRun(stream) ? undefined : this.#hold(stream)
  }

  /** Something changed: those that are held ask again. */
  readonly ask = (): void => {
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const wake of waiting) wake()
  }

  async #hold(stream: RangeStream): Promise<void> {
    const cancel = this.#clock.setTimer(LONGEST_WAIT_MS, () => {
      stream.cut()
    })
    stream.cutSignal.addEventListener('abort', this.ask, { once: true })
    try {
      while (!this.#mayRun(stream)) await new Promise<void>((resolve) => this.#waiting.add(resolve))
    } finally {
      cancel()
      stream.cutSignal.removeEventListener('abort', this.ask)
    }
  }

  #mayRun(stream: RangeStream): boolean {
    return stream.isCut || this.#isWanted(stream)
  }
}
