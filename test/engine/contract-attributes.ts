/** Contract: attributes, extended attributes, figures of the file system, and who asks. */
import { chmod, chown, stat, statfs, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Child, python, startPython } from './children.js'
import type { ContractCase } from './contract-case.js'

export const attributeCases: readonly ContractCase[] = [
  {
    name: 'mode, owner and times are kept, and now is now',
    needs: [],
    run: async (t, { folder }) => {
      const file = join(folder, 'f')
      await writeFile(file, '')
      await chmod(file, 0o604)
      t.equal((await stat(file)).mode, 0o100604)
      const before = Date.now()
      await utimes(file, 1_000_000.5, 86_400.25)
      const { atimeMs, mtimeMs, ctimeMs, uid, gid } = await stat(file)
      t.strictSame([atimeMs, mtimeMs], [1_000_000_500, 86_400_250])
      t.ok(ctimeMs >= before - 1000)
      t.strictSame([uid, gid], [process.geteuid?.(), process.getegid?.()])
      t.strictSame(await python(t, folder, "os.utime('f'); say(abs(os.stat('f').st_mtime - __import__('time').time()) < 60)"), ['True'])
      if (process.geteuid?.() === 0) {
        await chown(file, 123, 456)
        t.strictSame([(await stat(file)).uid, (await stat(file)).gid], [123, 456])
      }
    },
  },
  {
    name: 'times are kept to a microsecond, before 1970, and each alone',
    needs: ['exact-times'],
    run: async (t, { folder }) => {
      const script = `
open('f', 'w').close()
os.utime('f', ns=(1234567890123456789, 4000000000987654321))
s = os.stat('f')
say(s.st_atime_ns // 1000, s.st_mtime_ns // 1000)
os.utime('f', ns=(-86400250000000, -1000))
say(os.stat('f').st_atime_ns, os.stat('f').st_mtime_ns)
`
      t.strictSame(await python(t, folder, script), ['1234567890123456 4000000000987654', '-86400250000000 -1000'])
      await new Child(t, '/usr/bin/touch', ['-m', '-d', '@1000', join(folder, 'f')]).ended
      const { atimeMs, mtimeMs } = await stat(join(folder, 'f'))
      t.strictSame([atimeMs, mtimeMs], [-86_400_250, 1_000_000])
    },
  },
  {
    name: 'extended attributes: set, read, list, remove, with ENODATA, EEXIST and ERANGE where due',
    needs: [],
    run: async (t, { folder }) => {
      const lines = await python(
        t,
        folder,
        `
open('f', 'w').close()
libc = ctypes.CDLL(None, use_errno=True)
def get_into(size):
    if libc.getxattr(b'f', b'user.a', ctypes.create_string_buffer(100), size) < 0: raise OSError(ctypes.get_errno(), 'getxattr')
def list_into(size):
    if libc.listxattr(b'f', ctypes.create_string_buffer(100), size) < 0: raise OSError(ctypes.get_errno(), 'listxattr')
say(errno_of(lambda: os.getxattr('f', 'user.a')))
os.setxattr('f', 'user.a', b'value')
os.setxattr('f', 'user.with/slash', b'')
say(os.getxattr('f', 'user.a'), os.getxattr('f', 'user.with/slash'), sorted(os.listxattr('f')))
say(errno_of(lambda: os.setxattr('f', 'user.a', b'x', os.XATTR_CREATE)), errno_of(lambda: os.setxattr('f', 'user.b', b'x', os.XATTR_REPLACE)))
say(errno_of(lambda: get_into(4)), errno_of(lambda: get_into(5)), errno_of(lambda: list_into(6)), errno_of(lambda: list_into(100)))
os.setxattr('f', 'user.big', bytes(range(256)) * 256)
say(os.getxattr('f', 'user.big') == bytes(range(256)) * 256)
os.removexattr('f', 'user.a')
say(errno_of(lambda: os.removexattr('f', 'user.a')), 'user.a' in os.listxattr('f'))
`,
      )
      t.strictSame(lines, [
        'ENODATA',
        "b'value' b'' ['user.a', 'user.with/slash']",
        'EEXIST ENODATA',
        'ERANGE ok ERANGE ok',
        'True',
        'ENODATA False',
      ])
    },
  },
  {
    name: 'statfs tells how much there is and how much is free',
    needs: [],
    run: async (t, { folder }) => {
      const { bsize, blocks, bavail, files, ffree } = await statfs(folder)
      t.equal(bsize * blocks, 4096 * 2 ** 35)
      t.ok(Math.abs(bsize * bavail - 4096 * 1_000_001) < bsize)
      t.strictSame([files, ffree], [1234, 567])
    },
  },
  {
    name: 'statfs says what the filesystem says, also beyond 32 bits',
    needs: ['exact-figures'],
    run: async (t, { folder }) => {
      const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(folder)
      t.strictSame({ bsize, blocks, bfree, bavail, files, ffree }, { bsize: 4096, blocks: 2 ** 35, bfree: 1_000_003, bavail: 1_000_001, files: 1234, ffree: 567 })
    },
  },
  {
    name: 'the filesystem sees which user and process asks',
    needs: ['caller'],
    run: async (t, { folder, fileSystem }) => {
      const stall = fileSystem.stalls.add({ operation: 'lookup', name: 'asked' })
      const child = startPython(t, folder, "say(errno_of(lambda: os.stat('asked')))")
      await stall.arrived()
      const [request] = stall.held
      t.equal(request?.caller.pid, child.pid)
      t.equal(request?.caller.uid, process.geteuid?.())
      t.equal(request?.caller.gid, process.getegid?.())
      stall.end()
      t.equal((await child.ended).stdout, 'ENOENT\n')
    },
  },
]
