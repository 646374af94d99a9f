/**
 * The second limit of the cloud: execution time per method over ten minutes (bitrix24-rest.md 4.2). Slows a method down
 * at 80 % of the allowance, and keeps it still after a 429 until the portal forgets. Pure but for the clock.
 */
import type { Clock } from '../base/clock.js'
import type { AnswerTime } from './envelope.js'

const ALLOWANCE_SECONDS = 480
const SLOW_AT = 0.8
const WINDOW_MS = 600_000
const LEAST_BLOCK_MS = 10_000 // 4.2: at least 10 s
const LONGEST_GAP_MS = 30_000

interface MethodLoad {
  /** Seconds used up when last told; what a call adds is the difference to the one before. */
  readonly usedSeconds: number
  readonly lastCostSeconds: number
  readonly resetAtMs: number
  readonly notBeforeMs: number
}

export class OperatingWatch {
  readonly #clock: Clock
  readonly #methods = new Map<string, MethodLoad>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Reads the portal's figures from an answer to `method`. */
  note(method: string, time: AnswerTime | undefined): void {
    if (time?.operatingSeconds === undefined) return
    const nowMs = this.#clock.monotonicMs()
    const before = this.#methods.get(method)
    const usedSeconds = time.operatingSeconds
    const lastCostSeconds = Math.max(0, usedSeconds - (before?.usedSeconds ?? 0))
    const resetAtMs = nowMs + (time.operatingResetInMs ?? WINDOW_MS)
    const blockedUntilMs = before !== undefined && before.notBeforeMs > nowMs ? before.notBeforeMs : nowMs
    if (usedSeconds < ALLOWANCE_SECONDS * SLOW_AT) {
      this.#methods.set(method, { usedSeconds, lastCostSeconds, resetAtMs, notBeforeMs: blockedUntilMs })
      return
    }
    // The rest of the allowance is spread over the time until some of it comes back.
    const callsLeft = Math.max(0, ALLOWANCE_SECONDS - usedSeconds) / Math.max(lastCostSeconds, 0.1)
    const gapMs = Math.min(Math.max(0, resetAtMs - nowMs) / Math.max(callsLeft, 1), LONGEST_GAP_MS)
    this.#methods.set(method, { usedSeconds, lastCostSeconds, resetAtMs, notBeforeMs: Math.max(blockedUntilMs, nowMs + gapMs) })
  }

  /** The portal refused the method with 429. */
  refused(method: string, resetInMs: number | undefined): void {
    const nowMs = this.#clock.monotonicMs()
    const notBeforeMs = nowMs + Math.max(resetInMs ?? 0, LEAST_BLOCK_MS)
    this.#methods.set(method, { usedSeconds: ALLOWANCE_SECONDS, lastCostSeconds: 0, resetAtMs: notBeforeMs, notBeforeMs })
  }

  /** How long the next call of `method` should wait; 0 for none. */
  waitMs(method: string): number {
    return Math.max(0, (this.#methods.get(method)?.notBeforeMs ?? 0) - this.#clock.monotonicMs())
  }

  /** Whether the wait is the portal's refusal and not our own slowing down. */
  isRefused(method: string): boolean {
    return this.waitMs(method) > 0 && (this.#methods.get(method)?.usedSeconds ?? 0) >= ALLOWANCE_SECONDS
  }
}
