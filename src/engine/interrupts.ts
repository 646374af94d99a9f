/**
 * Tells a process that is being killed from one that only got a signal. The kernel sends INTERRUPT once a request, at
 * the first signal of any kind; a stat() or write() that fails with EINTR because of SIGCHLD or a timer breaks programs
 * (git, Go, shells), so on a file system only a fatal signal counts. /proc shows which signals are pending and what the
 * process does about them; a request whose INTERRUPT was not fatal is looked at again until it is answered.
 */
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { Clock } from '../base/clock.js'
import type { RequestId } from './fuse-addon.js'
import type { Request } from './request.js'

const LOOK_AGAIN_MS = 250 // a person who pressed Ctrl-C twice should not notice it
const bit = (signal: number): bigint => 1n << BigInt(signal - 1)
const SIGKILL = bit(constants.signals.SIGKILL)
/** What a process survives without a handler: children, job control, urgent data, the window's size. */
const HARMLESS = (['SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGWINCH'] as const).reduce(
  (set, name) => set | bit(constants.signals[name]),
  0n,
)

export class Interrupts {
  readonly #clock: Clock
  readonly #kill: (request: Request) => void
  /** Interrupted by a signal that was not fatal, and still unanswered. */
  readonly #watched = new Map<RequestId, Request>()
  #cancelTimer: (() => void) | undefined

  /** `kill` is called once for a request whose process is being killed. */
  constructor(clock: Clock, kill: (request: Request) => void) {
    this.#clock = clock
    this.#kill = kill
  }

  interrupt(request: Request): void {
    if (isBeingKilled(request.pid)) {
      this.#kill(request)
      return
    }
    this.#watched.set(request.id, request)
    this.#cancelTimer ??= this.#clock.setTimer(LOOK_AGAIN_MS, this.#lookAgain)
  }

  answered(id: RequestId): void {
    if (this.#watched.size > 0) this.#watched.delete(id)
  }

  stop(): void {
    this.#watched.clear()
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  readonly #lookAgain = (): void => {
    this.#cancelTimer = undefined
    for (const request of [...this.#watched.values()]) {
      if (!isBeingKilled(request.pid)) continue
      this.#watched.delete(request.id)
      this.#kill(request)
    }
    if (this.#watched.size > 0) this.#cancelTimer = this.#clock.setTimer(LOOK_AGAIN_MS, this.#lookAgain)
  }
}

/** True also for a process that cannot be seen (another pid namespace): one that cannot be killed would be worse. */
export function isBeingKilled(thread: number): boolean {
  if (thread === 0) return true
  try {
    return hasFatalSignal(readFileSync(`/proc/${thread}/status`, 'latin1'))
  } catch {
    return true
  }
}

/** Whether /proc/PID/status shows a pending signal that ends the process. */
export function hasFatalSignal(status: string): boolean {
  const set = (field: string): bigint => BigInt(`0x${new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`)
  const pending = set('SigPnd') | set('ShdPnd')
  // A thread that waits with one signal pending is not marked with SIGKILL for the next; so look at each.
  return (pending & SIGKILL) !== 0n || (pending & ~(set('SigBlk') | set('SigIgn') | set('SigCgt') | HARMLESS)) !== 0n
}
