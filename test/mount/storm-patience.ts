/** Somebody who tries again when a program tells that the portal did not answer in time or is away, and does not hide it. */
import { constants } from 'node:os'
import type { Answer, Runner } from './model-process.js'

const PORTAL_IS_AWAY: ReadonlySet<number> = new Set([constants.errno.ETIMEDOUT, constants.errno.ENETUNREACH])
const MOST_TRIES = 20

export class PatientRunner implements Runner {
  readonly #runner: Runner
  /** Calls that failed. */
  failures = 0

  constructor(runner: Runner) {
    this.#runner = runner
  }

  async call(line: string): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#runner.call(line)
      if (!PORTAL_IS_AWAY.has(answer.errno) || tries === MOST_TRIES) return answer
      this.failures += 1
    }
  }
}
