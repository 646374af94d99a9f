/** What a process holds and takes of the machine, as the kernel counts it: for tests that nothing is left or spent. */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parseMountInfo } from '../../src/engine/mount-table.js'

export interface Holdings {
  /** What each open descriptor leads to, in order; numbers of sockets and the like left out. */
  readonly descriptors: readonly string[]
  readonly threads: number
  /** Below the folder for temporary files: others mount elsewhere at the same time. */
  readonly mounts: number
}

/** Of this process, or of another one of ours. */
export function holdings(pid: number | 'self' = 'self'): Holdings {
  const mounts = parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')).filter(({ folder }) => folder.startsWith(`${realpathSync(tmpdir())}/`))
  return { descriptors: descriptors(pid), threads: readdirSync(`/proc/${pid}/task`).length, mounts: mounts.length }
}

function descriptors(pid: number | 'self'): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .flatMap((descriptor) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${descriptor}`).replace(/\d+/g, 'N')]
      } catch {
        return [] // the descriptor of the listing itself
      }
    })
    .sort()
}

const PAGE_BYTES = 4096

export function residentBytes(pid: number | 'self' = 'self'): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES
}

export interface Memory {
  /** What JavaScript still leads to, with the native memory behind it. */
  readonly reachableBytes: number
  /** The process's, with what the allocators keep for later. */
  readonly residentBytes: number
}

/** After a collection, so that what is only waiting for one does not count. */
export async function memory(): Promise<Memory> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let turn = 0; turn < 3; turn += 1) {
    collect()
    await new Promise(setImmediate) // native parts of what was collected go in a turn of their own
  }
  const { heapUsed, external } = process.memoryUsage()
  return { reachableBytes: heapUsed + external, residentBytes: residentBytes() }
}

/** Processor time of a process and its threads so far, in the kernel's ticks of 10 ms. */
export function ticksOf(pid: number): number {
  // pid (name) state ppid …; utime and stime are the 14th and 15th field
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ')
  return Number(fields[11]) + Number(fields[12])
}

const IDLE_MS = 10_000

/**
 * What a process with nothing to do takes in ten seconds, in ticks: the least of three times, or the first that is within
 * the bound. Node's collector comes by itself some seconds after the last work.
 */
export async function idleTicks(pid: number, bound: number): Promise<number> {
  let least = Infinity
  for (let turn = 0; turn < 3 && least > bound; turn += 1) {
    const before = ticksOf(pid)
    await sleep(IDLE_MS)
    least = Math.min(least, ticksOf(pid) - before)
  }
  return least
}
