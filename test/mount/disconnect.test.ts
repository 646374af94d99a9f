// R11: what is here when a connection ends stays with the user, and connecting again goes by the F-rows.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, lstat, mkdir, open, readdir, readFile, stat, watch, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { MAIN, Playground, run, type Outcome } from './playground.js'

const fuse = skipWithout('fuse')

t.setTimeout(180_000)

/** Every file and folder below the drive's folder, in order, without the marker. */
async function here(ground: Playground): Promise<readonly string[]> {
  const names = await readdir(ground.folder, { recursive: true })
  return names.filter((name) => name !== '.elastic-drive').sort()
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(() => true, () => false)
}

await t.test('what is downloaded and what is unsent stays in the folder as ordinary files, and the history goes', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '3600' }, mounted: false })
  await mkdir(ground.folder, { mode: 0o750 })
  await chmod(ground.folder, 0o750)
  await ground.connect()
  await ground.ok('settings', 'uploadDelay', '3600')
  await ground.mount()
  await ground.act({ op: 'mkdir', path: 'plans' })
  for (const path of ['read.txt', 'never.txt', 'plans/2026.txt', 'edited.txt', 'gone.txt']) await ground.act({ op: 'write', path, content: `remote ${path}` })
  await ground.act({ op: 'mkdir', path: 'empty there' })
  await ground.act({ op: 'write', path: 'half.bin', contentBase64: Buffer.alloc(9_000_000, 7).toString('base64') })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('cat read.txt plans/2026.txt > /dev/null; head -c 1 half.bin > /dev/null; touch -d "2001-02-03 04:05:06 UTC" read.txt; chmod 600 read.txt')
  await ground.shell('echo mine > edited.txt; mkdir -p new/deep "new empty"; echo only > new/deep/here.txt; : > zero.txt; rm gone.txt')
  const before = await ground.tree()

  const refused = await ground.cli('disconnect', '--json')
  t.equal(refused.code, 4, 'not unasked')
  const { error, unsent } = JSON.parse(refused.stdout) as { error: { code: string }; unsent: { path: string }[] }
  t.equal(error.code, 'would-lose-data')
  for (const name of ['edited.txt', 'new/deep/here.txt', 'new empty', 'zero.txt']) t.ok(unsent.some(({ path }) => path === ground.path(name)), `${name} is named`)
  t.match(await ground.json('status'), { mounted: true }, 'nothing has happened')

  const done = await ground.json<{ kept: { files: number } }>('disconnect', '--yes')
  t.match(done, { connection: 'disconnected', folder: ground.folder, kept: { files: 5, folders: 4 }, aside: [] })
  t.same(await here(ground), ['edited.txt', 'new', 'new empty', 'new/deep', 'new/deep/here.txt', 'plans', 'plans/2026.txt', 'read.txt', 'zero.txt'])
  t.equal(await readFile(ground.path('read.txt'), 'utf8'), 'remote read.txt')
  t.equal(await readFile(ground.path('plans/2026.txt'), 'utf8'), 'remote plans/2026.txt')
  t.equal(await readFile(ground.path('edited.txt'), 'utf8'), 'mine\n')
  t.equal(await readFile(ground.path('new/deep/here.txt'), 'utf8'), 'only\n')
  const read = await stat(ground.path('read.txt'))
  t.match(read, { nlink: 1, mtimeMs: Date.UTC(2001, 1, 3, 4, 5, 6) })
  t.equal(read.mode & 0o777, 0o600)
  t.equal((await stat(ground.folder)).mode & 0o777, 0o750, 'the folder is as it was')
  await writeFile(ground.path('read.txt'), 'the user writes')

  t.match(JSON.parse((await ground.cli('status', '--json')).stdout), { connection: 'disconnected', mounted: false })
  t.equal((await ground.cli('mount')).code, 3)
  t.same(await ground.tree(), before, 'nothing happened on the portal')
  t.notOk(await exists(join(ground.home, 'config', 'default', 'webhook')), 'the secret is gone')
  t.notOk(await exists(join(ground.home, 'config', 'default', 'profile.json')))
  t.same((await readdir(join(ground.home, 'state', 'default'))).filter((name) => name.startsWith('drive.db')), [])
  t.notOk(await exists(join(ground.home, 'cache', 'default', 'contents')))
})

await t.test('a folder in use stays mounted and connected', fuse, async (t) => {
  const ground = await Playground.start(t)
  await ground.act({ op: 'write', path: 'a.txt', content: 'a' })
  await ground.ok('sync', '--wait', '30')
  const held = await open(ground.path('a.txt'))
  const refused = await ground.cli('disconnect', '--yes', '--json')
  t.equal(refused.code, 1)
  t.match(refused.stderr, new RegExp(`in use by .*\\(${process.pid}\\)`, 'u'), 'who has it open is named')
  t.match(JSON.parse(refused.stdout), { error: { code: 'busy' } })
  t.match(await ground.json('status'), { mounted: true, connection: 'online' })
  t.equal(await held.readFile('utf8'), 'a', 'and readable')
  await held.close()
  await ground.ok('disconnect')
  t.same(await here(ground), ['a.txt'])
})

await t.test('at a terminal it asks, and anything but a yes changes nothing', fuse, async (t) => {
  const ground = await Playground.start(t)
  await ground.ok('pause')
  await ground.shell('echo unsent > a.txt')
  const answering = (word: string): Promise<Outcome> => run('script', ['-qec', `'${process.execPath}' '${MAIN}' disconnect`, '/dev/null'], { env: { ...process.env, ELASTIC_DRIVE_HOME: ground.home }, input: `${word}\n` })
  const no = await answering('no')
  t.match(no, { code: 4, stdout: /a\.txt[^]*Disconnect all the same/u })
  t.match(await ground.json('status'), { mounted: true })
  const yes = await answering('yes')
  t.match(yes, { code: 0, stdout: /Disconnected\./u })
  t.equal(await readFile(ground.path('a.txt'), 'utf8'), 'unsent\n')
})

await t.test('kill -9 of the daemon and then of a disconnect: run again, it comes to its end', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '3600' } })
  await ground.shell('mkdir d; for n in $(seq 200); do echo "file $n" > d/$n; done')
  await ground.killDaemon()
  const state = join(ground.home, 'state', 'default')
  const looking = watch(state)
  const disconnecting = spawn(process.execPath, [MAIN, 'disconnect', '--yes'], { env: { ...process.env, ELASTIC_DRIVE_HOME: ground.home }, stdio: 'ignore' })
  const dead = once(disconnecting, 'exit')
  for await (const { filename } of looking) if (filename === 'disconnect.json') break
  disconnecting.kill('SIGKILL')
  t.same(await dead, [null, 'SIGKILL'])
  t.match(JSON.parse((await ground.cli('status', '--json')).stdout), { connection: 'disconnected', error: { message: /finish it/u } })
  t.match(await ground.cli('mount'), { code: 3, stderr: /finish it with/u })
  t.match(await ground.cli('connect', ground.portal.webhook), { code: 3, stderr: /finish it with/u })
  await ground.ok('disconnect')
  t.same(await here(ground), ['d', ...Array.from({ length: 200 }, (_, index) => `d/${index + 1}`)].sort())
  t.equal(await readFile(ground.path('d', '117'), 'utf8'), 'file 117\n')
})
