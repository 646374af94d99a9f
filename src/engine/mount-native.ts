/**
 * Mounts a filesystem through the native engine, and gives back the mount as one object. Root mounts by mount(2), an
 * ordinary user through fusermount3. Nothing here ever calls into the mount itself.
 */
import { closeSync } from 'node:fs'
import { access, constants as fsConstants, lstat, statfs, writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { delay, type Clock } from '../base/clock.js'
import { DriveError, hasCode, systemCode } from '../base/errors.js'
import type { Log } from '../base/log.js'
import type { FileSystem, KernelNotices } from '../fs/operations.js'
import { examineMount } from './dead-mount.js'
import type { EngineFeature } from './engine-features.js'
import { loadFuseAddon, type FuseAddon, type FuseSession } from './fuse-addon.js'
import { fusermountMount } from './fusermount.js'
import { MAX_READAHEAD_BYTES } from './init.js'
import { KernelSession, type EndReason } from './kernel-session.js'
import { sessionNotices, type LateNotices } from './late-notices.js'
import { directMountOptions, fusermountOptions, mountFlags, MOUNT_TYPE, type MountOptions } from './mount-options.js'
import { sessionAnswers, type LateAnswers } from './native-answers.js'
import { sessionFiles, type LateFiles } from './native-files.js'
import { findMount, resolveMountPoint } from './mount-table.js'
import { abortMount, detach, unmountGently } from './unmount.js'

const { errno } = constants

const ANSWERS_VALID_S = 3600 // every change passes through us and is announced
const INIT_DEADLINE_MS = 10_000 // the kernel sends INIT right after mounting; longer means it never comes
const END_DEADLINE_MS = 4000 // unmounting takes at most 5 s whatever is stuck

export interface NativeMountOptions extends MountOptions {
  readonly fileSystem: FileSystem
  readonly folder: string
  /** Given to the filesystem before the mount; bound to it here. */
  readonly notices: LateNotices
  /** For a filesystem that tells what may be done without it, and needs no FORGET. */
  readonly native?: NativeWork
  /** What the engine does without. */
  readonly without?: readonly EngineFeature[]
  readonly clock: Clock
  readonly log: Log
}

/** What native code may do without asking the filesystem, bound for as long as the mount is there. */
export interface NativeWork {
  readonly answers: LateAnswers
  readonly files: LateFiles
  /** Where the cache keeps its files. */
  readonly cacheDirectory: string
}

/** Whether the kernel is given files of the cache, and why, for a person. */
export interface Passthrough {
  readonly on: boolean
  readonly why: string
}

export interface MountedEngine {
  readonly folder: string
  readonly notices: KernelNotices
  /** Names the connection below /sys/fs/fuse/connections, for whoever has to abort it later. */
  readonly connection: number
  readonly passthrough: Passthrough
  /** Resolves when the connection is gone, whoever took it away, and nothing of the engine runs any more. */
  readonly ended: Promise<EndReason>
  /**
   * Without `force` fails with `busy` while somebody uses the mount. With it requests in flight fail, and open files too.
   * Resolves when the mount is gone, within 5 s.
   */
  unmount(options: { readonly force: boolean }): Promise<void>
}

/**
 * Resolves when the kernel and the engine agreed and the folder answers. Fails with `no-fuse-device`, `no-fusermount`,
 * `already-mounted`, `dead-mount` (see `clearDeadMount`), `unsupported` (no addon) or `mount-failed`.
 */
export async function mountNative(options: NativeMountOptions): Promise<MountedEngine> {
  const { fileSystem, clock, log, without = [] } = options
  const addon = loadFuseAddon()
  const folder = await resolveMountPoint(options.folder)
  await checkFolder(folder, clock)
  await checkDevice()
  const device = await openMount(addon, folder, options)
  let session: KernelSession | undefined
  let connection: number | undefined
  let passthrough: Passthrough = { on: false, why: 'the mount was not asked for yet' }
  try {
    session = new KernelSession({ addon, device, fileSystem, clock, log, without })
    if (options.native !== undefined && !without.includes('native-answers')) startNativeWork(session.native, options.native, () => passthrough.on)
    connection = (await findMount(folder))?.connection
    if (connection === undefined) throw new DriveError('mount-failed', `${folder} was unmounted at once.`)
    const agreement = await withDeadline(session.initialised, clock, INIT_DEADLINE_MS, 'The kernel never began to use the mount.')
    passthrough = await startPassthrough(session.native, agreement.passthrough, options)
    options.notices.bind(sessionNotices(session.native, agreement.expireOnly))
  } catch (error) {
    if (connection !== undefined) await abortMount(addon, folder, connection)
    if (session !== undefined && options.native !== undefined) endNativeWork(session.native, options.native)
    session?.stop()
    await detach(addon, folder)
    throw error
  }
  await raiseReadahead(connection, log)
  const { native, ended: sessionEnded } = session
  const ended = sessionEnded.then((reason) => {
    options.notices.unbind()
    if (options.native !== undefined) endNativeWork(native, options.native)
    return reason
  })
  log.info({ folder, connection, passthrough }, 'mounted')
  const mount = { addon, folder, connection, session, ended, clock }
  return { folder, connection, passthrough, notices: options.notices, ended, unmount: ({ force }) => unmount(mount, force) }
}

// Where a lease tells whether somebody still has a file mapped for writing, and stores to a mapping move its mtime.
const PASSTHROUGH_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
])

