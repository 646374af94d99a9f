/** Contract: names, folders, renames, and what happens to open files under them. */
import { lstat, mkdir, readFile, rename, rmdir, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { python } from './children.js'
import type { ContractCase } from './contract-case.js'

// renameat2 with flags is not in Python.
const RENAME2 = `
libc = ctypes.CDLL(None, use_errno=True)
def rename2(a, b, flags):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), flags) != 0:
        raise OSError(ctypes.get_errno(), 'rename')
`

export const nameCases: readonly ContractCase[] = [
  {
    name: 'a name that was not there is seen as soon as it is created',
    needs: [],
    run: async (t, { folder }) => {
      const file = join(folder, 'a')
      await t.rejects(stat(file), { code: 'ENOENT' })
      await t.rejects(stat(file), { code: 'ENOENT' }, 'the kernel may remember that')
      await writeFile(file, 'x')
      t.equal((await stat(file)).size, 1)
      await unlink(file)
      await t.rejects(stat(file), { code: 'ENOENT' })
    },
  },
  {
    name: 'making and removing folders fails with the errno that programs expect',
    needs: [],
    run: async (t, { folder }) => {
      const d = join(folder, 'd')
      const f = join(folder, 'f')
      await mkdir(d, 0o700)
      await writeFile(f, '')
      await writeFile(join(d, 'inside'), '')
      t.equal((await stat(d)).mode & 0o7777, 0o700)
      await t.rejects(mkdir(d), { code: 'EEXIST' })
      await t.rejects(mkdir(f), { code: 'EEXIST' })
      await t.rejects(rmdir(d), { code: 'ENOTEMPTY' })
      await t.rejects(rmdir(f), { code: 'ENOTDIR' })
      await t.rejects(unlink(d), { code: 'EISDIR' })
      await t.rejects(mkdir(join(folder, 'no', 'such')), { code: 'ENOENT' })
      await t.rejects(mkdir(join(f, 'below')), { code: 'ENOTDIR' })
      await unlink(join(d, 'inside'))
      await rmdir(d)
      await t.rejects(rmdir(d), { code: 'ENOENT' })
    },
  },
  {
    name: 'rename moves, replaces files, replaces empty folders only, and keeps the moved bytes',
    needs: [],
    run: async (t, { folder }) => {
      const at = (name: string): string => join(folder, name)
      await writeFile(at('a'), 'first')
      await writeFile(at('b'), 'second')
      await rename(at('a'), at('b'))
      t.equal(await readFile(at('b'), 'utf8'), 'first')
      await t.rejects(stat(at('a')), { code: 'ENOENT' })
      await mkdir(at('empty'))
      await mkdir(at('full'))
      await writeFile(at('full/x'), 'x')
      await t.rejects(rename(at('empty'), at('full')), { code: 'ENOTEMPTY' })
      await t.rejects(rename(at('full'), at('b')), { code: 'ENOTDIR' })
      await t.rejects(rename(at('b'), at('full')), { code: 'EISDIR' })
      await rename(at('full'), at('empty'))
      t.equal(await readFile(at('empty/x'), 'utf8'), 'x')
      await rename(at('b'), at('empty/b'))
      t.equal(await readFile(at('empty/b'), 'utf8'), 'first')
      await t.rejects(rename(at('missing'), at('b')), { code: 'ENOENT' })
    },
  },
  {
    name: 'rename flags: RENAME_NOREPLACE refuses, RENAME_EXCHANGE swaps, others are EINVAL',
    needs: ['rename-flags'],
    run: async (t, { folder }) => {
      const lines = await python(
        t,
        folder,
        `${RENAME2}
open('a', 'w').write('one'); open('b', 'w').write('two')
say(errno_of(lambda: rename2('a', 'b', 1)))
say(errno_of(lambda: rename2('a', 'c', 1)))
rename2('c', 'b', 2)
say(open('c').read(), open('b').read())
say(errno_of(lambda: rename2('b', 'd', 2)))
say(errno_of(lambda: rename2('b', 'd', 4)))
`,
      )
      t.strictSame(lines, ['EEXIST', 'ok', 'two one', 'ENOENT', 'EINVAL'])
    },
  },
  {
    name: 'names of 255 bytes and of any script work; longer ones are ENAMETOOLONG',
    needs: [],
    run: async (t, { folder }) => {
      const names = ['a'.repeat(255), 'я'.repeat(127), 'e\u0301', '\u00e9', '文件 名', '🙂', 'a\\b', 'new\nline']
      for (const name of names) {
        await writeFile(join(folder, name), name)
        t.equal(await readFile(join(folder, name), 'utf8'), name)
      }
      await t.rejects(writeFile(join(folder, 'a'.repeat(256)), ''), { code: 'ENAMETOOLONG' })
      await t.rejects(mkdir(join(folder, 'я'.repeat(128))), { code: 'ENAMETOOLONG' })
      const listed = await python(t, folder, 'say(len(os.listdir(".")))')
      t.strictSame(listed, [String(names.length)])
    },
  },
  {
    name: 'a name with the replacement character is a name like any other',
    needs: ['exact-names'],
    run: async (t, { folder }) => {
      await writeFile(join(folder, '\ufffd'), 'x')
      t.equal(await readFile(join(folder, '\ufffd'), 'utf8'), 'x')
      await unlink(join(folder, '\ufffd'))
    },
  },
  {
    name: 'a name that is not UTF-8 is ENOENT to look up and EINVAL to make',
    needs: [],
    run: async (t, { folder }) => {
      const lines = await python(
        t,
        folder,
        `
bad = b'caf\\xe9'
open('good', 'w').close()
say(errno_of(lambda: os.stat(bad)))
say(errno_of(lambda: os.unlink(bad)))
say(errno_of(lambda: os.mkdir(bad)))
say(errno_of(lambda: os.rename('good', bad)))
say(errno_of(lambda: os.open(bad, os.O_CREAT | os.O_WRONLY)))
`,
      )
      t.strictSame(lines, ['ENOENT', 'ENOENT', 'EINVAL', 'EINVAL', 'EINVAL'])
    },
  },
  {
    name: 'links and devices are EPERM; mknod of a file makes one',
    needs: [],
    run: async (t, { folder, fileSystem }) => {
      await writeFile(join(folder, 'f'), 'x')
      await t.rejects(symlink('f', join(folder, 'link')), { code: 'EPERM' })
      const lines = await python(
        t,
        folder,
        `
say(errno_of(lambda: os.link('f', 'hard')))
say(errno_of(lambda: os.mkfifo('fifo')))
os.mknod('plain', 0o600 | stat.S_IFREG)
say(oct(os.stat('plain').st_mode))
`,
      )
      t.strictSame(lines, ['EPERM', 'EPERM', '0o100600'])
      t.equal(fileSystem.openHandles, 0)
    },
  },
  {
    name: 'a symlink of the drive is shown and followed',
    needs: [],
    run: async (t, { folder, fileSystem: { tree } }) => {
      tree.add(tree.root, 'link', 'symlink', 0o777).target = 'file'
      await writeFile(join(folder, 'file'), 'there')
      t.ok((await lstat(join(folder, 'link'))).isSymbolicLink())
      t.equal(await readFile(join(folder, 'link'), 'utf8'), 'there')
    },
  },
  {
    name: 'a file that is unlinked or renamed over while open keeps its bytes until the last close',
    needs: [],
    run: async (t, { folder, fileSystem }) => {
      const lines = await python(
        t,
        folder,
        `
open('a', 'w').write('old bytes'); open('b', 'w').write('new bytes')
a = os.open('a', os.O_RDWR)
os.rename('b', 'a')
say(os.pread(a, 99, 0).decode(), open('a').read(), os.fstat(a).st_nlink)
os.unlink('a')
os.pwrite(a, b'OLD', 0)
say(os.pread(a, 99, 0).decode(), os.fstat(a).st_size, errno_of(lambda: os.stat('a')))
os.close(a)
`,
      )
      t.strictSame(lines, ['old bytes new bytes 0', 'OLD bytes 9 ENOENT'])
      t.equal(fileSystem.openHandles, 0)
    },
  },
  {
    name: 'a folder can be removed and replaced while a deleted file of it is open',
    needs: ['inodes'],
    run: async (t, { folder }) => {
      const lines = await python(
        t,
        folder,
        `
for name in ['a', 'b', 'c']: os.mkdir(name)
files = [os.open(name + '/f', os.O_RDWR | os.O_CREAT) for name in ['a', 'b']]
for name in ['a', 'b']: os.unlink(name + '/f')
os.rmdir('a'); os.rename('c', 'b')
for f in files: os.pwrite(f, b'x', 0); os.close(f)
say(os.listdir('.'))
`,
      )
      t.strictSame(lines, ["['b']"])
    },
  },
]
