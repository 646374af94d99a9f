/**
 * The life of a background loop: started once, woken when there is something to do, stopped with its stop awaited. A
 * failure of one turn is logged and followed by a back-off, never by the loop's silent end.
 */
import { delay, type Clock } from './clock.js'
import { DriveError, errorCode, errorText, hasCode } from './errors.js'
import type { Log } from './log.js'

export interface Service {
  start(): void
  /** Resolves when nothing of the service runs any more. Safe to call twice, and before start. */
  stop(): Promise<void>
}

/** One turn of work; answers how long to rest until the next turn unless woken (`Infinity`: until woken). */
export type Turn = (signal: AbortSignal) => Promise<number>

const FIRST_BACK_OFF_MS = 1_000 // a failing turn must neither spin nor keep a person waiting
const LONGEST_BACK_OFF_MS = 60_000 // bitrix24-rest.md section 16

export class ServiceLoop implements Service {
  readonly #name: string
  readonly #clock: Clock
  readonly #log: Log
  readonly #turn: Turn
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  /** Set by `wake` while a turn runs, so that the wake is not lost. */
  #woken = false
  #cutRest: (() => void) | undefined

  constructor(options: { name: string; clock: Clock; log: Log; turn: Turn }) {
    this.#name = options.name
    this.#clock = options.clock
    this.#log = options.log
    this.#turn = options.turn
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Makes the next turn begin at once, or right after the one that runs. */
  wake(): void {
    this.#woken = true
    this.#cutRest?.()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DriveError('cancelled', `${this.#name} is stopping`))
    this.#cutRest?.()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let failures = 0
    while (!this.#isStopping()) {
      this.#woken = false
      let restMs: number
      try {
        restMs = await this.#turn(signal)
        failures = 0
      } catch (error) {
        if (this.#isStopping()) return
        failures += 1
        restMs = Math.min(FIRST_BACK_OFF_MS * 2 ** (failures - 1), LONGEST_BACK_OFF_MS)
        this.#log.error({ service: this.#name, code: errorCode(error), error: errorText(error), restMs }, 'a turn of the service failed')
      }
      await this.#rest(restMs)
    }
  }

  /** A call, because the checker believes that a flag just read stays as it was. */
  #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  async #rest(restMs: number): Promise<void> {
    if (this.#woken || this.#isStopping()) return
    // Not AbortSignal.any with the stop signal: each one it makes leaves a trace on that signal for the life of the loop.
    const cut = new AbortController()
    this.#cutRest = () => {
      cut.abort()
    }
    try {
      await delay(this.#clock, restMs, cut.signal)
    } catch (error) {
      if (!hasCode(error, 'cancelled')) throw error
    } finally {
      this.#cutRest = undefined
    }
  }
}
