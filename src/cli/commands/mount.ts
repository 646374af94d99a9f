/** `mount`: starts the daemon of the profile and returns when the folder answers; with --foreground, runs it here. */
import { Option } from 'commander'
import { DriveError, hasCode } from '../../base/errors.js'
import type { MountOptions } from '../../daemon/daemon-process.js'
import { prepareDirectories } from '../../daemon/paths.js'
import { requireProfile } from '../../daemon/profile.js'
import { ENGINE_FEATURES, FEATURE_SUMMARIES } from '../../engine/engine-features.js'
import type { Settings } from '../../daemon/settings.js'
import { spawnDaemon, type StartedDaemon } from '../../daemon/spawn.js'
import { stopOnSignals } from '../../daemon/stop-signals.js'
import { defineCommand } from '../command.js'
import { askDaemonIfAny, type Session } from '../session.js'

interface MountCommandOptions {
  readonly foreground?: boolean
  readonly readOnly?: boolean
  readonly engine?: Settings['engine']
  readonly allowOther?: boolean
  readonly debug?: boolean
  /** `--no-FEATURE` makes FEATURE false, under its name in camel case. */
  readonly [feature: string]: unknown
}

export const mountCommand = defineCommand<MountCommandOptions>({
  name: 'mount',
  summary: 'shows the drive in its folder',
  shape: (command) => {
    command
      .option('--foreground', 'stay in this terminal until Ctrl-C or "unmount"')
      .option('--read-only', 'change nothing on the portal')
      .addOption(new Option('--engine <engine>', 'how to speak to the kernel').choices(['native', 'fuse-native']))
      .option('--allow-other', 'let other users of this computer in')
      .option('--debug', 'write every request to the portal into the log, without secrets')
    for (const feature of ENGINE_FEATURES) command.option(`--no-${feature}`, `native engine: ${FEATURE_SUMMARIES[feature]}`)
  },
  run: async (session, options) => {
    await requireProfile(session.paths)
    await refuseMounted(session)
    await prepareDirectories(session.paths, session.surroundings.uid)
    const mount: MountOptions = {
      readOnly: options.readOnly ?? false,
      allowOther: options.allowOther ?? false,
      debug: options.debug ?? false,
      without: ENGINE_FEATURES.filter((feature) => options[camelCase(feature)] === false),
      ...(options.engine === undefined ? {} : { engine: options.engine }),
    }
    await (options.foreground === true ? runHere(session, mount) : start(session, mount))
    return 0
  },
})

/** How commander names an option. */
function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** The lock decides at last; this only says it sooner and better. */
async function refuseMounted(session: Session): Promise<void> {
  try {
    const status = await askDaemonIfAny(session, 'status', {})
    if (status !== undefined) throw new DriveError('already-mounted', `the drive is mounted on ${status.folder} already`)
  } catch (error) {
    if (!hasCode(error, 'deadline')) throw error
    throw new DriveError('already-mounted', 'the drive is mounted already, but its daemon does not answer: "elastic-drive unmount --force" ends it', { cause: error })
  }
}

async function start(session: Session, mount: MountOptions): Promise<void> {
  const stop = stopOnSignals()
  try {
    const started = await spawnDaemon({ paths: session.paths, mount, env: session.terminal.env, clock: session.clock, signal: stop.signal })
    answerMounted(session, started, mount)
  } finally {
    stop.release()
  }
}

async function runHere(session: Session, mount: MountOptions): Promise<void> {
  process.umask(0o077)
  // The daemon is loaded only where it runs: the other commands answer sooner without it.
  const [{ runDaemonProcess }, { startDaemon }] = await Promise.all([import('../../daemon/daemon-process.js'), import('../../daemon/daemon.js')])
  const stop = stopOnSignals()
  try {
    await runDaemonProcess({
      paths: session.paths,
      mount,
      startDaemon,
      stopSignal: stop.signal,
      onReady: ({ folder, engine }) => {
        answerMounted(session, { folder, engine, pid: process.pid }, mount)
      },
    })
  } finally {
    stop.release()
  }
  session.output.note('Unmounted.')
}

function answerMounted({ output }: Session, { folder, pid, engine }: StartedDaemon, { readOnly }: MountOptions): void {
  // What is slower, or lacks something, is not found out by surprise.
  if (engine.isFallback) output.note(`The engine is ${engine.name} ${engine.why}`)
  output.answer({ mounted: true, folder, pid, readOnly, engine: engine.name }, () => `Mounted ${folder}${readOnly ? ' read-only' : ''}.`)
}
