/**
 * One run of the command line: the profile it is about, where that lives, and where answers go. The running daemon is
 * reached from here and nowhere else.
 */
import { homedir, tmpdir } from 'node:os'
import { systemClock, type Clock } from '../base/clock.js'
import { hasCode } from '../base/errors.js'
import { ControlClient } from '../control/client.js'
import type { CommandAnswer, CommandName, CommandRequest } from '../control/commands.js'
import { readLiveDaemon } from '../daemon/daemon-record.js'
import { DEFAULT_PROFILE, profilePaths, type ProfilePaths, type Surroundings } from '../daemon/paths.js'
import { Output, type Terminal } from './output.js'

/** Options that every command takes, before or behind its name. */
export interface GlobalOptions {
  readonly profile?: string
  readonly json?: boolean
}

export interface Session {
  readonly terminal: Terminal
  readonly output: Output
  readonly clock: Clock
  readonly surroundings: Surroundings
  readonly paths: ProfilePaths
}

/** `usage` for a profile's name that is none. */
export function openSession(terminal: Terminal, options: GlobalOptions): Session {
  const surroundings: Surroundings = {
    env: terminal.env,
    homeDirectory: homedir(),
    temporaryDirectory: tmpdir(),
    uid: process.getuid?.() ?? 0,
    workingDirectory: terminal.workingDirectory,
  }
  return {
    terminal,
    output: new Output(terminal, options.json ?? false),
    clock: systemClock,
    surroundings,
    paths: profilePaths(options.profile ?? DEFAULT_PROFILE, surroundings),
  }
}

/** `not-mounted` when no daemon of the profile runs, `deadline` when it does not answer. */
export async function openDaemon({ paths, clock }: Session): Promise<ControlClient> {
  // The daemon may have been started where another runtime directory was set (a login, cron): its record knows.
  const live = await readLiveDaemon(paths)
  return await ControlClient.open(live?.socketPath ?? paths.socketPath, clock)
}

/** One question to the daemon. */
export async function askDaemon<Name extends CommandName>(
  session: Session,
  command: Name,
  request: CommandRequest<Name>,
  timeoutMs?: number,
): Promise<CommandAnswer<Name>> {
  const daemon = await openDaemon(session)
  try {
    return await daemon.request(command, request, timeoutMs)
  } finally {
    await daemon.close()
  }
}

/** As `askDaemon`, undefined when no daemon runs. */
export async function askDaemonIfAny<Name extends CommandName>(session: Session, command: Name, request: CommandRequest<Name>): Promise<CommandAnswer<Name> | undefined> {
  try {
    return await askDaemon(session, command, request)
  } catch (error) {
    if (hasCode(error, 'not-mounted')) return undefined
    throw error
  }
}
