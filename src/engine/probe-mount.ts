/**
 * Whether a mount answers. Asked by a child process, because a call into a mount whose daemon hangs cannot be cut short:
 * the child is left behind then, and ends when the connection is aborted.
 */
import { spawn } from 'node:child_process'
import type { Clock } from '../base/clock.js'

/** `dead`: no daemon (ENOTCONN and the like); `silent`: no answer in time. */
export type MountHealth = 'alive' | 'dead' | 'silent'

const DEADLINE_MS = 3000
const SCRIPT = 'require("fs").statfsSync(process.argv[1])'

export function probeMount(folder: string, clock: Clock): Promise<MountHealth> {
  return new Promise((resolve) => {
    // Without this process's environment: its Node options may load much.
    const child = spawn(process.execPath, ['-e', SCRIPT, folder], { stdio: 'ignore', cwd: '/', env: {} })
    const cancel = clock.setTimer(DEADLINE_MS, () => {
      child.kill('SIGKILL')
      child.unref()
      resolve('silent')
    })
    child.on('error', () => {
      cancel()
      resolve('silent')
    })
    child.on('exit', (exitCode) => {
      cancel()
      resolve(exitCode === 0 ? 'alive' : 'dead')
    })
  })
}
