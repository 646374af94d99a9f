/**
 * When to look for changes, and at how much (DESIGN.md section 7; what follows from it is derived in README.md beside
 * this file). Folders in use every 12 s, or 14 s when they take two requests, so that a change shows within 15; what is
 * left of the hour is spread evenly over the others. After a start, a pause or an outage a part of it goes at once. Pure.
 */

export interface ScheduleState {
  /** Somebody has used a folder within 10 minutes. */
  readonly inUse: boolean
  /** What a look at the folders in use costs. */
  readonly hotRequests: number
  /** Some folders are missing in the pass that follows a start, a pause or an outage. */
  readonly passDue: boolean
  /** Requests of the last hour; of an idle time only what came in it. */
  readonly used: number
  /** Those of them that a pass was hurried by. */
  readonly hurried: number
  /** How long the last look at others had to wait for its answers: the portal, or we by its limits, slow down. */
  readonly waitedMs: number
  readonly lastHotMs: number
  readonly lastColdMs: number
}

export interface ScheduledTurn {
  readonly hot: boolean
  readonly cold: boolean
  /** The look at others is one more than their even share. */
  readonly hurried: boolean
  /** Until something is due; 0 when it is. */
  readonly restMs: number
}

const HOUR_MS = 3_600_000
const HOT_MS = 12_000
const HOT_TWICE_MS = 14_000 // two requests a look must fit the hour
const HOT_SLOW_MS = 120_000 // the allowance is nearly gone
const PASS_MS = 2_000

// Of 600 and 300: the rest is for asking about what is missing, further pages, and what a sweep begins with.
const USE_PLANNED = 560
const IDLE_PLANNED = 270
const COLD_MOST = { use: 575, idle: 290 }
const HOT_MOST = 590
const HURRIED_MOST = 150 // half an idle hour: the even share of the others goes on beside it
const LEAST_COLD = 20 // an hour, whatever folders in use take
const RESTS_PER_WAIT = 10 // a look that waits is followed by a rest of so many times that
const OVER_MS = 60_000 // the hour goes on, and with it what was used leaves it

/** How often folders in use are looked at. */
export function hotEveryMs({ used, hotRequests }: Pick<ScheduleState, 'used' | 'hotRequests'>): number {
  if (used >= HOT_MOST) return HOT_SLOW_MS
  return hotRequests > 1 ? HOT_TWICE_MS : HOT_MS
}

/** Requests of an hour that are left to the others. */
export function coldAnHour({ inUse, hotRequests, hurried }: Pick<ScheduleState, 'inUse' | 'hotRequests' | 'hurried'>): number {
  return Math.max(LEAST_COLD, spare(inUse, hotRequests) - hurried)
}

export function planTurn(state: ScheduleState, nowMs: number): ScheduledTurn {
  const hotMs = hotEveryMs(state)
  const isOver = state.used >= (state.inUse ? COLD_MOST.use : COLD_MOST.idle)
  const mayHurry = state.passDue && !isOver && state.hurried < Math.min(HURRIED_MOST, spare(state.inUse, state.hotRequests) - LEAST_COLD)
  const coldMs = mayHurry ? PASS_MS : Math.max(HOUR_MS / coldAnHour(state), state.waitedMs * RESTS_PER_WAIT)
  const hotInMs = state.inUse ? state.lastHotMs + hotMs - nowMs : Infinity
  const coldInMs = isOver ? OVER_MS : state.lastColdMs + coldMs - nowMs
  const hot = hotInMs <= 0
  const cold = coldInMs <= 0
  return { hot, cold, hurried: mayHurry, restMs: Math.max(0, Math.min(hotInMs, coldInMs)) }
}

function spare(inUse: boolean, hotRequests: number): number {
  if (!inUse) return IDLE_PLANNED
  return USE_PLANNED - (HOUR_MS / hotEveryMs({ used: 0, hotRequests })) * Math.max(hotRequests, 1)
}
