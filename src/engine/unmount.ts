/**
 * Taking a mount away: gently (refused while somebody uses it), or by force: abort the connection first, then detach;
 * never detach alone, because that leaves stuck requests stuck for ever (fuse-engine.md fact 1).
 */
import { constants } from 'node:os'
import { delay, type Clock } from '../base/clock.js'
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

// Desktops and monitors look at each new mount for a moment, and so may the kernel itself (a file that is being closed):
// nobody can be asked to let go then, and a moment later nobody holds it.
const PASSING_USE_MS = 1000
const LOOK_AGAIN_MS = 50

/**
 * Fails with `busy`, naming the processes that hold it; use by nobody who can be named is waited out for a second first.
 * Nothing mounted there is no failure.
 */
export async function unmountGently(calls: MountCalls, folder: string, clock: Clock): Promise<void> {
  const startMs = clock.monotonicMs()
  while (!(await unmounted(calls, folder))) {
    const holders = await findHolders(folder, clock)
    if (holders.length > 0 || clock.monotonicMs() - startMs >= PASSING_USE_MS) {
      throw new DriveError('busy', `${folder} is in use${describe(holders)}.`, { fields: { folder, holders } })
    }
    await delay(clock, LOOK_AGAIN_MS)
  }
}

/** False: somebody uses it. */
async function unmounted(calls: MountCalls, folder: string): Promise<boolean> {
  if ((await findMount(folder)) === undefined) return true
  if (isRoot()) {
    const result = await calls.unmount(folder, UMOUNT_NOFOLLOW)
    if (result === 0 || result === -errno.EINVAL) return true
    if (result === -errno.EBUSY) return false
    throw new DriveError('mount-failed', `${folder} could not be unmounted: errno ${-result}.`)
  }
  const refusal = await fusermountUnmount(folder, false)
  return refusal === undefined || (await findMount(folder)) === undefined
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
