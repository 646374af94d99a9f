/**
 * The program of a daemon that `mount` starts: is told its profile and options by its parent, tells it when
 * the folder answers or why it cannot, and runs until it is unmounted or told to end.
 */
import { once } from 'node:events'
import { errorCode, errorText } from '../base/errors.js'
import { redact } from '../base/redact.js'
import { startDaemon } from './daemon.js'
import { runDaemonProcess } from './daemon-process.js'
import type { DaemonArguments, StartReport } from './spawn.js'
import { stopOnSignals } from './stop-signals.js'

process.umask(0o077)
const [{ paths, mount }] = (await once(process, 'message')) as [DaemonArguments]
const stop = stopOnSignals()
// A parent that goes away before the folder answers has given up: nobody waits for this mount.
process.once('disconnect', stop.abort)

let exitCode = 0
try {
  await runDaemonProcess({
    paths,
    mount,
    startDaemon,
    stopSignal: stop.signal,
    onReady: ({ folder, engine }) => {
      process.off('disconnect', stop.abort)
      void report({ ready: true, pid: process.pid, folder, engine })
    },
  })
} catch (error) {
  await report({ ready: false, code: errorCode(error), message: redact(errorText(error)) })
  exitCode = 1
}
// A stop that failed half-way (a full disk) leaves things open: they must not keep the process, and with it the lock.
process.exit(exitCode)

/** Says it to the parent while there is one, and lets it go. */
function report(message: StartReport): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) {
      resolve()
      return
    }
    process.send(message, () => {
      if (process.connected) process.disconnect()
      resolve()
    })
  })
}
