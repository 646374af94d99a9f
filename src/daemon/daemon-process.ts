/**
 * The life of a daemon as a process, in the foreground or on its own: start, say that the folder answers, run until it is
 * unmounted or told to end, stop cleanly. What a daemon consists of is `daemon.ts`.
 */
import { createLog, type Log } from '../base/log.js'
import { errorCode, errorText } from '../base/errors.js'
import type { EngineFeature } from '../engine/engine-features.js'
import type { EngineChoice } from '../engine/mount-engine.js'
import { removeDaemonRecord, writeDaemonRecord } from './daemon-record.js'
import { LogFile } from './log-file.js'
import type { ProfilePaths } from './paths.js'
import type { Settings } from './settings.js'
import { aborted } from './stop-signals.js'

/** What `mount` was asked for; an engine that is not named comes from the settings. */
export interface MountOptions {
  readonly readOnly: boolean
  readonly allowOther: boolean
  readonly engine?: Settings['engine']
  /** The log says more. */
  readonly debug?: boolean
  /** What the native engine does without. */
  readonly without: readonly EngineFeature[]
}

export interface DaemonStart {
  readonly paths: ProfilePaths
  readonly mount: MountOptions
  readonly log: Log
  /** Aborts when nobody wants the daemon any more before it is up. */
  readonly signal: AbortSignal
}

export interface RunningDaemon {
  readonly folder: string
  readonly engine: EngineChoice
  /** Resolves when the daemon came to its end by itself: unmounted by command or from outside. */
  readonly ended: Promise<void>
  /** Unmounts, whoever has files open, and resolves when nothing of the daemon runs any more. Safe to call twice. */
  stop(): Promise<void>
}

/** Resolves when the folder answers, the lock is held and the control door is open. */
export type StartDaemon = (start: DaemonStart) => Promise<RunningDaemon>

export interface DaemonProcess {
  readonly paths: ProfilePaths
  readonly mount: MountOptions
  readonly startDaemon: StartDaemon
  /** Ends the daemon when it aborts (SIGTERM, SIGINT). */
  readonly stopSignal: AbortSignal
  readonly onReady: (daemon: RunningDaemon) => void
}

/** Runs one daemon from start to end; rejects when it could not be started or stopped. */
export async function runDaemonProcess({ paths, mount, startDaemon, stopSignal, onReady }: DaemonProcess): Promise<void> {
  const file = new LogFile(paths.logPath)
  const log = createLog(mount.debug === true ? 'debug' : 'info', file)
  try {
    log.info({ pid: process.pid, profile: paths.profile, ...mount }, 'the daemon starts')
    const daemon = await startDaemon({ paths, mount, log, signal: stopSignal })
    try {
      await writeDaemonRecord(paths, process.pid)
      onReady(daemon)
      await Promise.race([daemon.ended, aborted(stopSignal)])
    } finally {
      await removeDaemonRecord(paths)
      await daemon.stop()
    }
    log.info({}, 'the daemon ended')
  } catch (error) {
    log.error({ code: errorCode(error), error: errorText(error), stack: error instanceof Error ? error.stack : undefined }, 'the daemon failed')
    throw error
  } finally {
    file.close()
  }
}
