/**
 * Taking a mount away: gently (refused while somebody uses it), or by force: abort the connection first, then detach;
 * never detach alone, because that leaves stuck requests stuck for ever (fuse-engine.md fact 1).
 */
import { constants } from 'node:os'
import type { Clock } from '../base/clock.js'
import { DriveError } from '../base/errors.js'
import { abortConnection } from './connection-abort.js'
import type { MountCalls } from './mount-calls.js'
import { fusermountUnmount } from './fusermount.js'
import { findHolders, type Holder } from './mount-holders.js'
import { findMount } from './mount-table.js'

const { errno } = constants

const MNT_FORCE = 1
const MNT_DETACH = 2
const UMOUNT_NOFOLLOW = 8

const isRoot = (): boolean => process.geteuid?.() === 0

/** Fails with `busy`, naming the processes that hold it. Nothing mounted there is no failure. */
export async function unmountGently(calls: MountCalls, folder: string, clock: Clock): Promise<void> {
  if ((await findMount(folder)) === undefined) return
  if (isRoot()) {
    const result = await calls.unmount(folder, UMOUNT_NOFOLLOW)
    if (result === 0 || result === -errno.EINVAL) return
    if (result !== -errno.EBUSY) throw new DriveError('mount-failed', `${folder} could not be unmounted: errno ${-result}.`)
  } else {
    const refusal = await fusermountUnmount(folder, false)
    if (refusal === undefined || (await findMount(folder)) === undefined) return
  }
  const holders = await findHolders(folder, clock)
  throw new DriveError('busy', `${folder} is in use${describe(holders)}.`, { fields: { folder, holders } })
}

function describe(holders: readonly Holder[]): string {
  if (holders.length === 0) return ' by a process that cannot be seen from here'
  return ` by ${holders.map(({ pid, name }) => `${name} (${pid})`).join(', ')}`
}

/** Ends every request of the connection with an error, as far as this user can. */
export async function abortMount(calls: MountCalls, folder: string, connection: number): Promise<void> {
  if (await abortConnection(calls, connection)) return
  // For root this aborts too, and unmounts when nobody has a file open.
  if (isRoot()) await calls.unmount(folder, MNT_FORCE | UMOUNT_NOFOLLOW)
}

/** Takes the mount out of the tree at once, also with files open. Only after `abortMount`. */
export async function detach(calls: MountCalls, folder: string): Promise<void> {
  if ((await findMount(folder)) === undefined) return
  if (isRoot()) {
    const result = await calls.unmount(folder, MNT_DETACH | UMOUNT_NOFOLLOW)
    if (result < 0 && result !== -errno.EINVAL) throw new DriveError('mount-failed', `${folder} could not be detached: errno ${-result}.`)
    return
  }
  const refusal = await fusermountUnmount(folder, true)
  if (refusal !== undefined && (await findMount(folder)) !== undefined) {
    throw new DriveError('mount-failed', `${folder} could not be detached: ${refusal}`)
  }
}
