/** Waiting that somebody may give up. */
import { DriveError } from './errors.js'

/** Resolves when the work is over, however it ended, or throws 'cancelled' as soon as the signal says so; the work itself goes on. */
export function untilCancelled(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(new DriveError('cancelled', 'the wait was cancelled'))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const onEnd = (): void => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }
    work.then(onEnd, onEnd)
  })
}
