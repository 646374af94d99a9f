/**
 * Starts the daemon as a process of its own (own session, root directory as working directory, nothing of the terminal)
 * and waits until it says that its folder answers. It gets no secret in arguments or environment: it reads the profile.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../base/clock.js'
import { DriveError, ERROR_CODES, errorText } from '../base/errors.js'
import type { EngineChoice } from '../engine/mount-engine.js'
import type { MountOptions } from './daemon-process.js'
import type { ProfilePaths } from './paths.js'

export interface StartedDaemon {
  readonly pid: number
  readonly folder: string
  readonly engine: EngineChoice
}

/** What the daemon tells its parent, once. */
export type StartReport =
  | ({ readonly ready: true } & StartedDaemon)
  | { readonly ready: false; readonly code: string; readonly message: string }

/** What the daemon is told over the channel once it runs: not on its command line, which everybody sees. No secret. */
export interface DaemonArguments {
  readonly paths: ProfilePaths
  readonly mount: MountOptions
}

/** What only `connect` reads: a daemon or a browser lives for weeks, and its environment can be looked at. */
export const NOT_FOR_CHILDREN = { ELASTIC_DRIVE_CLIENT_ID: undefined, ELASTIC_DRIVE_CLIENT_SECRET: undefined }

/** A damaged disk may take long to answer; after this the person is told rather than left waiting. */
const START_TIMEOUT_MS = 120_000
// Libuv's default of 4 is for the whole process: a few syncs to a slow disk would stop the database.
const POOL_THREADS = 16

/**
 * A daemon runs for weeks beside everything else. V8 begins to collect at 48 MB, then whenever the heap has grown by a
 * third instead of doubled, and keeps little room for young objects: a look through large folders leaves little behind.
 */
const NODE_FLAGS = ['--optimize-for-size', '--max-semi-space-size=4', '--initial-old-space-size=48']

/** Each thread that frees and allocates would keep an arena of its own otherwise (glibc; 8 for each core). */
const MALLOC_ARENAS = '2'

export interface SpawnOptions extends DaemonArguments {
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  /** Aborts when the person gives up; the daemon then ends itself. */
  readonly signal?: AbortSignal
  /** The daemon's program. */
  readonly mainPath?: string
}

export const DAEMON_MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

/** Resolves when the folder answers; throws the daemon's own reason when it could not start. */
export async function spawnDaemon({ paths, mount, env, clock, signal, mainPath = DAEMON_MAIN }: SpawnOptions): Promise<StartedDaemon> {
  const errorOutput = openSync(paths.errorOutputPath, 'w', 0o600)
  let child: ChildProcess
  try {
    child = spawn(process.execPath, [...NODE_FLAGS, mainPath, paths.profile], {
      detached: true,
      cwd: '/',
      env: { UV_THREADPOOL_SIZE: String(POOL_THREADS), MALLOC_ARENA_MAX: MALLOC_ARENAS, ...env, ...NOT_FOR_CHILDREN },
      stdio: ['ignore', 'ignore', errorOutput, 'ipc'],
    })
  } finally {
    closeSync(errorOutput)
  }
  try {
    const orders: DaemonArguments = { paths, mount }
    child.send(orders, () => undefined) // a daemon that is gone already is told by its exit
    const report = await startReport(child, { paths, clock, ...(signal === undefined ? {} : { signal }) })
    if (!report.ready) {
      const code = ERROR_CODES.find((known) => known === report.code) ?? 'internal'
      throw new DriveError(code, report.message)
    }
    return { pid: report.pid, folder: report.folder, engine: report.engine }
  } finally {
    // A daemon that is not up when its parent lets go ends itself.
    if (child.connected) child.disconnect()
    child.unref()
  }
}

function startReport(child: ChildProcess, { paths, clock, signal }: { paths: ProfilePaths; clock: Clock; signal?: AbortSignal }): Promise<StartReport> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      settle()
      reject(new DriveError('cancelled', 'the mount was cancelled'))
    }
    const cancelTimer = clock.setTimer(START_TIMEOUT_MS, () => {
      settle()
      reject(new DriveError('deadline', `the folder did not answer within ${START_TIMEOUT_MS / 1000} seconds: see ${paths.logPath}`))
    })
    const settle = (): void => {
      cancelTimer()
      signal?.removeEventListener('abort', giveUp)
      child.removeAllListeners()
    }
    signal?.addEventListener('abort', giveUp, { once: true })
    child.once('message', (message) => {
      settle()
      resolve(message as StartReport) // our own program at the other end
    })
    child.once('error', (error) => {
      settle()
      reject(new DriveError('internal', `the daemon cannot be started: ${errorText(error)}`, { cause: error }))
    })
    child.once('exit', (code, killedBy) => {
      settle()
      const how = killedBy === null ? `with exit code ${code ?? 'unknown'}` : `by ${killedBy}`
      reject(new DriveError('internal', `the daemon ended ${how} before the folder answered: see ${paths.errorOutputPath} and ${paths.logPath}`))
    })
  })
}