async function startPassthrough(session: FuseSession, isOffered: boolean, { native, without = [] }: NativeMountOptions): Promise<Passthrough> {
  const off = (why: string): Passthrough => ({ on: false, why })
  if (without.includes('passthrough') || without.includes('native-answers')) return off('switched off for this mount')
  if (native === undefined) return off('the filesystem has no files')
  if (!isOffered) return off('the kernel does not have it (Linux 6.9)')
  const { type } = await statfs(native.cacheDirectory)
  if (!PASSTHROUGH_FILE_SYSTEMS.has(type)) return off(`the cache lies on a file system that is none of ${[...PASSTHROUGH_FILE_SYSTEMS.values()].join(', ')}`)
  const failure = session.startPassthrough()
  if (failure === errno.EPERM) return off('the kernel wants CAP_SYS_ADMIN for it')
  return failure === 0 ? { on: true, why: 'cached files are given to the kernel' } : off(`the kernel refused: errno ${failure}`)
}

function startNativeWork(native: FuseSession, { answers, files, cacheDirectory }: NativeWork, canPassThrough: () => boolean): void {
  native.startAnswering(process.geteuid?.() ?? 0, process.getegid?.() ?? 0, ANSWERS_VALID_S, cacheDirectory, false)
  answers.bind(sessionAnswers(native))
  files.bind(sessionFiles(native, canPassThrough))
}

/** First what was written is asked for, then the files are closed. */
function endNativeWork(native: FuseSession, { answers, files }: NativeWork): void {
  answers.unbind()
  files.unbind()
  native.stopAnswering()
}

/** INIT can only lower the readahead that the kernel starts with (128 KiB); root can raise it. */
async function raiseReadahead(connection: number, log: Log): Promise<void> {
  try {
    await writeFile(`/sys/class/bdi/0:${connection}/read_ahead_kb`, String(MAX_READAHEAD_BYTES / 1024))
  } catch (error) {
    log.debug({ connection, code: systemCode(error) }, 'the readahead stays as it is')
  }
}

export async function checkFolder(folder: string, clock: Clock): Promise<void> {
  const mount = await examineMount(folder, clock)
  if (mount?.type.startsWith('fuse')) {
    if (mount.health !== 'alive' && mount.type === MOUNT_TYPE) {
      throw new DriveError('dead-mount', `${folder} is left from a program that ended without unmounting.`, { fields: { folder } })
    }
    throw new DriveError('already-mounted', `${folder} is a mount of ${mount.source} already.`, { fields: { folder } })
  }
  if (!(await lstat(folder)).isDirectory()) throw new DriveError('mount-failed', `${folder} is not a folder.`)
}

export async function checkDevice(): Promise<void> {
  try {
    await access('/dev/fuse', fsConstants.R_OK | fsConstants.W_OK)
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT'
    throw noDevice(missing ? 'is missing: run "modprobe fuse"' : 'may not be opened: its mode should be 0666', error)
  }
}

function noDevice(what: string, cause?: unknown): DriveError {
  return new DriveError('no-fuse-device', `/dev/fuse ${what} (in Docker: start the container with --device /dev/fuse --cap-add SYS_ADMIN).`, { cause })
}

/** Answers the open device of the new mount. */
async function openMount(addon: FuseAddon, folder: string, options: MountOptions): Promise<number> {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0]
  if (uid !== 0) return fusermountMount(addon, folder, fusermountOptions(options))
  const device = addon.openFuseDevice()
  if (device < 0) throw noDevice(`cannot be opened (errno ${-device}): run "modprobe fuse"`)
  const result = await addon.mount(options.fsName, folder, MOUNT_TYPE, mountFlags(options), directMountOptions(options, device, uid, gid))
  if (result === 0) return device
  closeSync(device)
  const reason = result === -errno.EPERM ? 'mounting is not permitted here (in Docker: --cap-add SYS_ADMIN)' : `errno ${-result}`
  throw new DriveError('mount-failed', `${folder} could not be mounted: ${reason}.`, { fields: { folder, errno: -result } })
}

interface Mount {
  readonly addon: FuseAddon
  readonly folder: string
  readonly connection: number
  readonly session: KernelSession
  readonly ended: Promise<EndReason>
  readonly clock: Clock
}

async function unmount({ addon, folder, connection, session, ended, clock }: Mount, force: boolean): Promise<void> {
  // Somebody else's mount may be there by now.
  const mounted = (await findMount(folder))?.connection === connection
  if (mounted && force) {
    await abortMount(addon, folder, connection)
    session.stop()
    await detach(addon, folder)
  } else if (mounted) {
    await unmountGently(addon, folder, clock)
  }
  try {
    await withDeadline(ended, clock, force ? END_DEADLINE_MS : END_DEADLINE_MS / 2, 'The connection did not end.')
  } catch (error) {
    if (!hasCode(error, 'mount-failed')) throw error
    // Unmounted here but still in use elsewhere: a lazy unmount, or another mount namespace.
    session.stop()
    await withDeadline(ended, clock, END_DEADLINE_MS / 2, `The connection of ${folder} did not end.`)
  }
}

export async function withDeadline<T>(wanted: Promise<T>, clock: Clock, deadlineMs: number, message: string): Promise<T> {
  const cut = new AbortController()
  const late = delay(clock, deadlineMs, cut.signal).then(() => {
    throw new DriveError('mount-failed', message)
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([wanted, late])
  } finally {
    cut.abort()
  }
}
