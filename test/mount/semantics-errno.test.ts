// Each row of src/fs/errno.ts that a program can be told, on a real mount: what provokes it, and the errno the program sees.
// Rows that need a machine or an account of their own stand elsewhere, with the same beginning of their titles: disk-full,
// database-damaged (clear-errors), not-connected, profile-damaged (oauth), read-only (first-contact).
import { spawn } from 'node:child_process'
import { mkdir, open, readdir, readFile, rename, rmdir, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, run, until } from './playground.js'

type ErrnoName = keyof typeof constants.errno | 'EOPNOTSUPP'

/** Answers the errno of a system call that must fail. */
async function errnoOf(call: () => Promise<unknown>): Promise<number> {
  try {
    await call()
  } catch (error) {
    if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') return Math.abs(error.errno)
    throw error
  }
  return 0
}

class ErrnoRows {
  readonly ground: Playground
  readonly #files: string[]

  constructor(ground: Playground, files: readonly string[]) {
    this.ground = ground
    this.#files = [...files]
  }

  /** A file of the portal that is not here, by its path below the mount. */
  placeholder(): string {
    const file = this.#files.pop()
    if (file === undefined) throw new Error('the seed has too few files')
    return file
  }

  readNew(): Promise<unknown> {
    return readFile(this.ground.path(this.placeholder()))
  }

  async log(): Promise<string> {
    return readFile(join(this.ground.home, 'state', 'default', 'daemon.log'), 'utf8')
  }

  /** The call must end with the errno, and the daemon must have meant the code: several have one errno. */
  async told(t: Test, code: string, expected: ErrnoName, call: () => Promise<unknown>): Promise<void> {
    const before = (await this.log()).length
    t.equal(await errnoOf(call), constants.errno[expected], expected)
    await until(`the log has ${code}`, async () => (await this.log()).slice(before).split('\n').some((line) => /a request (failed|was refused)/.test(line) && line.includes(`"code":"${code}"`)), 5_000)
  }

  /** While the portal has the fault. */
  async under(t: Test, fault: Readonly<Record<string, unknown>>, ...[code, expected, call]: readonly [string, ErrnoName, () => Promise<unknown>]): Promise<void> {
    await this.ground.fault({ times: 1_000, ...fault })
    try {
      await this.told(t, code, expected, call)
    } finally {
      await this.ground.clearFaults()
    }
  }

  /** Reading a file that is not here, while the portal refuses to tell its record so. */
  refused(t: Test, code: string, expected: ErrnoName, fault: Readonly<Record<string, unknown>>): Promise<void> {
    return this.under(t, { method: 'disk.file.get', kind: 'status', status: 400, ...fault }, code, expected, () => this.readNew())
  }
}

/** A system call that Node does not have, by Python's ctypes; fails with the errno in `errno`. */
async function libc(call: string): Promise<void> {
  const { stdout, stderr } = await run('python3', ['-c', `import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nresult = libc.${call}\nprint(ctypes.get_errno() if result < 0 else 0)`])
  const errno = Number(stdout)
  if (stdout === '' || Number.isNaN(errno)) throw new Error(stderr)
  if (errno !== 0) throw Object.assign(new Error(call), { errno })
}

const bytes = (path: string): string => `os.fsencode(${JSON.stringify(path)})`
const setXattr = (path: string, name: string, value: string): Promise<void> => libc(`setxattr(${bytes(path)}, b"${name}", b"${value}", ${value.length}, 0)`)

const fuse = skipWithout('fuse')

t.setTimeout(180_000) // a loaded machine is slow, not wrong

