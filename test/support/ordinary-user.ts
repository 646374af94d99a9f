/**
 * The ordinary user that tests of root become, and the program where that user can read it: a checkout and Node itself
 * often lie in a home that is closed to others. Both are bound, read-only, to a folder that is open, and taken away after.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rmdir, stat, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const run = promisify(execFile)
const CHECKOUT = join(import.meta.dirname, '..', '..', '..')

export const NOBODY = 65_534 // fusermount3 wants a user that has a name

/** What stands before a command that the user runs. */
export const AS_NOBODY = ['/usr/bin/setpriv', '--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'] as const

export interface OpenProgram {
  readonly node: string
  /** Where the user finds a file of the checkout. */
  readonly find: (path: string) => string
}

/** Gives /dev/fuse another mode until the test ends: 0666 is what ordinary distributions have. Needs root. */
export async function withDeviceMode(t: Test, mode: number): Promise<void> {
  const before = (await stat('/dev/fuse')).mode & 0o777
  t.teardown(() => chmod('/dev/fuse', before))
  await chmod('/dev/fuse', mode)
}

/** Needs root and the right to mount. */
export async function openProgram(t: Pick<Test, 'teardown'>): Promise<OpenProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'elastic-open-'))
  t.teardown(() => rmdir(folder))
  await chmod(folder, 0o755)
  const [node, checkout] = [join(folder, 'node'), join(folder, 'checkout')]
  await writeFile(node, '')
  t.teardown(() => unlink(node))
  await mkdir(checkout)
  t.teardown(() => rmdir(checkout)) // nothing else: through a bind that stayed it would reach the checkout
  for (const [from, to] of [[process.execPath, node], [CHECKOUT, checkout]] as const) {
    await run('mount', ['--bind', '-o', 'ro', from, to])
    t.teardown(() => run('umount', ['-l', to])) // a daemon may still be on its way out
  }
  return { node, find: (path) => join(checkout, relative(CHECKOUT, path)) }
}
