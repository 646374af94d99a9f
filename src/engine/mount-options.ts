/** The options of a mount, for mount(2) and for fusermount3. */
import { escapeOption } from './fusermount.js'

export const SUBTYPE = 'elastic-drive'
/** How /proc/self/mountinfo names our mounts. */
export const MOUNT_TYPE = `fuse.${SUBTYPE}`

export interface MountOptions {
  /** What `mount` and `df` show as the source. */
  readonly fsName: string
  readonly readOnly: boolean
  /** Other users may enter; what they may do there is decided by mode bits. An ordinary user needs user_allow_other. */
  readonly allowOther: boolean
}

const MS_RDONLY = 1
const MS_NOSUID = 2
const MS_NODEV = 4

export const mountFlags = ({ readOnly }: MountOptions): number => MS_NOSUID | MS_NODEV | (readOnly ? MS_RDONLY : 0)

/** `device` is an open /dev/fuse; the mount belongs to the user who asks. */
export function directMountOptions({ allowOther }: MountOptions, device: number, uid: number, gid: number): string {
  const options = [`fd=${device}`, 'rootmode=40000', `user_id=${uid}`, `group_id=${gid}`, 'default_permissions']
  return [...options, ...(allowOther ? ['allow_other'] : [])].join(',')
}

export function fusermountOptions({ fsName, readOnly, allowOther }: MountOptions): readonly string[] {
  const options = ['nosuid', 'nodev', 'default_permissions', `subtype=${SUBTYPE}`, `fsname=${escapeOption(fsName)}`]
  return [...options, readOnly ? 'ro' : 'rw', ...(allowOther ? ['allow_other'] : [])]
}
