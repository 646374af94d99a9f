/**
 * Where everything of one profile lives: below the XDG directories, or below $ELASTIC_DRIVE_HOME where that is set. Pure
 * but for `prepareDirectories`. Directories are 0700 and ours; a socket whose path is too long for the kernel lives under a short
 * name that is derived from the long one, so that the daemon and whoever asks it find the same.
 */
import { createHash } from 'node:crypto'
import { chmod, lstat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { DriveError } from '../base/errors.js'
import { makeDirectories } from '../base/make-directories.js'

export const DEFAULT_PROFILE = 'default'
const PROFILE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/** sockaddr_un holds 108 bytes with the closing zero. */
const MAX_SOCKET_PATH_BYTES = 107

export interface ProfilePaths {
  readonly profile: string
  readonly stateDirectory: string
  readonly configDirectory: string
  readonly cacheDirectory: string
  readonly runtimeDirectory: string
  /** Directory of the contents' files. */
  readonly contentDirectory: string
  readonly databasePath: string
  /** Held by the daemon for its whole life (6a.2). */
  readonly lockPath: string
  /** Who the running daemon is. */
  readonly daemonRecordPath: string
  readonly logPath: string
  /** Standard error of the daemon: what is said after the log is gone, by Node or the C++ addon. */
  readonly errorOutputPath: string
  readonly profilePath: string
  /** The connection before, once it was ended. */
  readonly formerProfilePath: string
  /** What a disconnect that has begun still has to do; it is there only meanwhile. */
  readonly disconnectionPath: string
  /** Names of files that a new connection has taken out of its folder, until they are gone there. */
  readonly adoptionPath: string
  readonly settingsPath: string
  readonly webhookPath: string
  /** What `doctor --live` found out about the portal. */
  readonly portalTraitsPath: string
  /** Tokens of an application, and what is held while they are renewed. */
  readonly grantPath: string
  readonly grantLockPath: string
  readonly socketPath: string
  /** Directory of what the processes of all profiles share (the portal's budget). */
  readonly sharedRuntimeDirectory: string
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeDirectory: string
  readonly temporaryDirectory: string
  readonly uid: number
  /** Working directory, against which a relative $ELASTIC_DRIVE_HOME is taken. */
  readonly workingDirectory: string
}

/** `usage` when the name could be mistaken for a path or an option. */
export function checkProfileName(name: string): string {
  if (!PROFILE_NAME.test(name)) {
    throw new DriveError('usage', 'a profile name has letters, digits, "-" and "_" only, begins with a letter or digit, and is at most 64 long')
  }
  return name
}

export function profilePaths(profile: string, surroundings: Surroundings): ProfilePaths {
  checkProfileName(profile)
  const roots = rootDirectories(surroundings)
  const stateDirectory = join(roots.state, profile)
  const configDirectory = join(roots.config, profile)
  const runtimeDirectory = join(roots.runtime, profile)
  return {
    profile,
    stateDirectory,
    configDirectory,
    cacheDirectory: join(roots.cache, profile),
    runtimeDirectory,
    contentDirectory: join(roots.cache, profile, 'contents'),
    databasePath: join(stateDirectory, 'drive.db'),
    lockPath: join(stateDirectory, 'lock'),
    daemonRecordPath: join(stateDirectory, 'daemon.json'),
    logPath: join(stateDirectory, 'daemon.log'),
    errorOutputPath: join(stateDirectory, 'daemon.stderr'),
    profilePath: join(configDirectory, 'profile.json'),
    formerProfilePath: join(stateDirectory, 'former-profile.json'),
    disconnectionPath: join(stateDirectory, 'disconnect.json'),
    adoptionPath: join(stateDirectory, 'reconnect.json'),
    settingsPath: join(configDirectory, 'settings.json'),
    webhookPath: join(configDirectory, 'webhook'),
    portalTraitsPath: join(stateDirectory, 'portal-traits.json'),
    grantPath: join(configDirectory, 'oauth.json'),
    grantLockPath: join(stateDirectory, 'oauth.lock'),
    socketPath: socketPath(join(runtimeDirectory, 'control'), surroundings),
    sharedRuntimeDirectory: roots.runtime,
  }
}

interface RootDirectories {
  readonly state: string
  readonly config: string
  readonly cache: string
  readonly runtime: string
}

export function rootDirectories({ env, homeDirectory, temporaryDirectory, uid, workingDirectory }: Surroundings): RootDirectories {
  const own = env.ELASTIC_DRIVE_HOME
  if (own !== undefined && own !== '') {
    const home = resolve(workingDirectory, own)
    return { state: join(home, 'state'), config: join(home, 'config'), cache: join(home, 'cache'), runtime: join(home, 'run') }
  }
  // A relative path in an XDG variable is to be ignored (XDG base directory specification).
  const xdg = (name: string, otherwise: string): string => {
    const value = env[name]
    return join(value !== undefined && isAbsolute(value) ? value : otherwise, 'elastic-drive')
  }
  const runtime = env.XDG_RUNTIME_DIR
  return {
    state: xdg('XDG_STATE_HOME', join(homeDirectory, '.local', 'state')),
    config: xdg('XDG_CONFIG_HOME', join(homeDirectory, '.config')),
    cache: xdg('XDG_CACHE_HOME', join(homeDirectory, '.cache')),
    runtime: runtime !== undefined && isAbsolute(runtime) ? join(runtime, 'elastic-drive') : join(temporaryDirectory, `elastic-drive-${uid}`),
  }
}

function socketPath(wanted: string, { env, temporaryDirectory, uid }: Surroundings): string {
  if (Buffer.byteLength(wanted) <= MAX_SOCKET_PATH_BYTES) return wanted
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 32)
  const runtime = env.XDG_RUNTIME_DIR
  const shortRoots = [
    ...(runtime !== undefined && isAbsolute(runtime) ? [join(runtime, 'elastic-drive-sockets')] : []),
    join(temporaryDirectory, `elastic-drive-${uid}-sockets`),
  ]
  const fitting = shortRoots.map((root) => join(root, name)).find((path) => Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES)
  return fitting ?? join('/tmp', `elastic-drive-${uid}-sockets`, name)
}

/** Makes the directories of a profile. `forbidden` when one exists that others could write to or that is not ours. */
export async function prepareDirectories(paths: ProfilePaths, uid: number): Promise<void> {
  const own = [paths.stateDirectory, paths.configDirectory, paths.cacheDirectory, paths.contentDirectory, paths.runtimeDirectory, dirname(paths.socketPath)]
  for (const directory of new Set(own)) await preparePrivateDirectory(directory, uid)
}

/** The directory itself is ours and 0700; directories above it are made 0700 where they are missing. */
export async function preparePrivateDirectory(directory: string, uid: number): Promise<void> {
  await makeDirectories(directory, 0o700)
  for (const path of [dirname(directory), directory]) {
    const found = await lstat(path)
    // The one above may be a shared one (/tmp, a home), but never one that somebody else could swap below us.
    const swappable = (found.mode & 0o022) !== 0 && (found.mode & 0o1000) === 0
    if (path === directory ? !found.isDirectory() || found.uid !== uid : swappable) {
      throw new DriveError('forbidden', `the directory ${path} belongs to somebody else or can be written by others: remove it, or make it yours alone`)
    }
  }
  await chmod(directory, 0o700)
}
