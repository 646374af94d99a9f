/**
 * The queue before the portal: every HTTP request takes its turn here, by priority, from the bucket that all processes of
 * the user share. Waiters can be cancelled, nobody starves, and while the account is paused only those a person waits for
 * go through. A portal that counts nothing (self-hosted) is not slowed down.
 */
import type { Clock } from '../base/clock.js'
import { cancellation, DriveError } from '../base/errors.js'
import type { Random } from '../base/random.js'
import { PRIORITIES, drained, emptyBudget, limitedBudget, stepBudget, type BudgetState, type Priority } from './budget-state.js'
import type { BudgetStore } from './budget-store.js'

export interface BudgetSnapshot {
  readonly used: number
  readonly capacity: number
  readonly perSecond: number
  /** How often the portal has said 503. */
  readonly limited: number
  /** The portal counts requests at all. */
  readonly counted: boolean
}

interface Waiter {
  readonly priority: Priority
  readonly sinceMs: number
  readonly grant: () => void
  readonly refuse: (error: Error) => void
}

/** Waited so long, a request goes with the first; one such each AGED_EVERY_MS, so that many do not crowd out a person. */
const AGED_AFTER_MS: Readonly<Record<Priority, number>> = { interactive: 0, listing: 10_000, upload: 20_000, background: 30_000 }
const AGED_EVERY_MS = 4_000
const LONGEST_LOOK_MS = 5_000 // other processes give room back without telling

export class Budget {
  readonly #store: BudgetStore
  readonly #clock: Clock
  readonly #random: Random
  /** In order of arrival. */
  readonly #waiters = new Set<Waiter>()
  readonly #held = new Set<Priority>()
  #counted = true
  #everLimited = false
  #lastState: BudgetState | undefined
  #lastAgedMs = -Infinity
  #pumping: Promise<void> | undefined
  #cutRest: (() => void) | undefined
  /** Somebody came since the queue was last looked at. */
  #woken = false
  #closed = false

  constructor(options: { store: BudgetStore; clock: Clock; random: Random }) {
    this.#store = options.store
    this.#clock = options.clock
    this.#random = options.random
  }

  /** Resolves when the request may be sent. Throws `cancelled` (or the signal's DriveError) or `paused`. */
  async take(priority: Priority, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) throw cancellation(signal)
    if (this.#closed) throw new DriveError('cancelled', 'the portal connection is closed')
    if (this.#held.has(priority)) throw paused()
    if (!this.#counted) return
    await new Promise<void>((resolve, reject) => {
      const settle = (finish: () => void): void => {
        this.#waiters.delete(waiter)
        signal?.removeEventListener('abort', onAbort)
        finish()
      }
      const onAbort = (): void => {
        settle(() => {
          reject(signal === undefined ? new DriveError('cancelled', 'the request was cancelled') : cancellation(signal))
        })
      }
      const waiter: Waiter = {
        priority,
        sinceMs: this.#clock.monotonicMs(),
        grant: () => {
          settle(resolve)
        },
        refuse: (error) => {
          settle(() => {
            reject(error)
          })
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(waiter)
      this.#wake()
    })
  }

  /** The portal answered 503 QUERY_LIMIT_EXCEEDED: everybody pauses. */
  async limited(): Promise<void> {
    if (this.#closed) return
    this.#counted = true
    this.#everLimited = true
    await this.#store.update((before) => {
      const nowMs = this.#clock.nowMs()
      const state = limitedBudget(before ?? emptyBudget(nowMs), nowMs, this.#random.fraction())
      this.#lastState = state
      return [state, undefined]
    })
  }

  /** An answer without `operating` from a portal that is not the cloud: no limiter there (section 2.2). */
  uncounted(): void {
    if (this.#everLimited || !this.#counted) return
    this.#counted = false
    for (const waiter of [...this.#waiters]) waiter.grant()
    this.#wake()
  }

  /** The portal's plan is known to be another one. */
  async setPlan(plan: { readonly capacity: number; readonly perSecond: number }): Promise<void> {
    await this.#store.update((before) => {
      const nowMs = this.#clock.nowMs()
      const state = { ...drained(before ?? emptyBudget(nowMs), nowMs), ...plan }
      this.#lastState = state
      return [state, undefined]
    })
    this.#wake()
  }

  /** While paused, requests of these priorities fail with `paused`, those that already wait too. */
  setPaused(isPaused: boolean, priorities: readonly Priority[]): void {
    this.#held.clear()
    if (!isPaused) return
    for (const priority of priorities) this.#held.add(priority)
    for (const waiter of [...this.#waiters]) if (this.#held.has(waiter.priority)) waiter.refuse(paused())
  }

  snapshot(): BudgetSnapshot {
    const nowMs = this.#clock.nowMs()
    const { level, capacity, perSecond, limitedCount } = drained(this.#lastState ?? emptyBudget(nowMs), nowMs)
    return { used: Math.ceil(level), capacity, perSecond, limited: limitedCount, counted: this.#counted }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const waiter of [...this.#waiters]) waiter.refuse(new DriveError('cancelled', 'the portal connection is closed'))
    this.#cutRest?.()
    await this.#pumping
    await this.#store.close()
  }

  #wake(): void {
    this.#woken = true
    this.#cutRest?.()
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = undefined
      if (this.#waiters.size > 0 && !this.#closed) this.#wake()
    })
  }

  async #pump(): Promise<void> {
    while (this.#waiters.size > 0) {
      const waitMs = await this.#serve()
      if (this.#waiters.size > 0 && waitMs > 0 && !this.#isWoken()) await this.#rest(Math.min(waitMs, LONGEST_LOOK_MS))
    }
  }

  /** Lets go whom the bucket has room for; answers when to look again. */
  #serve(): Promise<number> {
    return this.#store.update((before) => {
      this.#woken = false
      const nowMs = this.#clock.nowMs()
      const queue = this.#queue()
      const { state, granted, waitMs } = stepBudget(before ?? emptyBudget(nowMs), queue, nowMs)
      queue.forEach(({ waiter, aged }, index) => {
        if (granted[index] !== true) return
        if (aged) this.#lastAgedMs = this.#clock.monotonicMs()
        waiter.grant()
      })
      this.#lastState = state
      return [state, granted.every((isGranted) => isGranted) ? 0 : waitMs]
    })
  }

  /** Who goes first: one that has waited too long, then by priority, then by arrival. */
  #queue(): readonly { readonly waiter: Waiter; readonly priority: Priority; readonly aged: boolean }[] {
    const nowMs = this.#clock.monotonicMs()
    const waiters = [...this.#waiters]
    const agedOne = nowMs - this.#lastAgedMs < AGED_EVERY_MS ? undefined : waiters.find(({ priority, sinceMs }) => priority !== 'interactive' && nowMs - sinceMs >= AGED_AFTER_MS[priority])
    const others = PRIORITIES.flatMap((priority) => waiters.filter((waiter) => waiter.priority === priority && waiter !== agedOne))
    return [...(agedOne === undefined ? [] : [agedOne]), ...others].map((waiter) => ({ waiter, priority: waiter.priority, aged: waiter === agedOne }))
  }

  /** A call, because the checker believes that a flag just set stays as it was. */
  #isWoken(): boolean {
    return this.#woken
  }

  #rest(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimer = this.#clock.setTimer(waitMs, () => {
        this.#cutRest = undefined
        resolve()
      })
      this.#cutRest = () => {
        cancelTimer()
        this.#cutRest = undefined
        resolve()
      }
    })
  }
}

function paused(): DriveError {
  return new DriveError('paused', 'synchronization is paused')
}
