/**
 * Takes the mount of a profile away: asks the daemon, clears what a dead one left, and with force ends one that does not
 * answer. What is unsent stays in the database.
 */
import { delay } from '../base/clock.js'
import { DriveError, hasCode, systemCode } from '../base/errors.js'
import type { ControlClient } from '../control/client.js'
import type { UnmountAnswer } from '../control/commands.js'
import { isAlive, readLiveDaemon, type DaemonIdentity } from '../daemon/daemon-record.js'
import { readSettings } from '../daemon/settings.js'
import { findMount } from '../engine/mount-table.js'
import { openDaemon, type Session } from './session.js'
import { bytesInWords, countInWords } from './words.js'

/** `asked`: the daemon did it. `cleared`: a mount without daemon was taken away. `killed`: the daemon did not answer and was ended. */
export type Ending = UnmountAnswer & { readonly how: 'asked' | 'cleared' | 'killed' }

/** Above the engine's own 5 s for a stuck mount. */
const UNMOUNT_TIMEOUT_MS = 15_000
const LAST_STEPS_MS = 10_000

export interface TakeAway {
  readonly folder: string
  readonly waitSeconds: number
  readonly force: boolean
}

interface Request extends TakeAway {
  readonly live: DaemonIdentity | undefined
}

/** The daemon has ended when it resolves, unless the answer says that the folder is busy. 'not-mounted', 'deadline'. */
export async function takeMountAway(session: Session, request: TakeAway): Promise<Ending> {
  const live = await readLiveDaemon(session.paths)
  const ending = await unmount(session, { ...request, live })
  if (ending.unmounted && live !== undefined) await waitForEnd(session, live)
  return ending
}

async function unmount(session: Session, request: Request): Promise<Ending> {
  try {
    const daemon = await openDaemon(session)
    try {
      return { ...(await ask(session, daemon, request)), how: 'asked' }
    } finally {
      await daemon.close()
    }
  } catch (error) {
    if (hasCode(error, 'not-mounted')) return await clearLeftover(session, request.folder)
    if (hasCode(error, 'deadline') && request.force && request.live !== undefined) return await kill(session, request.folder, request.live)
    throw error
  }
}

async function ask({ output }: Session, daemon: ControlClient, { waitSeconds, force }: Request): Promise<UnmountAnswer> {
  const { pendingUploads, pendingBytes } = await daemon.request('status', {})
  if (waitSeconds > 0 && pendingUploads > 0) {
    output.note(`${countInWords(pendingUploads, 'edit')} (${bytesInWords(pendingBytes)}) still to be sent; waiting up to ${waitSeconds} s.`)
  }
  const answer = await daemon.request('unmount', { waitSeconds, force }, waitSeconds * 1_000 + UNMOUNT_TIMEOUT_MS)
  if (answer.unmounted) await daemon.closed
  return answer
}

/** No daemon: what stands in the folder is left from one that was killed. */
async function clearLeftover(session: Session, folder: string): Promise<Ending> {
  if ((await findMount(folder)) === undefined) throw new DriveError('not-mounted', `${folder} is not mounted`)
  const { clearDeadMount } = await import('../engine/dead-mount.js')
  await clearDeadMount(folder, session.clock)
  return { how: 'cleared', ...(await keptInQueue(session)) }
}

/** Nothing is lost by it: what close() returned for is in the database. */
async function kill(session: Session, folder: string, live: DaemonIdentity): Promise<Ending> {
  if (await isAlive(live)) {
    try {
      process.kill(live.pid, 'SIGKILL')
    } catch (error) {
      if (systemCode(error) !== 'ESRCH') throw error
    }
  }
  // A daemon that hangs inside its own mount dies only when the connection is aborted, which clearing does.
  await processEnd(session, live)
  if ((await findMount(folder)) !== undefined) {
    const { clearDeadMount } = await import('../engine/dead-mount.js')
    await clearDeadMount(folder, session.clock)
  }
  return { how: 'killed', ...(await keptInQueue(session)) }
}

async function keptInQueue({ paths }: Session): Promise<UnmountAnswer> {
  const { offlineStatus } = await import('../daemon/offline-status.js') // the database is loaded only where it is read
  const { pendingUploads, pendingBytes } = await offlineStatus(paths, await readSettings(paths))
  return { unmounted: true, busy: [], unsent: [], pendingUploads, pendingBytes }
}

/** The next `mount` needs the lock that goes with the process. */
async function waitForEnd(session: Session, live: DaemonIdentity): Promise<void> {
  if (!(await processEnd(session, live))) session.output.note('The folder is unmounted, but the daemon is still finishing: see its log.')
}

/** False when the process still lives after LAST_STEPS_MS. Nothing tells of the end of a process that is no child: it is looked at. */
async function processEnd({ clock }: Session, live: DaemonIdentity): Promise<boolean> {
  const untilMs = clock.monotonicMs() + LAST_STEPS_MS
  while (await isAlive(live)) {
    if (clock.monotonicMs() >= untilMs) return false
    await delay(clock, 20)
  }
  return true
}

export function busyWords({ busy }: Ending, folder: string): string {
  const who = busy.length === 0 ? 'a process that cannot be seen from here' : busy.map(({ pid, command }) => `${command} (${pid})`).join(', ')
  return `${folder} is in use by ${who}: close it there, or use --force`
}
