/**
 * Mounts a filesystem through npm's `fuse-native` (libfuse 2), and gives back the mount as one object, as `mountNative`
 * does. fuse-native tells neither its device nor its end, so both are found in /proc. Nothing here calls into the mount.
 */
import { readdirSync, readlinkSync } from 'node:fs'
import type { Clock } from '../base/clock.js'
import { DriveError, hasCode } from '../base/errors.js'
import { loadFuseNative } from './fuse-native-binding.js'
import { FuseNativeSession } from './fuse-native-session.js'
import { escapeOption } from './fusermount.js'
import type { EndReason } from './kernel-session.js'
import { closeOnExec, loadMountCalls, type MountCalls } from './mount-calls.js'
import { checkDevice, checkFolder, withDeadline, type MountedEngine, type NativeMountOptions } from './mount-native.js'
import { MOUNT_TYPE, SUBTYPE, type MountOptions } from './mount-options.js'
import { findMount, resolveMountPoint } from './mount-table.js'
import { abortMount, detach, unmountGently } from './unmount.js'

const INIT_DEADLINE_MS = 10_000
const END_DEADLINE_MS = 4000 // unmounting takes at most 5 s whatever is stuck
const LOOK_MS = 100 // nothing tells of libfuse's end: its device is looked at
const VALIDITY_S = 1 // the kernel cannot be told of changes, so it may believe an answer no longer
// As the native engine's (init.ts). With libfuse's 12, fourteen stuck reads froze every other file (fuse-engine.md fact 3).
const MAX_BACKGROUND = 16_384
const CONGESTION_THRESHOLD = 1024
const LONGEST_TEXT_BYTES = 1023 // fuse-native copies folder and options into so much memory, and cuts

/** As `mountNative`; `unsupported` says what to install. */
export async function mountFuseNative(options: NativeMountOptions): Promise<MountedEngine> {
  const { fileSystem, clock, log, notices } = options
  const binding = loadFuseNative()
  const calls = loadMountCalls()
  const folder = await resolveMountPoint(options.folder)
  await checkFolder(folder, clock)
  await checkDevice()
  const session = new FuseNativeSession({ binding, fileSystem, log })
  let device: number | undefined
  let connection: number | undefined
  try {
    device = mountAndFindDevice(session, folder, mountOptions(options))
    connection = (await findMount(folder))?.connection
    if (device === undefined || connection === undefined) throw new DriveError('mount-failed', `${folder} was unmounted at once.`)
    await withDeadline(session.initialised, clock, INIT_DEADLINE_MS, 'The kernel never began to use the mount.')
  } catch (error) {
    session.stop()
    const left = await findMount(folder)
    if (left?.type !== MOUNT_TYPE) throw error // another's, from before
    await abortMount(calls, folder, left.connection)
    await detach(calls, folder)
    throw error
  }
  closeOnExec(device)
  notices.bind(session.notices)
  const mount: Mount = { calls, folder, connection, session, device, clock, ended: Promise.resolve('unmounted') }
  const ended = whenEnded(mount).then((reason) => {
    notices.unbind()
    session.close()
    log.info({ folder, reason }, 'libfuse has ended')
    return reason
  })
  log.info({ folder, connection, engine: 'fuse-native' }, 'mounted')
  return { folder, connection, passthrough: { on: false, why: 'only the native engine has it' }, notices, ended, unmount: ({ force }) => unmount({ ...mount, ended }, force) }
}

/** `nonempty`: the folder carries the profile's marker. `use_ino`: st_ino is ours, not libfuse's. */
function mountOptions({ fsName, readOnly, allowOther }: MountOptions): readonly string[] {
  const validity = [`entry_timeout=${VALIDITY_S}`, `attr_timeout=${VALIDITY_S}`, 'negative_timeout=0']
  const behaviour = ['default_permissions', 'nonempty', 'use_ino', 'big_writes', `max_background=${MAX_BACKGROUND}`, `congestion_threshold=${CONGESTION_THRESHOLD}`]
  return [`fsname=${escapeOption(fsName)}`, `subtype=${SUBTYPE}`, ...behaviour, ...validity, ...(readOnly ? ['ro'] : []), ...(allowOther ? ['allow_other'] : [])]
}

function mountAndFindDevice(session: FuseNativeSession, folder: string, options: readonly string[]): number | undefined {
  if (Buffer.byteLength(folder) > LONGEST_TEXT_BYTES || Buffer.byteLength(options.join(',')) > LONGEST_TEXT_BYTES - 2) {
    throw new DriveError('mount-failed', `The path of ${folder} is too long for the engine fuse-native.`)
  }
  const before = openDevices()
  session.mount(folder, options)
  return openDevices().find((descriptor) => !before.includes(descriptor))
}

const openDevices = (): readonly number[] => readdirSync('/proc/self/fd').map(Number).filter(isDevice)

function isDevice(descriptor: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`) === '/dev/fuse'
  } catch {
    return false // the descriptor of the listing itself, or one that was closed meanwhile
  }
}

interface Mount {
  readonly calls: MountCalls
  readonly folder: string
  readonly connection: number
  readonly session: FuseNativeSession
  readonly device: number
  readonly clock: Clock
  readonly ended: Promise<EndReason>
}

/** Resolves when libfuse has closed the device. A mount that is still in the table then was aborted. */
function whenEnded({ device, folder, connection, clock }: Mount): Promise<EndReason> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (isDevice(device)) {
        clock.setTimer(LOOK_MS, look)
        return
      }
      findMount(folder).then((entry) => {
        resolve(entry?.connection === connection ? 'aborted' : 'unmounted')
      }, reject)
    }
    look()
  })
}

async function unmount({ calls, folder, connection, session, ended, clock }: Mount, force: boolean): Promise<void> {
  // Somebody else's mount may be there by now.
  const mounted = (await findMount(folder))?.connection === connection
  if (mounted && force) {
    await abortMount(calls, folder, connection)
    session.stop()
    await detach(calls, folder)
  } else if (mounted) {
    await unmountGently(calls, folder, clock)
  }
  try {
    await withDeadline(ended, clock, force ? END_DEADLINE_MS : END_DEADLINE_MS / 2, 'The connection did not end.')
  } catch (error) {
    if (!hasCode(error, 'mount-failed')) throw error
    // Unmounted here but still in use elsewhere: a lazy unmount, or another mount namespace.
    await abortMount(calls, folder, connection)
    session.stop()
    await withDeadline(ended, clock, END_DEADLINE_MS / 2, `The connection of ${folder} did not end.`)
  }
}
