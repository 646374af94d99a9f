/** The signals by which a person or the system ends a process, as one abort. Loads nothing: every command may use it. */

export interface StopSignals {
  readonly signal: AbortSignal
  /** Resolves when the signal aborts. */
  readonly stopped: Promise<void>
  readonly abort: () => void
  /** Gives the signals of the process back their usual meaning. */
  readonly release: () => void
}

/** Turns SIGINT, SIGTERM and SIGHUP of this process into one abort. */
export function stopOnSignals(): StopSignals {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const controller = new AbortController()
  const abort = (): void => {
    controller.abort()
  }
  for (const name of names) process.on(name, abort)
  return {
    signal: controller.signal,
    stopped: aborted(controller.signal),
    abort,
    release: () => {
      for (const name of names) process.off(name, abort)
    },
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const onAbort = (): void => {
      resolve()
    }
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
