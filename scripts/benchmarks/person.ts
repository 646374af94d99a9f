/**
 * Who mounts and who reads: root, or an ordinary user, whom root becomes by setpriv for each single command. The program
 * then runs from a folder that such a user can read, and /dev/fuse has the mode of ordinary distributions meanwhile.
 */
import { chmod, chown, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AS_NOBODY, NOBODY, openProgram } from '../../test/support/ordinary-user.js'
import type { UserName } from './options.js'
import type { Tidy } from './tidy.js'

export const CHECKOUT = join(import.meta.dirname, '..', '..', '..')
const DEVICE = '/dev/fuse'
const USABLE_BY_ALL = 0o666

export interface Person {
  readonly name: UserName
  /** Folder of their own: state, cache, mounts and the files of ext4 to compare with. */
  readonly home: string
  /** A command line as they run it, with nothing of our environment but PATH. */
  readonly command: (program: string, args: readonly string[], env?: Readonly<Record<string, string>>) => readonly [string, readonly string[]]
  /** Node, and a file of the checkout, where they can read them. */
  readonly node: string
  readonly find: (path: string) => string
}

export async function becomePerson(name: UserName, directory: string, tidy: Tidy): Promise<Person> {
  const home = join(directory, name)
  await mkdir(home)
  const environment = ['-i', `HOME=${home}`, `TMPDIR=${home}`, `PATH=${process.env.PATH ?? '/usr/bin:/bin'}`]
  const asMyself: Person = {
    name,
    home,
    command: (program, args, env = {}) => ['/usr/bin/env', [...environment, ...assignments(env), program, ...args]],
    node: process.execPath,
    find: (path) => path,
  }
  if (name === 'root' || process.getuid?.() !== 0) return asMyself

  await chown(home, NOBODY, NOBODY)
  const { mode } = await stat(DEVICE)
  tidy.teardown(() => chmod(DEVICE, mode & 0o777))
  await chmod(DEVICE, USABLE_BY_ALL)
  const { node, find } = await openProgram(tidy)
  const [setpriv, ...asUser] = AS_NOBODY
  return {
    ...asMyself,
    node,
    find,
    command: (program, args, env = {}) => [setpriv, [...asUser, '/usr/bin/env', ...environment, ...assignments(env), program, ...args]],
  }
}

function assignments(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([key, value]) => `${key}=${value}`)
}
