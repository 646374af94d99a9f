/** Reading the kernel's table of mounts, and names in it. */
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { directMountOptions, fusermountOptions, mountFlags } from '../../src/engine/mount-options.js'
import { parseMountInfo, resolveMountPoint } from '../../src/engine/mount-table.js'
import { temporaryFolder } from './mounted.js'

void t.test('mount points, types, sources and connection numbers are read, escapes undone', (t) => {
  const text = [
    '22 27 0:21 / /proc rw,relatime - proc proc rw',
    '42 27 0:1234 / /home/a\\040b\\134c\\011d\\012e rw,nosuid shared:12 master:1 - fuse.elastic-drive my\\040drive rw,user_id=0',
    '43 42 0:55 / /home/я rw - fuse.elastic-drive x,y rw',
    'not a line',
    '',
  ].join('\n')
  t.strictSame(parseMountInfo(text), [
    { folder: '/proc', type: 'proc', source: 'proc', connection: 21 },
    { folder: '/home/a b\\c\td\ne', type: 'fuse.elastic-drive', source: 'my drive', connection: 1234 },
    { folder: '/home/я', type: 'fuse.elastic-drive', source: 'x,y', connection: 55 },
  ])
  t.end()
})

void t.test('a mount point is named as the kernel lists it, through links, also dangling parts are told', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'real'))
  await symlink('real', join(folder, 'relative'))
  await symlink(join(folder, 'relative'), join(folder, 'twice'))
  await symlink('loop', join(folder, 'loop'))
  t.equal(await resolveMountPoint(join(folder, 'twice', '.')), join(folder, 'real'))
  t.equal(await resolveMountPoint('/'), '/')
  await t.rejects(resolveMountPoint(join(folder, 'loop')), { code: 'mount-failed' })
  await t.rejects(resolveMountPoint(join(folder, 'missing')), { code: 'mount-failed' })
})

void t.test('mounts are nosuid, nodev and checked by mode, and a name cannot add options', (t) => {
  const options = { fsName: 'a,allow_other\\', readOnly: true, allowOther: false }
  t.equal(mountFlags(options), 1 | 2 | 4)
  t.equal(directMountOptions(options, 9, 1, 2), 'fd=9,rootmode=40000,user_id=1,group_id=2,default_permissions')
  t.strictSame(fusermountOptions(options), ['nosuid', 'nodev', 'default_permissions', 'subtype=elastic-drive', 'fsname=a\\,allow_other\\\\', 'ro'])
  t.ok(fusermountOptions({ ...options, allowOther: true }).includes('allow_other'))
  t.end()
})
