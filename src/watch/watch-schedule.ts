/**
 * When to look for changes, and at how much (DESIGN.md section 7). Folders in use every 12 s, so that a change shows
 * within 15; the others in turn, a batch a minute while somebody works, one in five minutes when nobody does; everything
 * once, as fast as the allowance lets, after a pause. Pure.
 */

export interface ScheduleState {
  /** Somebody has used a folder within 10 minutes. */
  readonly inUse: boolean
  /** Some folders are missing in the pass that follows a pause. */
  readonly passDue: boolean
  /** Requests of the last hour. */
  readonly used: number
  /** Large folders are among those in use: a look costs two requests. */
  readonly hasLarge: boolean
  readonly lastHotMs: number
  readonly lastRollingMs: number
}

export interface ScheduledTurn {
  readonly hot: boolean
  readonly rolling: boolean
  /** Until something is due. */
  readonly restMs: number
}

const HOT_MS = 12_000
const HOT_LARGE_MS = 13_000 // two requests a look must fit the hour
const HOT_SLOW_MS = 120_000 // the allowance is nearly gone
const ROLLING_MS = 60_000
const ROLLING_IDLE_MS = 300_000
const PASS_MS = 2_000
const USED_MOST = 560 // of 600: room for confirming what is missing
const PASS_MOST = 240 // of the 300 of an idle hour

export function planTurn(state: ScheduleState, nowMs: number): ScheduledTurn {
  const hotEveryMs = state.used >= USED_MOST ? HOT_SLOW_MS : state.hasLarge ? HOT_LARGE_MS : HOT_MS
  const rollingEveryMs = state.passDue && state.used < PASS_MOST ? PASS_MS : state.inUse && state.used < USED_MOST ? ROLLING_MS : ROLLING_IDLE_MS
  const hotInMs = state.inUse ? state.lastHotMs + hotEveryMs - nowMs : Infinity
  const rollingInMs = state.lastRollingMs + rollingEveryMs - nowMs
  const hot = hotInMs <= 0
  const rolling = rollingInMs <= 0
  return { hot, rolling, restMs: Math.min(hot ? hotEveryMs : hotInMs, rolling ? rollingEveryMs : rollingInMs) }
}
