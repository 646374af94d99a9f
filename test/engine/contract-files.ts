/** Contract: bytes of files. */
import { randomBytes } from 'node:crypto'
import { chmod, copyFile, open, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Child, python } from './children.js'
import type { ContractCase } from './contract-case.js'

export const fileCases: readonly ContractCase[] = [
  {
    name: 'many megabytes written are read back the same, also after the kernel dropped its pages',
    needs: [],
    run: async (t, { folder, dropCaches }) => {
      const bytes = randomBytes(9_000_011)
      const file = join(folder, 'big')
      await writeFile(file, bytes)
      t.equal((await stat(file)).size, bytes.length)
      t.ok((await readFile(file)).equals(bytes))
      await dropCaches?.()
      t.ok((await readFile(file)).equals(bytes))
    },
  },
  {
    name: 'writes at any place leave zeros between',
    needs: [],
    run: async (t, { folder }) => {
      const file = await open(join(folder, 'sparse'), 'w+')
      await file.write('end', 300_000)
      await file.write('mid', 100_000)
      await file.close()
      const bytes = await readFile(join(folder, 'sparse'))
      t.equal(bytes.length, 300_003)
      t.equal(bytes.toString('latin1', 100_000, 100_003), 'mid')
      t.ok(bytes.subarray(100_003, 300_000).every((byte) => byte === 0))
    },
  },
  {
    name: 'O_EXCL refuses a file that exists, O_TRUNC empties it',
    needs: [],
    run: async (t, { folder }) => {
      const file = join(folder, 'f')
      await writeFile(file, 'some bytes', { flag: 'wx' })
      await t.rejects(writeFile(file, 'other', { flag: 'wx' }), { code: 'EEXIST' })
      t.equal(await readFile(file, 'utf8'), 'some bytes')
      await (await open(file, 'w')).close()
      t.equal((await stat(file)).size, 0)
    },
  },
  {
    name: 'two processes that append lose nothing of each other',
    needs: [],
    run: async (t, { folder }) => {
      const script = `
out = os.open('log', os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for index in range(200): os.write(out, (sys.argv[1] * 63 + '\\n').encode())
`
      await Promise.all([python(t, folder, script, 'a'), python(t, folder, script, 'b')])
      const lines = (await readFile(join(folder, 'log'), 'utf8')).trimEnd().split('\n')
      t.equal(lines.length, 400)
      t.ok(lines.every((line) => /^(a{63}|b{63})$/.test(line)))
    },
  },
  {
    name: 'truncate and ftruncate shorten and lengthen',
    needs: [],
    run: async (t, { folder }) => {
      const file = join(folder, 'f')
      await writeFile(file, 'abcdefgh')
      await truncate(file, 3)
      t.equal(await readFile(file, 'utf8'), 'abc')
      await truncate(file, 5)
      t.equal(await readFile(file, 'utf8'), 'abc\0\0')
      const handle = await open(file, 'r+')
      await handle.truncate(1)
      await handle.close()
      t.equal(await readFile(file, 'utf8'), 'a')
    },
  },
  {
    name: 'stores through a shared mapping reach the filesystem',
    needs: [],
    run: async (t, { folder, fileSystem: { tree } }) => {
      await python(
        t,
        folder,
        `
f = os.open('m', os.O_RDWR | os.O_CREAT)
os.ftruncate(f, 100000)
m = mmap.mmap(f, 100000)
m[0:5] = b'first'; m[99995:100000] = b'final'
m.flush()
m[50000:50006] = b'middle'
m.close(); os.close(f)
say(open('m', 'rb').read().count(b'\\0'))
`,
      )
      const node = tree.child(tree.root, 'm')
      t.equal(node.read(0, 5).toString(), 'first')
      t.equal(node.read(99_995, 5).toString(), 'final')
      t.equal(node.read(50_000, 6).toString(), 'middle')
    },
  },
  {
    name: 'with direct I/O reads and writes pass the page cache by, and mappings still work',
    needs: [],
    run: async (t, { folder, fileSystem }) => {
      fileSystem.directIo = true
      const lines = await python(
        t,
        folder,
        `
f = os.open('d', os.O_RDWR | os.O_CREAT)
say(os.write(f, b'x' * 3000001), len(os.pread(f, 4000000, 0)), os.pread(f, 4, 2999999))
m = mmap.mmap(f, 4096, mmap.MAP_PRIVATE)
say(m[0:3])
`,
      )
      t.strictSame(lines, ["3000001 3000001 b'xx'", "b'xxx'"])
      const reads = fileSystem.calls.get('read')
      await readFile(join(folder, 'd'))
      await readFile(join(folder, 'd'))
      t.ok((fileSystem.calls.get('read') ?? 0) >= (reads ?? 0) + 2, 'each read asks')
    },
  },
  {
    name: 'positions beyond what a file can have are EFBIG to write and the end to read',
    needs: [],
    run: async (t, { folder }) => {
      const lines = await python(
        t,
        folder,
        `
f = os.open('f', os.O_RDWR | os.O_CREAT)
far = 2 ** 61
say(os.pread(f, 10, far))
say(errno_of(lambda: os.pwrite(f, b'x', far)))
say(errno_of(lambda: os.ftruncate(f, far)))
say(errno_of(lambda: os.posix_fallocate(f, far, 10)))
say(os.fstat(f).st_size)
`,
      )
      t.strictSame(lines, ["b''", 'EFBIG', 'EFBIG', 'EFBIG', '0'])
    },
  },
  {
    name: 'fallocate lengthens, keeps the size when asked to, punches holes, and refuses the rest',
    needs: ['fallocate'],
    run: async (t, { folder }) => {
      const lines = await python(
        t,
        folder,
        `
libc = ctypes.CDLL(None, use_errno=True)
def fallocate(f, mode, offset, length):
    if libc.fallocate(f, mode, ctypes.c_int64(offset), ctypes.c_int64(length)) != 0:
        raise OSError(ctypes.get_errno(), 'fallocate')
f = os.open('f', os.O_RDWR | os.O_CREAT)
os.write(f, b'abcdefgh')
fallocate(f, 0, 0, 5000)
say(os.fstat(f).st_size)
fallocate(f, 1, 0, 9000)
say(os.fstat(f).st_size)
fallocate(f, 3, 2, 4)
say(os.pread(f, 8, 0))
say(errno_of(lambda: fallocate(f, 8, 0, 4096)))
`,
      )
      t.strictSame(lines, ['5000', '5000', "b'ab\\x00\\x00\\x00\\x00gh'", 'ENOTSUP'])
    },
  },
  {
    name: 'fsync, fdatasync and fsync of a folder reach the filesystem, close sends a flush',
    needs: [],
    run: async (t, { folder, fileSystem: { calls } }) => {
      const file = await open(join(folder, 'f'), 'w')
      await file.write('x')
      await file.sync()
      await file.datasync()
      t.equal(calls.get('fsync'), 2)
      await file.close()
      t.equal(calls.get('flush'), 1)
      await python(t, folder, 'os.fsync(os.open(".", os.O_RDONLY))')
      t.equal(calls.get('fsyncdir'), 1)
    },
  },
  {
    name: 'calls that no engine implements fall back or fail as on any disk',
    needs: [],
    run: async (t, { folder }) => {
      const lines = await python(
        t,
        folder,
        `
f = os.open('f', os.O_RDWR | os.O_CREAT)
g = os.open('g', os.O_RDWR | os.O_CREAT)
os.write(f, b'0123456789')
say(errno_of(lambda: fcntl.ioctl(f, 0x4242)))
say(os.lseek(f, 2, os.SEEK_DATA), os.lseek(f, 2, os.SEEK_HOLE))
say(os.copy_file_range(f, g, 4, 3, 0), os.pread(g, 9, 0))
fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
say(errno_of(lambda: fcntl.flock(os.open('f', os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)))
fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
`,
      )
      t.strictSame(lines, ['ENOTTY', '2 10', "4 b'3456'", 'EAGAIN'])
    },
  },
  {
    name: 'a program runs from the mount',
    needs: [],
    run: async (t, { folder }) => {
      const program = join(folder, 'true')
      await copyFile('/bin/true', program)
      await chmod(program, 0o755)
      // Through a shell: starting a program waits for it to be read, and this process serves it.
      t.equal((await new Child(t, '/bin/sh', ['-c', program]).ended).code, 0)
    },
  },
]
