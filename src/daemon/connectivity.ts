/**
 * Keeps asking whether an unreachable portal is back, ever more rarely, and tells everybody when the connection comes or
 * goes. While the portal answers it costs nothing.
 */
import type { Clock } from '../base/clock.js'
import type { Log } from '../base/log.js'
import { ServiceLoop, type Service } from '../base/service.js'
import type { RestClient } from '../rest/rest-client.js'

const FIRST_PROBE_MS = 2_000
const LONGEST_PROBE_MS = 60_000

export class Connectivity implements Service {
  readonly #rest: RestClient
  readonly #loop: ServiceLoop
  readonly #onChange: (online: boolean) => void
  #nextMs = FIRST_PROBE_MS
  #unsubscribe: (() => void) | undefined

  constructor(options: { rest: RestClient; clock: Clock; log: Log; onChange: (online: boolean) => void }) {
    this.#rest = options.rest
    this.#onChange = options.onChange
    this.#loop = new ServiceLoop({ name: 'connectivity', clock: options.clock, log: options.log, turn: () => this.#turn() })
  }

  start(): void {
    this.#unsubscribe = this.#rest.onStateChange(({ online }) => {
      this.#nextMs = FIRST_PROBE_MS
      this.#onChange(online)
      if (!online) this.#loop.wake()
    })
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.()
    await this.#loop.stop()
  }

  async #turn(): Promise<number> {
    if (this.#rest.state().online) return Infinity
    const restMs = this.#nextMs
    this.#nextMs = Math.min(this.#nextMs * 2, LONGEST_PROBE_MS)
    return (await this.#rest.probe()) ? Infinity : restMs
  }
}
