/**
 * Tells a process that is being killed from one that only got a signal. The kernel sends INTERRUPT once a request, at
 * the first signal of any kind; a stat() or write() that fails with EINTR because of SIGCHLD or a timer breaks programs
 * (git, Go, shells), so on a file system only a fatal signal counts. The kernel marks every thread of a dying process
 * with SIGKILL, which /proc shows; a request whose INTERRUPT was not fatal is looked at again until it is answered.
 */
import { readFileSync } from 'node:fs'
import type { Clock } from '../base/clock.js'
import type { RequestId } from './fuse-addon.js'
import type { Request } from './request.js'

const LOOK_AGAIN_MS = 250 // a person who pressed Ctrl-C twice should not notice it
const SIGKILL_BIT = 1n << 8n

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
export function isBeingKilled(pid: number): boolean {
  if (pid === 0) return true
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const pending = /^SigPnd:\s*([0-9a-f]+)$/m.exec(status)?.[1]
    return pending === undefined || (BigInt(`0x${pending}`) & SIGKILL_BIT) !== 0n
  } catch {
    return true
  }
}
