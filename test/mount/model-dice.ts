/** Choices of a seeded random source. */
import type { Random } from '../../src/base/random.js'

export class Dice {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  chance(of: number): boolean {
    return this.#random.fraction() < of
  }

  /** A whole number from 0 on. */
  below(limit: number): number {
    return Math.floor(this.#random.fraction() * limit)
  }

  /** `from` must not be empty. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }
}
