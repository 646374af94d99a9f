/**
 * A process that dies between two system calls, told without a process: from the step on that is named, nothing changes any
 * more on the disk, whatever the code under test still tries. Also disks that lack links.
 */
import { promises } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const CHANGES = ['link', 'rm', 'rmdir', 'mkdir', 'chmod', 'utimes', 'copyFile', 'rename', 'open'] as const

export interface DyingDisk {
  /** Steps before the last one that happens; Infinity: it lives. */
  readonly lives: number
  /** What link(2) answers for a file of this directory, as between two file systems; everywhere without one. */
  readonly noLinks?: { readonly code: 'EXDEV' | 'EPERM'; readonly from?: string }
}

/** Answers how many steps there were, and whether the work came to its end. */
export async function onDyingDisk({ lives, noLinks }: DyingDisk, work: () => Promise<unknown>): Promise<{ readonly steps: number; readonly died: boolean }> {
  const table = promises as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>
  const real = new Map(CHANGES.map((name) => [name, table[name]!]))
  let steps = 0
  for (const [name, call] of real) {
    table[name] = async (...args) => {
      if (steps >= lives) throw new Error(`dead before ${name}`)
      steps += 1
      if (name === 'link' && noLinks !== undefined && String(args[0]).startsWith(noLinks.from ?? '/')) throw Object.assign(new Error(noLinks.code), { code: noLinks.code })
      return call(...args)
    }
  }
  syncBuiltinESMExports()
  try {
    await work()
    return { steps, died: false }
  } catch (error) {
    if (steps < lives) throw error // not of it
    return { steps, died: true }
  } finally {
    for (const [name, call] of real) table[name] = call
    syncBuiltinESMExports()
  }
}
