/**
 * The leaky bucket of a portal as numbers (bitrix24-rest.md 4.1): what it holds, who may put how much in, and when the
 * next may. Pure; the file that processes share and the queue of waiters stand elsewhere. Times are wall time, because
 * processes have no other clock in common; a clock that jumps costs at most one pause.
 */

/** Who waits for the answer; the order is the order of service. */
export const PRIORITIES = ['interactive', 'listing', 'upload', 'background'] as const
export type Priority = (typeof PRIORITIES)[number]

export interface BudgetState {
  /** The plan: requests the bucket holds, and how many leave it each second. */
  readonly capacity: number
  readonly perSecond: number
  /** Requests in the bucket at `updatedMs`. */
  readonly level: number
  /** Those of them that nobody waits for: a smaller bucket inside. */
  readonly backgroundLevel: number
  readonly updatedMs: number
  /** Nothing is sent before: the portal said 503. */
  readonly blockedUntilMs: number
  /** 503s in a row, for the length of the pause. */
  readonly streak: number
  /** 503s ever. */
  readonly limitedCount: number
}

export interface BudgetWaiter {
  readonly priority: Priority
  /** Has waited so long that it goes with the first (nobody starves). */
  readonly aged: boolean
}

export interface BudgetStep {
  readonly state: BudgetState
  /** For each waiter, in the order given: may it go now? */
  readonly granted: readonly boolean[]
  /** When to look again for those that may not. */
  readonly waitMs: number
}

/** Every plan but Enterprise (250, 5). */
export const COMMON_PLAN = { capacity: 50, perSecond: 2 } as const

/**
 * How much of the bucket each priority may fill. 4 % stay free even for those in a hurry: requests arrive closer together
 * than they were sent, and a second machine behind the same address uses the same bucket. Background leaves 22 of 50.
 */
const SHARE: Readonly<Record<Priority, number>> = { interactive: 0.96, listing: 0.88, upload: 0.76, background: 0.56 }
/** Background gets half of the plan's rate (1 of 2 a second) and may save up this part of the bucket. */
const BACKGROUND_RATE = 0.5
const BACKGROUND_BURST = 0.2

const FIRST_PAUSE_MS = 1_500 // section 16: 1.5 s, × 1.5 each time
const PAUSE_GROWTH = 1.5
const LONGEST_PAUSE_MS = 60_000
const STREAK_FORGOTTEN_MS = 10_000 // so long without a 503, and the next pause is short again
const ROUNDING_MS = 1 // a timer that fires a hair early must not have to wait twice

export function emptyBudget(nowMs: number): BudgetState {
  return { ...COMMON_PLAN, level: 0, backgroundLevel: 0, updatedMs: nowMs, blockedUntilMs: 0, streak: 0, limitedCount: 0 }
}

/** The bucket at `nowMs`: what has drained since, with a clock set back taken as no time passed. */
export function drained(state: BudgetState, nowMs: number): BudgetState {
  const elapsedMs = Math.max(0, nowMs - state.updatedMs)
  const drop = (elapsedMs / 1000) * state.perSecond
  return {
    ...state,
    level: Math.max(0, state.level - drop),
    backgroundLevel: Math.max(0, state.backgroundLevel - drop * BACKGROUND_RATE),
    updatedMs: nowMs,
    blockedUntilMs: Math.min(state.blockedUntilMs, nowMs + LONGEST_PAUSE_MS),
    streak: nowMs > state.blockedUntilMs + STREAK_FORGOTTEN_MS ? 0 : state.streak,
  }
}

/** Serves waiters in the order given until one must wait; background that is over its own rate is passed over. */
export function stepBudget(before: BudgetState, waiters: readonly BudgetWaiter[], nowMs: number): BudgetStep {
  let state = drained(before, nowMs)
  const pauseMs = state.blockedUntilMs - nowMs
  if (pauseMs > 0) return { state, granted: waiters.map(() => false), waitMs: pauseMs }
  let waitMs = Infinity
  let blocked = false
  const granted = waiters.map((waiter) => {
    if (blocked) return false
    const needMs = waitForRoom(state, waiter)
    if (needMs > 0) {
      waitMs = Math.min(waitMs, needMs)
      blocked = waiter.aged || waiter.priority !== 'background'
      return false
    }
    state = { ...state, level: state.level + 1, backgroundLevel: state.backgroundLevel + (waiter.priority === 'background' ? 1 : 0) }
    return true
  })
  return { state, granted, waitMs }
}

/** The portal said 503: the bucket is full whatever we counted, and everybody pauses. `jitter` is in [0, 1). */
export function limitedBudget(before: BudgetState, nowMs: number, jitter: number): BudgetState {
  const state = drained(before, nowMs)
  // Requests that were under way together are refused together: that is one refusal.
  const isEcho = nowMs < state.blockedUntilMs
  const streak = isEcho ? state.streak : state.streak + 1
  const pauseMs = Math.min(FIRST_PAUSE_MS * PAUSE_GROWTH ** (streak - 1), LONGEST_PAUSE_MS) * (1 + jitter * 0.25)
  return {
    ...state,
    level: state.capacity,
    streak,
    limitedCount: state.limitedCount + 1,
    blockedUntilMs: isEcho ? state.blockedUntilMs : nowMs + pauseMs,
  }
}

function waitForRoom(state: BudgetState, { priority, aged }: BudgetWaiter): number {
  const room = state.capacity * SHARE[aged ? 'interactive' : priority]
  const overMs = (Math.max(0, state.level + 1 - room) / state.perSecond) * 1000
  const ownRoom = Math.max(1, state.capacity * BACKGROUND_BURST)
  const ownOver = priority === 'background' && !aged ? Math.max(0, state.backgroundLevel + 1 - ownRoom) : 0
  const ownMs = (ownOver / (state.perSecond * BACKGROUND_RATE)) * 1000
  const needMs = Math.max(overMs, ownMs)
  return needMs > 1e-6 ? needMs + ROUNDING_MS : 0
}
