/**
 * Which processes keep a mount busy: those with an open file, a working directory, a root, a program or a mapping below
 * it. Compares the names that /proc gives; nothing below the mount is touched, because it may not answer.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'
import type { Clock } from '../base/clock.js'

export interface Holder {
  readonly pid: number
  readonly name: string
}

const DEADLINE_MS = 2000 // /proc has no network behind it; what takes longer is stuck

/** Only processes that this user may look at. After the deadline: those found so far. */
export async function findHolders(folder: string, clock: Clock): Promise<readonly Holder[]> {
  const holders: Holder[] = []
  const search = async (): Promise<void> => {
    for (const entry of await readdir('/proc')) {
      if (!/^\d+$/.test(entry) || !(await holds(entry, folder))) continue
      holders.push({ pid: Number(entry), name: (await attempt(readFile(`/proc/${entry}/comm`, 'utf8')))?.trim() ?? '?' })
    }
  }
  // A process in the middle of a page fault on the mount can make its list of mappings unreadable.
  let cancel: () => void = () => undefined
  const deadline = new Promise<void>((resolve) => {
    cancel = clock.setTimer(DEADLINE_MS, resolve)
  })
  await Promise.race([search(), deadline])
  cancel()
  return [...holders]
}

// address, permissions, offset, device, inode, path
const MAPPED_FILE = /^(?:\S+\s+){5}(.*)$/

async function holds(pid: string, folder: string): Promise<boolean> {
  const below = (path: string | undefined): boolean => path === folder || (path?.startsWith(`${folder}/`) ?? false)
  for (const link of ['cwd', 'root', 'exe']) {
    if (below(await attempt(readlink(`/proc/${pid}/${link}`)))) return true
  }
  for (const descriptor of (await attempt(readdir(`/proc/${pid}/fd`))) ?? []) {
    if (below(await attempt(readlink(`/proc/${pid}/fd/${descriptor}`)))) return true
  }
  const maps = await attempt(readFile(`/proc/${pid}/maps`, 'utf8'))
  return maps?.split('\n').some((line) => below(MAPPED_FILE.exec(line)?.[1])) ?? false
}

/** Processes come and go, and most of another user's cannot be looked at. */
async function attempt<T>(wanted: Promise<T>): Promise<T | undefined> {
  try {
    return await wanted
  } catch {
    return undefined
  }
}
