// What src/fs/SEMANTICS.md says and no other test does: names in both directions, calls by their errno, states of the portal.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, run, until } from './playground.js'

/** Runs calls of Python one after another; answers what each gave, or the name of its errno. */
async function calls(folder: string, ...lines: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const script = `
import ctypes, errno, fcntl, json, os, socket, stat
libc = ctypes.CDLL(None, use_errno=True)
def c(result):
    if result < 0: raise OSError(ctypes.get_errno(), 'libc')
    return result
def rename(old, new, flags): return c(libc.renameat2(-100, old.encode(), -100, new.encode(), flags))
def allocate(fd, mode): return c(libc.fallocate(fd, mode, ctypes.c_long(0), ctypes.c_long(4096)))
def make(name): os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
told = {}
for line in json.loads(${JSON.stringify(JSON.stringify(lines))}):
    try: told[line] = str(eval(line))
    except OSError as error: told[line] = errno.errorcode.get(error.errno, str(error.errno))
print(json.dumps(told))`
  const { stdout, stderr } = await run('python3', ['-c', script], { cwd: folder })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as Readonly<Record<string, string>>
}

const fuse = skipWithout('fuse')

t.setTimeout(180_000) // a loaded machine is slow, not wrong

await t.test('the semantics of a mount', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:4x4x3000', portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '0', cacheLimit: '64MB' } })
  const ask = (...lines: readonly string[]): Promise<Readonly<Record<string, string>>> => calls(ground.folder, ...lines)
  await ground.shell('ls > /dev/null; echo text > a.txt; mkdir folder; mkdir folder/deep')

  await t.test('[S-20] a new file: O_EXCL and mknod make it once, nothing but files and folders can be made', async (t) => {
    t.same(
      await ask("make('once')", "make('once')", "os.mknod('plain', 0o600 | stat.S_IFREG)", "os.mkfifo('pipe')", "socket.socket(socket.AF_UNIX).bind('socket')", "os.symlink('a.txt', 'link')", "os.link('a.txt', 'link')", "os.open('.', os.O_TMPFILE | os.O_RDWR)"),
      { "make('once')": 'EEXIST', "os.mknod('plain', 0o600 | stat.S_IFREG)": 'None', "os.mkfifo('pipe')": 'EPERM', "socket.socket(socket.AF_UNIX).bind('socket')": 'EPERM', "os.symlink('a.txt', 'link')": 'EPERM', "os.link('a.txt', 'link')": 'EPERM', "os.open('.', os.O_TMPFILE | os.O_RDWR)": 'ENOTSUP' },
    )
  })

  await t.test('[S-35] renameat2: NOREPLACE replaces nothing, EXCHANGE and WHITEOUT are refused; a folder does not go into itself', async (t) => {
    t.same(await ask("rename('once', 'a.txt', 1)", "rename('once', 'a.txt', 2)", "rename('once', 'free', 4)", "rename('once', 'free', 1)", "os.rename('folder', 'folder/deep/x')", "os.rename('folder', 'a.txt')", "os.rename('a.txt', 'folder')"), {
      "rename('once', 'a.txt', 1)": 'EEXIST',
      "rename('once', 'a.txt', 2)": 'EINVAL',
      "rename('once', 'free', 4)": 'EINVAL',
      "rename('once', 'free', 1)": '0',
      "os.rename('folder', 'folder/deep/x')": 'EINVAL',
      "os.rename('folder', 'a.txt')": 'ENOTDIR',
      "os.rename('a.txt', 'folder')": 'EISDIR',
    })
  })

  await t.test('[S-31] fallocate: room, zeros and holes; what would move bytes is refused', async (t) => {
    const opened = "allocate(os.open('a.txt', os.O_RDWR), "
    const told = await ask(...[1, 3, 16, 17, 8, 32, 64].map((mode) => `${opened}${mode})`))
    t.same(Object.values(told), ['0', '0', '0', '0', 'ENOTSUP', 'ENOTSUP', 'ENOTSUP'])
    t.equal((await stat(ground.path('a.txt'))).size, 4096, 'ZERO_RANGE without KEEP_SIZE makes it longer')
  })

  await t.test('[S-46] ioctl is refused, copy_file_range and sendfile copy, reflinks do not work', async (t) => {
    await writeFile(ground.path('from.txt'), 'copied here')
    const told = await ask(
      "fcntl.ioctl(os.open('from.txt', os.O_RDONLY), 0x80086601, b'12345678')",
      "fcntl.ioctl(os.open('clone', os.O_CREAT | os.O_RDWR), 0x40049409, os.open('from.txt', os.O_RDONLY))",
      "os.copy_file_range(os.open('from.txt', os.O_RDONLY), os.open('copy', os.O_CREAT | os.O_RDWR), 100)",
      "os.lseek(os.open('from.txt', os.O_RDONLY), 0, os.SEEK_HOLE)",
    )
    t.same(Object.values(told), ['ENOTTY', 'ENOTSUP', '11', '11'])
    t.equal(await readFile(ground.path('copy'), 'utf8'), 'copied here')
  })

  await t.test('[S-41] modes and times are kept here to the millisecond, the time of access is that of change, and owners stay', async (t) => {
    const told = await ask("os.chmod('from.txt', 0o640)", "os.utime('from.txt', ns=(1, 123456789012345678))", "oct(os.stat('from.txt').st_mode)", "os.stat('from.txt').st_mtime_ns", "os.stat('from.txt').st_atime_ns", "os.chown('from.txt', 12345, -1)", "os.chown('from.txt', os.getuid(), os.getgid())")
    t.same(Object.values(told), ['None', 'None', '0o100640', '123456789012000000', '123456789012000000', 'EPERM', 'None'])
    await ground.ok('sync', '--wait', '30')
    t.equal((await stat(ground.path('from.txt'))).mtimeMs, 123_456_789_012, 'also when it was sent')
    t.equal((await stat(ground.path('from.txt'))).mode & 0o777, 0o640)
  })

  await t.test('[S-43] [S-44] attributes of programs are kept and listed; our own are answered by name, not listed, and not written but for .pinned', async (t) => {
    const told = await ask("os.setxattr('from.txt', 'user.mine', b'1')", "os.rename('from.txt', 'named.txt')", "os.listxattr('named.txt')", "os.setxattr('named.txt', 'user.large', b'x' * 65536)", "os.setxattr('named.txt', 'user.larger', b'x' * 65537)", "os.setxattr('named.txt', 'system.other', b'x')", "os.setxattr('named.txt', 'user.elastic-drive.id', b'1')", "os.getxattr('named.txt', 'user.elastic-drive.other')", "os.setxattr('named.txt', 'user.elastic-drive.pinned', b'maybe')", "os.setxattr('named.txt', 'user.elastic-drive.pinned', b'1')", "os.getxattr('named.txt', 'user.elastic-drive.pinned')", "os.getxattr('named.txt', 'user.elastic-drive.url')[:4]")
    t.same(Object.values(told), ['None', 'None', "['user.mine']", 'None', 'E2BIG', 'ENOTSUP', 'EPERM', 'ENODATA', 'EINVAL', 'None', "b'1'", "b'http'"])
    t.equal(await ground.shell("mkdir from to; mv named.txt from/; rsync -aX from/ to/ 2>&1; cp -a from copied 2>&1; getfattr -d -m - to/named.txt | grep -c mine"), '1\n', 'what copies attributes meets nothing it cannot copy')
  })

  await t.test('[S-45] statfs tells the ceiling of the cache and what can still be written', async (t) => {
    const told = await ask("os.statvfs('.').f_blocks * os.statvfs('.').f_frsize", "os.statvfs('.').f_namemax", "os.statvfs('.').f_bavail * os.statvfs('.').f_frsize < 64 * 10**6")
    t.same(Object.values(told), [String(Math.floor(64_000_000 / 4096) * 4096), '255', 'True'])
  })

  await t.test('[S-60] [S-61] [S-62] [S-63] new names: what the portal refuses or joins is refused at once, whatever else is taken', async (t) => {
    const taken = ['yarn.lock', 'config.ini', 'x.pl', 'y.bak', 'z.tmp', 'con', 'NUL.txt', 'dot.', '.hidden', '00', 'a%2fb', 'ё.txt', 'я'.repeat(127), 'x'.repeat(255)]
    const refused = ['0', 'a:b', 'a\\b', 'a|b', 'a?', 'a*', 'a"b', '<a', 'a>', 'tab\t', ' ', 'a\u200bb', '\u202ea']
    const twins = ['CON', 'Yarn.Lock', 'Ё.TXT', '\u0435\u0308.txt']
    const make = (name: string): string => `make(${JSON.stringify(name)})`
    const answers = await ask(...[...taken, 'е.txt', ...refused, ...twins, 'я'.repeat(128), 'x'.repeat(256), 'x'.repeat(1_025)].map(make))
    for (const name of taken) t.equal(answers[make(name)], 'None', name)
    for (const name of refused) t.equal(answers[make(name)], 'EINVAL', name)
    for (const name of twins) t.equal(answers[make(name)], 'EEXIST', name)
    for (const name of ['я'.repeat(128), 'x'.repeat(256), 'x'.repeat(1_025)]) t.equal(answers[make(name)], 'ENAMETOOLONG', `${name.length} characters`)
    await ground.ok('sync', '--wait', '60')
    const there = new Set((await ground.tree({ sha256: false })).map(({ path }) => path))
    for (const name of taken) t.ok(there.has(name), `${name} is on the portal`)
    t.equal([...there].filter((path) => path.startsWith('е (conflict')).length, 1, 'the portal takes ё and е for one letter, so both files are kept')
  })

  await t.test('[S-64] what the portal changes in a name when it is uploaded, blanks at its ends and emoji, is shown then', async (t) => {
    await ground.shell("echo 1 > ' lead'; echo 2 > 'trail '; echo 3 > 👍.txt")
    await ground.ok('sync', '--wait', '30')
    t.equal(await ground.shell('cat lead trail _.txt; ls | grep -cE "lead|trail|👍"'), '1\n2\n3\n2\n')
    t.same((await ground.tree()).map(({ path }) => path).filter((path) => /lead|trail|_/.test(path)).sort(), ['_.txt', 'lead', 'trail'])
  })

  await t.test('[S-65] names of the portal that Linux cannot carry are shown escaped, and a change goes to the same item', async (t) => {
    const long = `${'ю'.repeat(250)}.docx`
    const { id } = await ground.act({ op: 'write', path: long, content: 'long' })
    const dots = await ground.act({ op: 'write', path: '..', content: 'dots' })
    await ground.act({ op: 'write', path: 'blank ', content: 'blank' })
    await ground.ok('sync', '--wait', '30')
    const names = await readdir(ground.path())
    t.ok(names.includes(`..~${dots.id}`))
    t.ok(names.includes('blank '), 'blanks that are there are shown')
    const shown = names.find((name) => name.endsWith(`~${id}.docx`)) ?? ''
    t.ok(Buffer.byteLength(shown) > 250 && Buffer.byteLength(shown) <= 255)
    await writeFile(ground.path(shown), 'changed here')
    await ground.ok('sync', '--wait', '30')
    const item = await ground.item(long)
    t.match(item, { id, size: 'changed here'.length }, 'and the portal keeps its name')
  })

  await t.test('[S-66] [S-67] names of programs stay here; a file of the portal with such a name is shown and synchronizes', async (t) => {
    await ground.act({ op: 'write', path: 'Thumbs.db', content: 'theirs' })
    await ground.ok('sync', '--wait', '30')
    await ground.shell("echo here > film.part; echo lock > '.~lock.a.odt#'; echo mine >> Thumbs.db")
    await ground.ok('sync', '--wait', '30')
    const states = await ground.shell("for name in film.part '.~lock.a.odt#' Thumbs.db; do getfattr --only-values -n user.elastic-drive.state $name; echo; done")
    t.equal(states, 'local-only\nlocal-only\ncached\n')
    const paths = (await ground.tree()).map(({ path, size }) => `${path} ${size}`)
    t.ok(paths.includes('Thumbs.db 11'))
    t.notOk(paths.some((path) => /film|lock\./.test(path)))
    await ground.shell('mv film.part film.mkv')
    await ground.ok('sync', '--wait', '30')
    t.equal((await ground.item('film.mkv'))?.size, 5)
  })

  await t.test('[S-5] paused, a folder that nobody has listed is listed and files are read; nothing is sent', async (t) => {
    await ground.ok('pause')
    await ground.clearRequests()
    await ground.shell('ls folder-3 > /dev/null; cat folder-3/* > /dev/null; echo paused > paused.txt')
    const { methods } = await ground.requests()
    t.notOk(methods['disk.folder.uploadfile'])
    await ground.ok('resume')
    await ground.ok('sync', '--wait', '30')
    t.ok(await ground.item('paused.txt'))
  })

  // [S-29]
  await t.test('[S-8] a full portal refuses no write here: the edit waits, status tells of it, and it is sent when there is room', async (t) => {
    await ground.fault({ method: 'upload', kind: 'status', status: 400, error: 'DISK_FOLDER_22002', times: 100 })
    await ground.fault({ method: 'disk.folder.uploadfile', kind: 'status', status: 400, error: 'DISK_FOLDER_22002', times: 100 })
    await ground.shell('echo more > full.txt; cat full.txt')
    await until('status tells of it', async () => (await ground.json<{ errors: readonly { code: string }[] }>('status')).errors.some(({ code }) => code === 'quota'))
    await ground.clearFaults()
    await ground.ok('sync', '--wait', '30')
    t.ok(await ground.item('full.txt'))
  })

  // [S-21] [S-30]
  await t.test('[S-3] offline: what is here and every change of names go on, what needs bytes that are not here fails at once', async (t) => {
    await ground.shell('ls folder-4 > /dev/null')
    await ground.stopPortal()
    const told = await ask(
      "open('folder-4/file-1.dat', 'rb').read(1)",
      "os.pwrite(os.open('folder-4/file-2.dat', os.O_WRONLY), b'x', 0)",
      "os.truncate('folder-4/file-3.dat', 5)",
      "os.pwrite(os.open('folder-4/file-4.dat', os.O_WRONLY | os.O_TRUNC), b'x', 0)",
      "os.rename('folder-4/file-3.dat', 'folder/moved.dat')",
      "os.unlink('folder-4/file-2.dat')",
      "os.mkdir('offline')",
      "make('offline/new.txt')",
      "os.stat('folder-4/file-1.dat').st_size",
      "os.getxattr('folder-4/file-1.dat', 'user.elastic-drive.state')",
      "os.getxattr('folder-4/file-1.dat', 'user.elastic-drive.url')",
      "os.fsync(os.open('offline/new.txt', os.O_WRONLY))",
    )
    t.same(Object.values(told), ['ENETUNREACH', 'ENETUNREACH', 'ENETUNREACH', '1', 'None', 'None', 'None', 'None', '3000', "b'placeholder'", 'ENETUNREACH', 'None'])
    await ground.startPortalAgain()
    await ground.ok('sync', '--wait', '60')
    const paths = new Map((await ground.tree()).map(({ path, size }) => [path, size]))
    t.match([paths.get('folder-4/file-4.dat'), paths.get('folder/moved.dat'), paths.has('folder-4/file-2.dat'), paths.get('offline/new.txt')], [1, 3_000, false, 0])
  })
})
