/** Work that somebody waits for a limited time. */
import type { Clock } from './clock.js'
import { DriveError } from './errors.js'

export interface Deadline {
  readonly clock: Clock
  readonly deadlineMs: number
  /** Of who waits. */
  readonly signal: AbortSignal
  /** What was not done in time, for the failure. */
  readonly message: string
}

/** 'deadline' when time is up first; what the work throws. `limited` aborts with the signal and with the time. */
export async function withinDeadline<T>({ clock, deadlineMs, signal, message }: Deadline, work: (limited: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = new AbortController()
  const cancel = clock.setTimer(deadlineMs, () => {
    deadline.abort()
  })
  try {
    return await work(AbortSignal.any([signal, deadline.signal]))
  } catch (error) {
    if (deadline.signal.aborted) throw new DriveError('deadline', message, { cause: error })
    throw error
  } finally {
    cancel()
  }
}
