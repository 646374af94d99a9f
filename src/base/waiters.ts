/** Those who wait for something to come about, each until its own signals say that it waits no longer. */
import { DriveError } from './errors.js'

export class Waiters {
  readonly #waiting = new Set<() => void>()

  /** Resolves when told; 'cancelled' as soon as one of the signals says so. */
  wait(ends: readonly AbortSignal[]): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const done = (settle: () => void) => (): void => {
        this.#waiting.delete(onTold)
        for (const end of ends) end.removeEventListener('abort', onAbort)
        settle()
      }
      const onTold = done(resolve)
      const onAbort = done(() => {
        reject(new DriveError('cancelled', 'the wait was cancelled'))
      })
      this.#waiting.add(onTold)
      for (const end of ends) end.addEventListener('abort', onAbort, { once: true })
      if (ends.some(({ aborted }) => aborted)) onAbort()
    })
  }

  /** Tells those who wait now, however late it is called. */
  now(): () => void {
    const waiting = [...this.#waiting]
    return () => {
      for (const tell of waiting) tell()
    }
  }
}
