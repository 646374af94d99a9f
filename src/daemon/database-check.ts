/**
 * Looks through the whole database once, when the drive is up and the first rush is over: damage that the opening did not
 * meet is told in the log and in `status`, and the next start looks before anything else. Repairs nothing and stops nothing.
 */
import { delay, type Clock } from '../base/clock.js'
import { hasCode, type DriveError } from '../base/errors.js'
import type { Log } from '../base/log.js'
import { ServiceLoop, type Service } from '../base/service.js'
import type { Store } from '../store/store.js'

/** Somebody who has just mounted a drive wants to see it: the disk and a core are theirs for that long. */
const AFTER_START_MS = 15_000

/** Damage that was met since the start. */
export interface Damage {
  readonly error: DriveError
  readonly sinceMs: number
}

export class DatabaseCheck implements Service {
  readonly #clock: Clock
  readonly #log: Log
  readonly #loop: ServiceLoop
  #damage: Damage | undefined

  /** `store` is asked when the time has come. */
  constructor({ store, clock, log }: { store: () => Pick<Store, 'check'>; clock: Clock; log: Log }) {
    this.#clock = clock
    this.#log = log
    this.#loop = new ServiceLoop({
      name: 'database-check',
      clock,
      log,
      turn: async (signal) => {
        await delay(clock, AFTER_START_MS, signal)
        await store().check(signal).catch((error: unknown) => {
          if (!hasCode(error, 'database-damaged')) throw error // `met` has heard of the other
        })
        return Infinity
      },
    })
  }

  /** The first damage that anybody met; undefined: none so far. */
  get damage(): Damage | undefined {
    return this.#damage
  }

  /** Damage was met, by the look or on the way. */
  met(error: DriveError): void {
    this.#damage ??= { error, sinceMs: this.#clock.nowMs() }
    this.#log.error({ code: error.code, error: error.message }, 'the database is damaged')
  }

  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }
}
