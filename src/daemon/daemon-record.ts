/**
 * Who the running daemon of a profile is: for the asker that finds no answer, and for the one whose environment leads to
 * another runtime directory. A process id alone may have been given to somebody else, so the record carries when the process
 * began and in which boot.
 */
import { readFile, rm } from 'node:fs/promises'
import { systemCode } from '../base/errors.js'
import type { ProfilePaths } from './paths.js'
import { readFileIfAny, writeFileAtomic } from './record-file.js'

export interface DaemonIdentity {
  readonly pid: number
  /** Clock ticks since boot at which the process began: field 22 of /proc/PID/stat. */
  readonly startTicks: string
  readonly bootId: string
  readonly socketPath: string
}

/** Written by the daemon itself, while it holds the profile's lock. */
export async function writeDaemonRecord(paths: ProfilePaths, pid: number): Promise<void> {
  const identity = { pid, startTicks: await startTicks(pid), bootId: await readBootId(), socketPath: paths.socketPath }
  await writeFileAtomic(paths.daemonRecordPath, `${JSON.stringify(identity)}\n`)
}

export async function removeDaemonRecord(paths: ProfilePaths): Promise<void> {
  await rm(paths.daemonRecordPath, { force: true })
}

/** The daemon of the profile when the process of its record still lives. A record that makes no sense is none. */
export async function readLiveDaemon(paths: ProfilePaths): Promise<DaemonIdentity | undefined> {
  const identity = parseIdentity(await readFileIfAny(paths.daemonRecordPath))
  return identity !== undefined && (await isAlive(identity)) ? identity : undefined
}

/** The very process still runs, not another that was given its id. */
export async function isAlive(identity: DaemonIdentity): Promise<boolean> {
  return identity.bootId === (await readBootId()) && (await startTicks(identity.pid)) === identity.startTicks
}

/** Identifies this boot of the machine: what was not synced before it may be lost (6a.3). */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}

async function startTicks(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The command's name (field 2) stands in brackets and may hold anything: the fields behind it begin at the last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie holds nothing any more: its parent just has not asked yet.
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ESRCH') return undefined
    throw error
  }
}

function parseIdentity(text: string | undefined): DaemonIdentity | undefined {
  if (text === undefined) return undefined
  try {
    const { pid, startTicks: ticks, bootId, socketPath } = JSON.parse(text) as Partial<Record<keyof DaemonIdentity, unknown>>
    const sound = Number.isSafeInteger(pid) && (pid as number) > 1 && typeof ticks === 'string' && typeof bootId === 'string' && typeof socketPath === 'string'
    return sound ? { pid: pid as number, startTicks: ticks, bootId, socketPath } : undefined
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}
