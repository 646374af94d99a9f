/**
 * The kernel asks a second time, for a page alone, when reading ahead failed. Without this a program would wait for the same
 * silence twice: the failure of a read is given once more to whoever asks for its first byte in the next moment, and then
 * forgotten, so that a program that tries again gets a try.
 */
import type { Clock } from '../base/clock.js'
import { hasCode } from '../base/errors.js'
import type { OpenFile } from './handles.js'

const MOMENT_MS = 250 // the kernel asks again at once; the rest is for a busy machine

interface Failure {
  readonly offset: number
  readonly error: unknown
  readonly untilMs: number
}

export class ReadAgain {
  readonly #clock: Clock
  readonly #failures = new WeakMap<OpenFile, Failure>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs the read, or throws what the same read failed with a moment ago. */
  async run<T>(file: OpenFile, offset: number, read: () => Promise<T>): Promise<T> {
    const failure = this.#failures.get(file)
    this.#failures.delete(file)
    if (failure?.offset === offset && this.#clock.monotonicMs() <= failure.untilMs) throw failure.error
    try {
      return await read()
    } catch (error) {
      // That was this asker's own end.
      if (!hasCode(error, 'interrupted')) this.#failures.set(file, { offset, error, untilMs: this.#clock.monotonicMs() + MOMENT_MS })
      throw error
    }
  }
}
