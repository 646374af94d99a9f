/**
 * The portal's own clock: whole seconds in its own zone, with an offset that a test can set (E-26, E-50). Dates go out as
 * ISO 8601 with a numeric offset; what comes in is read as PHP's strtotime would read the usual forms.
 */
import type { Clock } from '../base/clock.js'

export class PortalTime {
  readonly #clock: Clock
  readonly #zone: () => number
  offsetMs = 0

  constructor(clock: Clock, zoneMinutes: () => number) {
    this.#clock = clock
    this.#zone = zoneMinutes
  }

  nowMs(): number {
    return this.#clock.nowMs() + this.offsetMs
  }

  nowSec(): number {
    return Math.floor(this.nowMs() / 1000)
  }

  iso(seconds: number): string {
    const local = new Date((seconds + this.#zone() * 60) * 1000).toISOString().slice(0, 19)
    return local + this.#offset()
  }

  /** Seconds of a date in a filter; a text without zone is in the portal's zone. Unreadable is 0, as PHP's `false` is. */
  seconds(text: string): number {
    const trimmed = text.trim()
    if (/^@-?\d+$/.test(trimmed)) return Number(trimmed.slice(1))
    const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?\s*(Z|[+-]\d{2}:?\d{2})?$/i.exec(trimmed)
    if (match === null) {
      const parsed = Date.parse(trimmed)
      return Number.isNaN(parsed) ? 0 : Math.floor(parsed / 1000)
    }
    const [, date = '', time = '00:00:00', zone = this.#offset()] = match
    const parsed = Date.parse(`${date}T${time}${zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`)
    return Number.isNaN(parsed) ? 0 : Math.floor(parsed / 1000)
  }

  #offset(): string {
    const minutes = Math.abs(this.#zone())
    const two = (value: number): string => String(value).padStart(2, '0')
    return `${this.#zone() < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
  }
}
