/**
 * A mount left behind by a daemon that crashed, was killed, or hangs in the kernel: everything below it fails or hangs
 * until it is cleared. Clearing aborts the connection first, so that also a daemon in the kernel and its victims go on.
 */
import { systemClock, type Clock } from '../base/clock.js'
import { DriveError } from '../base/errors.js'
import { loadMountCalls } from './mount-calls.js'
import { MOUNT_TYPE } from './mount-options.js'
import { findMount, resolveMountPoint, type MountEntry } from './mount-table.js'
import { probeMount, type MountHealth } from './probe-mount.js'
import { abortMount, detach } from './unmount.js'

const MOST_LAYERS = 32 // a start on top of a dead mount, over and over

export interface ExaminedMount extends MountEntry {
  readonly health: MountHealth
}

/** What is mounted at the folder and whether it answers; undefined when nothing is. Never hangs. */
export async function examineMount(folder: string, clock: Clock = systemClock): Promise<ExaminedMount | undefined> {
  const entry = await findMount(await resolveMountPoint(folder))
  return entry === undefined ? undefined : { ...entry, health: await probeMount(entry.folder, clock) }
}

/**
 * Clears what is left of our mounts at the folder; answers false when nothing was mounted there. A mount that answers is
 * somebody's: `already-mounted`, and so is one of another kind. The caller makes sure that no other daemon of the profile
 * runs. The connection's number is taken from the mount table: one that was noted earlier may be another mount's by now.
 */
export async function clearDeadMount(folder: string, clock: Clock = systemClock): Promise<boolean> {
  const calls = loadMountCalls()
  const path = await resolveMountPoint(folder)
  let cleared = false
  for (let layer = 0; layer < MOST_LAYERS; layer += 1) {
    const entry = await examineMount(path, clock)
    if (entry === undefined) return cleared
    if (entry.type !== MOUNT_TYPE || entry.health === 'alive') {
      throw new DriveError('already-mounted', `${path} is a mount of ${entry.source} that answers.`, { fields: { folder: path, type: entry.type } })
    }
    await abortMount(calls, path, entry.connection)
    await detach(calls, path)
    cleared = true
  }
  throw new DriveError('mount-failed', `${path} has too many mounts on top of each other.`)
}
