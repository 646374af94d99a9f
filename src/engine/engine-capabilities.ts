/**
 * What each engine can do beyond the basics. The one list: the contract suite skips cases by it, `status` tells it, and the
 * table in README.md is compared with it.
 */

export type EngineName = 'native' | 'fuse-native'

/** Each with what a person or a program notices where it is missing. */
export const CAPABILITIES = {
  inodes: 'open files go by their place: a handle on content that the portal has replaced shows the new bytes or fails (ESTALE) once these are opened; a folder stays (ENOTEMPTY) while a deleted file of it is open',
  readdirplus: 'a listing carries no attributes: `ls -l` and `find` ask once more for each file',
  invalidate: 'a remote change is seen up to a second late, and nobody who watches a folder is told',
  interrupt: 'a process that waits in open, stat or a direct read ends only when the request does',
  'parallel-lookups': 'while one name of a folder is looked up, others of that folder wait',
  'many-waiting': 'each request that waits takes a thread: a thousand stuck reads can use up what the system allows, and then others wait as well',
  caller: 'nobody knows which process asks: thumbnailers and indexers download like anybody',
  fallocate: 'fallocate(2) is refused; posix_fallocate(3) writes zeros instead',
  'rename-flags': 'RENAME_NOREPLACE and RENAME_EXCHANGE are refused; `mv -n` looks first instead',
  'exact-names': 'a new name may not contain U+FFFD, because it cannot be told from bytes that are no UTF-8',
  'exact-times': 'times are whole milliseconds from 1970 on, and one time alone cannot be set',
  'exact-figures': 'statfs counts in larger blocks where the numbers do not fit 32 bits',
} as const

export type Capability = keyof typeof CAPABILITIES

const ALL = Object.keys(CAPABILITIES) as readonly Capability[]

export const ENGINE_CAPABILITIES: Readonly<Record<EngineName, readonly Capability[]>> = {
  native: ALL,
  // libfuse 2 by paths; numbers and names as fuse-native 2.2.6 carries them.
  'fuse-native': [],
}

export function lacking(engine: EngineName): readonly Capability[] {
  return ALL.filter((capability) => !ENGINE_CAPABILITIES[engine].includes(capability))
}
