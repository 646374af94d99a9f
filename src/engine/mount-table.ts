/**
 * What is mounted where, read from /proc/self/mountinfo: never by stat(), which a dead mount can keep for ever. Also
 * turns a folder's name into the path the kernel lists, touching nothing below a mount.
 */
import { readFile, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { DriveError, systemCode } from '../base/errors.js'

export interface MountEntry {
  readonly folder: string
  /** `fuse.elastic-drive`, `ext4`… */
  readonly type: string
  readonly source: string
  /** The device's minor; for FUSE the name of the connection below /sys/fs/fuse/connections. */
  readonly connection: number
}

/** The topmost mount at exactly this path (as `resolveMountPoint` answers it), if any. */
export async function findMount(folder: string): Promise<MountEntry | undefined> {
  return parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8')).findLast((entry) => entry.folder === folder)
}

/** In the order of mounting: a later entry covers an earlier one at the same path. */
export function parseMountInfo(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line): MountEntry[] => {
    // id, parent, major:minor, root, mount point, options, optional fields… - type, source, super options
    const fields = line.split(' ')
    const separator = fields.indexOf('-', 6)
    const [device, folder] = [fields[2], fields[4]]
    const [type, source] = [fields[separator + 1], fields[separator + 2]]
    if (separator < 0 || device === undefined || folder === undefined || type === undefined || source === undefined) return []
    return [{ folder: unescape(folder), type, source: unescape(source), connection: Number(device.split(':')[1]) }]
  })
}

/** Blank, tab, newline and backslash are written as octal numbers. The bytes of a name may be any. */
const unescape = (text: string): string => text.replace(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCharCode(parseInt(octal, 8)))

const MOST_LINKS = 40 // as the kernel's own limit

/**
 * The absolute path of a mount point with all links resolved. The folder itself is only asked whether it is a link, which
 * the kernel answers without the file system mounted on it. Fails with `mount-failed` when it does not exist.
 */
export async function resolveMountPoint(folder: string): Promise<string> {
  let path = resolve(folder)
  for (let links = 0; links < MOST_LINKS; links += 1) {
    if (dirname(path) === path) return path
    try {
      path = join(await realpath(dirname(path)), basename(path))
      path = resolve(dirname(path), await readlink(path))
    } catch (error) {
      if (systemCode(error) === 'EINVAL') return path // no link
      throw new DriveError('mount-failed', `${folder} is not a folder: create it first.`, { cause: error, fields: { folder } })
    }
  }
  throw new DriveError('mount-failed', `${folder} is a link to itself.`, { fields: { folder } })
}