// [S-80]
await t.test('every error a program can be told', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:3x15x2000', portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '600', cacheLimit: '20MB' }, mountArguments: ['--debug'] })
  const files = (await ground.tree({ sha256: false })).filter(({ type }) => type === 'file').map(({ path }) => path)
  const rows = new ErrnoRows(ground, files)
  const at = (...names: readonly string[]): string => ground.path(...names)
  await ground.shell('ls > /dev/null; mkdir full; echo text > full/a.txt; echo text > file.txt; mkdir folder')

  await t.test('portal-error → EIO: a folder whose first listing the portal refuses with what no document names', (t) =>
    rows.under(t, { method: 'disk.folder.getchildren', kind: 'status', status: 400, error: 'NEVER_HEARD_OF' }, 'portal-error', 'EIO', () => readdir(at('folder-2'))))
  await t.test('bad-answer → EIO: the record of a file that is none', (t) => rows.refused(t, 'bad-answer', 'EIO', { status: 200, body: { result: 'no file' } }))
  await t.test('offline → ENETUNREACH: the portal cannot be reached', async (t) => {
    await ground.stopPortal()
    await rows.told(t, 'offline', 'ENETUNREACH', () => rows.readNew())
    await ground.startPortalAgain() // found again while what needs no portal goes on
  })
  await t.test('not-found → ENOENT: a name that is not there, and one that is not valid UTF-8; of listed folders the engine knows it before us', async (t) => {
    t.equal(await errnoOf(() => stat(Buffer.concat([Buffer.from(`${at()}/`), Buffer.from([0x61, 0xff])]))), constants.errno.ENOENT)
    t.equal(await errnoOf(() => unlink(at('nothing'))), constants.errno.ENOENT)
  })
  await t.test('exists → EEXIST: a new name that differs by case only', (t) => rows.told(t, 'exists', 'EEXIST', () => mkdir(at('FULL'))))
  await t.test('not-empty → ENOTEMPTY: rmdir of a folder with something in it', (t) => rows.told(t, 'not-empty', 'ENOTEMPTY', () => rmdir(at('full'))))
  await t.test('not-directory → ENOTDIR: a folder renamed over a file; the kernel says it before us', async (t) => {
    t.equal(await errnoOf(() => rename(at('folder'), at('file.txt'))), constants.errno.ENOTDIR)
  })
  await t.test('is-directory → EISDIR: unlink of a folder; the kernel says it before us', async (t) => {
    t.equal(await errnoOf(() => libc(`unlink(${bytes(at('folder'))})`)), constants.errno.EISDIR)
  })
  await t.test('bad-name → EINVAL: a character that the portal refuses', (t) => rows.told(t, 'bad-name', 'EINVAL', () => mkdir(at('a:b'))))
  await t.test('name-too-long → ENAMETOOLONG: 256 characters', (t) => rows.told(t, 'name-too-long', 'ENAMETOOLONG', () => writeFile(at('x'.repeat(256)), '')))
  await t.test('not-permitted → EPERM: writing an attribute that only tells', (t) => rows.told(t, 'not-permitted', 'EPERM', () => setXattr(at('file.txt'), 'user.elastic-drive.id', '1')))
  await t.test('busy → EBUSY: the folder that is the mount is removed; the kernel says it before us', async (t) => {
    t.equal(await errnoOf(() => rmdir(at())), constants.errno.EBUSY)
  })
  await t.test('invalid → EINVAL: an exchange of two names', (t) => rows.told(t, 'invalid', 'EINVAL', () => libc(`renameat2(-100, ${bytes(at('file.txt'))}, -100, ${bytes(at('full', 'a.txt'))}, 2)`)))
  await t.test('bad-handle → EBADF: a write to a descriptor for reading; the kernel says it before us', async (t) => {
    const file = await open(at('file.txt'), 'r')
    t.equal(await errnoOf(() => file.write('x')), constants.errno.EBADF)
    await file.close()
  })
  await t.test('no-attribute → ENODATA: an extended attribute that is not there', (t) => rows.told(t, 'no-attribute', 'ENODATA', () => libc(`getxattr(${bytes(at('file.txt'))}, b"user.none", None, 0)`)))
  await t.test('range → ERANGE: a buffer too small for the value', (t) =>
    rows.told(t, 'range', 'ERANGE', () => libc(`getxattr(${bytes(at('file.txt'))}, b"user.elastic-drive.state", ctypes.create_string_buffer(1), 1)`)))
  await t.test('file-too-large → EFBIG: a length that no disk here can hold', async (t) => {
    await rows.told(t, 'file-too-large', 'EFBIG', () => truncate(at('file.txt'), Number.MAX_SAFE_INTEGER))
    await rows.told(t, 'file-too-large', 'EFBIG', () => libc(`truncate64(${bytes(at('file.txt'))}, ctypes.c_int64(2**62))`))
  })
  await t.test('unsupported → EOPNOTSUPP: an extended attribute that is not user.*', (t) => rows.told(t, 'unsupported', 'EOPNOTSUPP', () => setXattr(at('file.txt'), 'system.other', 'x')))

  await until('the portal is found again', async () => (await ground.json<{ connection: string }>('status')).connection === 'online')
  // [S-36]
  await t.test('cross-storage → EXDEV: a file of one drive renamed into another', async (t) => {
    await ground.act({ op: 'write', storage: '13', path: 'theirs.txt', content: 'theirs' })
    const { path } = await ground.act({ as: 'owner', op: 'connect', storage: '13', path: '' })
    await ground.ok('sync', '--wait', '30')
    await readdir(at(path))
    await rows.told(t, 'cross-storage', 'EXDEV', () => rename(at(files[0] ?? ''), at(path, 'moved.dat')))
  })
  await t.test('cache-full → ENOSPC: unsent work fills the cache', async (t) => {
    await rows.told(t, 'cache-full', 'ENOSPC', () => writeFile(at('large.bin'), Buffer.alloc(25_000_000, 1)))
    await unlink(at('large.bin'))
  })
  await t.test('internal → EIO: the cache file of an unsent edit was cut from outside', async (t) => {
    await writeFile(at('edit.bin'), Buffer.alloc(50_000, 1))
    await ground.shell(`find '${ground.home}/cache' -type f -size +40k -exec truncate -s 10 {} +
      python3 -c 'import os; os.posix_fadvise(os.open("edit.bin", os.O_RDONLY), 0, 0, os.POSIX_FADV_DONTNEED)'`)
    await rows.told(t, 'internal', 'EIO', () => readFile(at('edit.bin')))
  })

  await t.test('forbidden → EACCES: a file that may not be read', async (t) => {
    const file = rows.placeholder()
    await ground.act({ as: 'owner', op: 'rights', path: file, level: 'none' })
    await rows.told(t, 'forbidden', 'EACCES', () => readFile(at(file)))
  })
  // [S-24]
  await t.test('vanished → ESTALE: a file that is destroyed on the portal while it is open', async (t) => {
    const path = rows.placeholder()
    const file = await open(at(path), 'r')
    const { id } = await ground.act({ op: 'trash', path })
    await ground.act({ as: 'owner', op: 'purge', id })
    await rows.told(t, 'vanished', 'ESTALE', () => file.read(Buffer.alloc(10), 0, 10, 0))
    await file.close()
  })
  await t.test('quota → EDQUOT: the portal says so to a read', (t) => rows.refused(t, 'quota', 'EDQUOT', { error: 'DISK_FILE_22002' }))
  await t.test('locked → EACCES: the portal says so to a read', (t) => rows.refused(t, 'locked', 'EACCES', { error: 'DISK_FILE_22007' }))
  await t.test('no-rest-on-plan → EACCES: the plan lost REST', (t) => rows.refused(t, 'no-rest-on-plan', 'EACCES', { status: 402, error: 'PAYMENT_REQUIRED' }))
  await t.test('extranet-user → EACCES: the account became an extranet user', (t) => rows.refused(t, 'extranet-user', 'EACCES', { status: 403, error: 'ALLOWED_ONLY_INTRANET_USER' }))
  await t.test('overload → ETIMEDOUT: the vendor stopped REST of the portal', (t) => rows.refused(t, 'overload', 'ETIMEDOUT', { status: 503, error: 'OVERLOAD_LIMIT' }))
  await t.test('unknown-method → EIO: a portal that lacks the method', (t) => rows.refused(t, 'unknown-method', 'EIO', { status: 404, error: 'ERROR_METHOD_NOT_FOUND' }))
  await t.test('bad-argument → EIO: the portal does not understand', (t) => rows.refused(t, 'bad-argument', 'EIO', { error: 'ERROR_ARGUMENT' }))
  await t.test('usage → EIO: the portal wants https', (t) => rows.refused(t, 'usage', 'EIO', { error: 'INVALID_REQUEST' }))
  // [S-6]
  await t.test('bad-credentials → EACCES: the webhook is revoked', async (t) => {
    await ground.hook('/account', { revoked: true })
    await rows.told(t, 'bad-credentials', 'EACCES', () => rows.readNew())
    await ground.hook('/account', { revoked: false })
  })
  await t.test('missing-scope → EACCES: the webhook lost its permission', async (t) => {
    await ground.hook('/account', { scopes: ['user_brief'] })
    await rows.told(t, 'missing-scope', 'EACCES', () => rows.readNew())
    await ground.hook('/account', { scopes: ['disk'] })
  })
  await t.test('portal-gone → ENETUNREACH: the portal was closed', async (t) => {
    await ground.hook('/account', { isDeleted: true })
    await rows.told(t, 'portal-gone', 'ENETUNREACH', () => rows.readNew())
    await ground.hook('/account', { isDeleted: false })
  })

  // [S-26]
  await t.test('interrupted → EINTR: who is killed while a write waits for the rest of the file ends at once', async (t) => {
    await ground.fault({ method: 'download', kind: 'stall', ms: 60_000, times: 100 })
    const before = (await rows.log()).length
    const writer = spawn('dd', [`of=${at(rows.placeholder())}`, 'bs=1', 'count=1', 'if=/dev/zero', 'conv=notrunc'], { stdio: 'ignore' })
    const exit = new Promise((resolve) => writer.once('exit', (_code, signal) => { resolve(signal) }))
    await until('it waits in write', async () => (await readFile(`/proc/${writer.pid ?? 0}/syscall`, 'utf8').catch(() => '')).startsWith('1 '))
    writer.kill('SIGKILL')
    t.equal(await exit, 'SIGKILL')
    await until('the log says so', async () => (await rows.log()).slice(before).includes('"code":"interrupted"'))
    await ground.clearFaults()
  })
  // [S-25]
  await t.test('deadline → ETIMEDOUT: no byte comes for the time of stallDeadline', async (t) => {
    await ground.ok('settings', 'stallDeadline', '2')
    const beganMs = performance.now()
    await rows.under(t, { method: 'download', kind: 'stall', ms: 60_000 }, 'deadline', 'ETIMEDOUT', () => rows.readNew())
    const tookMs = performance.now() - beganMs
    t.comment(`${Math.round(tookMs)} ms`)
    t.ok(tookMs > 1_900 && tookMs < 3_800, 'once, though the kernel asks twice')
  })
  await t.test('operating-limit → ETIMEDOUT: the portal has stopped the method for a while', (t) =>
    rows.refused(t, 'operating-limit', 'ETIMEDOUT', { method: 'download', status: 429, error: 'OPERATION_TIME_LIMIT' }))
  await t.test('rate-limited → ETIMEDOUT: the portal refuses by its rate until the deadline, which is the same errno', async (t) => {
    await rows.refused(t, 'deadline', 'ETIMEDOUT', { status: 503, error: 'QUERY_LIMIT_EXCEEDED' })
    t.ok((await ground.requests()).limited > 0)
  })
})
