/**
 * One daemon of one profile: holds the profile's lock, clears what a crashed one left, mounts the drive, opens the control
 * door, and ends in order. Nothing unsent is lost by any way of ending: the queue is in the database.
 */
import { systemClock } from '../base/clock.js'
import { DriveError, errorText, hasCode } from '../base/errors.js'
import type { Log } from '../base/log.js'
import { systemRandom } from '../base/random.js'
import { ControlServer } from '../control/server.js'
import { clearDeadMount } from '../engine/dead-mount.js'
import { LateNotices } from '../engine/late-notices.js'
import { mountEngine, type EngineMount } from '../engine/mount-engine.js'
import type { MountedEngine, NativeWork } from '../engine/mount-native.js'
import { LateAnswers } from '../engine/native-answers.js'
import { LateFiles } from '../engine/native-files.js'
import { takeProcessLock, type ProcessLock } from '../store/process-lock.js'
import { daemonCommands } from './daemon-commands.js'
import type { DaemonStart, MountOptions, RunningDaemon } from './daemon-process.js'
import { readBootId } from './daemon-record.js'
import { DriveCore } from './drive-core.js'
import { DriveReport } from './drive-report.js'
import { whileMountable } from './folder.js'
import { prepareDirectories, type ProfilePaths } from './paths.js'
import { readPortalTraits, servesRanges } from './portal-traits.js'
import { requireProfile, type Profile } from './profile.js'
import { readAccess } from './profile-access.js'
import { finishAdoption } from './adoption.js'
import { readSettings, type Settings } from './settings.js'
import { tearDown } from './tear-down.js'

/** 'not-connected', 'already-running', 'already-mounted', 'no-fuse-device', 'no-fusermount', 'database-damaged', … */
export async function startDaemon({ paths, mount, log, signal }: DaemonStart): Promise<RunningDaemon> {
  /** What takes back each thing that was set up, run in the opposite order. */
  const teardowns: (() => Promise<void>)[] = []
  const end = (): Promise<void> => tearDown(teardowns.splice(0).reverse())
  try {
    const profile = await requireProfile(paths)
    await prepareDirectories(paths, process.getuid?.() ?? 0)
    const lock = await takeLock(paths)
    teardowns.push(() => lock.release())
    await finishAdoption(paths, profile)
    const settings = await LiveSettings.read(paths)
    const notices = new LateNotices()
    const native: NativeWork = { answers: new LateAnswers(), files: new LateFiles(), cacheDirectory: paths.contentDirectory }
    const core = await openCore({ paths, profile, mount, settings, notices, native, log })
    teardowns.push(() => core.stop())
    if (signal.aborted) throw new DriveError('cancelled', 'the mount was cancelled')
    const { engine: mounted, choice } = await mountFolder({ profile, mount, settings, log, core, notices, native })
    teardowns.push(() => unmountIfMounted(mounted))
    let finish: () => void = () => undefined
    const ended = new Promise<void>((resolve) => {
      finish = resolve
    })
    const commands = daemonCommands({
      core,
      report: new DriveReport({ core, profileName: paths.profile, profile, engine: { ...choice, passthrough: mounted.passthrough }, readOnly: mount.readOnly }),
      clock: systemClock,
      log,
      readSettings: () => settings.readAgain(),
      unmount: (force) => mounted.unmount({ force }),
      end: finish,
    })
    const door = new ControlServer({ socketPath: paths.socketPath, commands, clock: systemClock, log })
    await door.start()
    teardowns.push(() => door.stop())
    core.start()
    void mounted.ended.then(finish)
    let stopping: Promise<void> | undefined
    return { folder: profile.folder, engine: choice, ended, stop: () => (stopping ??= end()) }
  } catch (error) {
    await end().catch((failure: unknown) => {
      log.error({ error: errorText(failure) }, 'a daemon that could not start could not be taken down cleanly')
    })
    throw error
  }
}

/** The settings as they are now; a change is read at the command line's word. */
class LiveSettings {
  readonly #paths: ProfilePaths
  #settings: Settings

  static async read(paths: ProfilePaths): Promise<LiveSettings> {
    return new LiveSettings(paths, await readSettings(paths))
  }

  private constructor(paths: ProfilePaths, settings: Settings) {
    this.#paths = paths
    this.#settings = settings
  }

  get now(): Settings {
    return this.#settings
  }

  async readAgain(): Promise<void> {
    this.#settings = await readSettings(this.#paths)
  }
}

async function takeLock(paths: ProfilePaths): Promise<ProcessLock> {
  try {
    return await takeProcessLock(paths.lockPath)
  } catch (error) {
    if (!hasCode(error, 'already-running')) throw error
    throw new DriveError('already-running', `the profile "${paths.profile}" is mounted by another process already: see "elastic-drive status"`, { cause: error })
  }
}

async function openCore({ paths, profile, mount, settings, notices, native, log }: { paths: ProfilePaths; profile: Profile; mount: MountOptions; settings: LiveSettings; notices: LateNotices; native: NativeWork; log: Log }): Promise<DriveCore> {
  return DriveCore.open({
    paths,
    profile,
    access: await readAccess(paths, profile, log),
    readOnly: mount.readOnly,
    servesRanges: await knownRanges(paths, profile, log),
    settings: () => settings.now,
    notices,
    answers: native.answers,
    files: native.files,
    clock: systemClock,
    random: systemRandom,
    log,
    environment: process.env,
    bootId: await readBootId(),
  })
}

/** From `doctor --live`. What cannot be read is found out anew. */
async function knownRanges(paths: ProfilePaths, profile: Profile, log: Log): Promise<boolean | undefined> {
  try {
    const known = await readPortalTraits(paths, profile.portal)
    return known === undefined ? undefined : servesRanges(known)
  } catch (error) {
    log.warn({ error: errorText(error) }, 'what was found out about the portal cannot be read')
    return undefined
  }
}

interface FolderMount {
  readonly profile: Profile
  readonly mount: MountOptions
  readonly settings: LiveSettings
  readonly log: Log
  readonly core: DriveCore
  readonly notices: LateNotices
  readonly native: NativeWork
}

/** Holding the lock, no daemon of ours can be behind a mount that does not answer. */
async function mountFolder({ profile, mount, settings, log, core, notices, native }: FolderMount): Promise<EngineMount> {
  const { folder } = profile
  if (await clearDeadMount(folder, systemClock)) log.info({ folder }, 'cleared the mount of a daemon that crashed')
  const wish = mount.engine === undefined ? ({ name: settings.now.engine, by: 'setting' } as const) : ({ name: mount.engine, by: 'option' } as const)
  return whileMountable(folder, () =>
    mountEngine(wish, {
      fileSystem: core.fileSystem,
      folder,
      fsName: `elastic-drive:${profile.portal}`,
      readOnly: mount.readOnly,
      allowOther: mount.allowOther,
      notices,
      native,
      without: mount.without,
      clock: systemClock,
      log,
    }),
  )
}

async function unmountIfMounted(mounted: MountedEngine): Promise<void> {
  await mounted.unmount({ force: true })
}
