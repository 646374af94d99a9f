/**
 * The contract every engine keeps: cases that run through the real kernel over the memory filesystem. A case names what
 * it needs beyond the basics; an engine that lacks it skips the case by name, so what it cannot do is listed.
 */
import type { Test } from 'tap'
import type { Capability } from '../../src/engine/engine-capabilities.js'
import type { KernelNotices } from '../../src/fs/operations.js'
import { skipWithout } from '../support/skip.js'
import type { MemoryFileSystem } from './memory-file-system.js'

export interface Mounted {
  readonly folder: string
  readonly fileSystem: MemoryFileSystem
  readonly notices: KernelNotices
  /** Makes the kernel forget what it can; only where that can be done to this mount alone. */
  readonly dropCaches?: () => Promise<void>
}

export interface ContractCase {
  readonly name: string
  readonly needs: readonly Capability[]
  readonly run: (t: Test, mounted: Mounted) => Promise<void>
}

/** Runs all cases, each over a fresh mount that `mount` makes and the test's end takes away. */
export function runContract(t: Test, cases: readonly ContractCase[], can: readonly Capability[], mount: (t: Test) => Promise<Mounted>): void {
  for (const { name, needs, run } of cases) {
    const lacking = needs.filter((capability) => !can.includes(capability))
    const { skip } = lacking.length > 0 ? { skip: `this engine has no ${lacking.join(', ')}` } : skipWithout('fuse')
    void t.test(name, { skip, timeout: 60_000 }, async (t) => {
      await run(t, await mount(t))
    })
  }
}
