/** What falls due at drawn times. */
import type { Dice } from '../mount/model-dice.js'
import type { Company } from './company.js'

export class Timetable {
  readonly #company: Company
  readonly #dice: Dice
  readonly #due: { atMs: number; readonly meanMs: number | undefined; readonly run: () => Promise<void> }[] = []

  constructor(company: Company, dice: Dice) {
    this.#company = company
    this.#dice = dice
  }

  often(meanMs: number, run: () => Promise<void>): void {
    this.#due.push({ atMs: this.#company.clock.monotonicMs() + this.#drawn(meanMs), meanMs, run })
  }

  once(inMs: number, run: () => Promise<void>): void {
    this.#due.push({ atMs: this.#company.clock.monotonicMs() + inMs, meanMs: undefined, run })
  }

  async play(forMs: number): Promise<void> {
    const endMs = this.#company.clock.monotonicMs() + forMs
    await this.#run(() => this.#company.clock.monotonicMs() >= endMs, endMs)
  }

  /** What recurs rests meanwhile. */
  async untilOver(isOver: () => boolean): Promise<void> {
    const resting = this.#due.filter(({ meanMs }) => meanMs !== undefined)
    this.#due.splice(0, Infinity, ...this.#due.filter(({ meanMs }) => meanMs === undefined))
    await this.#run(isOver, Infinity)
    this.#due.push(...resting)
  }

  async #run(isOver: () => boolean, endMs: number): Promise<void> {
    while (!isOver()) {
      this.#due.sort((a, b) => a.atMs - b.atMs)
      const [next] = this.#due
      const untilMs = Math.min(endMs, next?.atMs ?? endMs)
      await this.#company.pass(untilMs - this.#company.clock.monotonicMs())
      if (next === undefined || this.#company.clock.monotonicMs() < next.atMs) continue
      if (next.meanMs === undefined) this.#due.shift()
      else next.atMs = this.#company.clock.monotonicMs() + this.#drawn(next.meanMs)
      await next.run()
    }
  }

  #drawn(meanMs: number): number {
    return Math.floor(-Math.log(1 - this.#dice.below(1_000_000) / 1_000_000) * meanMs)
  }
}
