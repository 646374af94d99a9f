// The main job, acceptance 9: what goes wrong is said in one clear sentence with the next step, and loses nothing.
import { mkdir, open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AS_NOBODY, NOBODY, openProgram } from '../support/ordinary-user.js'
import { skipWithout } from '../support/skip.js'
import { Playground, run, until, type Outcome } from './playground.js'

/** One sentence or two on one line, with a next step, without stack, secret or code words. */
function isClear(t: Test, outcome: Outcome, code: number, words: RegExp, ground: Playground): void {
  t.equal(outcome.code, code, outcome.stderr)
  t.equal(outcome.stderr.trim().split('\n').length, 1, 'one line')
  t.match(outcome.stderr, words)
  t.notMatch(outcome.stderr, /\bat .*\.js|Error:|undefined|\[object/)
  const secret = /\/rest\/\d+\/([^/]+)/.exec(ground.portal.webhook)?.[1] ?? ''
  t.notMatch(outcome.stderr + outcome.stdout, secret)
}

async function unconnected(t: Test): Promise<Playground> {
  return Playground.start(t, { mounted: false })
}

const PAGE_BYTES = 4_096
const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('a wrong webhook', async (t) => {
  const ground = await unconnected(t)
  const wrong = ground.portal.webhook.replace(/\/[^/]+\/?$/, '/wrongwrongwrong/')
  isClear(t, await ground.cli('connect', wrong, '--folder', ground.folder), 1, /webhook/i, ground)
  isClear(t, await ground.cli('connect', 'not a webhook', '--folder', ground.folder), 2, /webhook/i, ground)
  isClear(t, await ground.cli('connect', 'http://portal.example/rest/1/abcdefgh/', '--folder', ground.folder), 2, /https/i, ground)
})

for (const [what, account, words] of [
  ['a revoked webhook', { revoked: true }, /webhook/i],
  ['a plan without REST', { restOnPlan: false }, /plan/i],
  ['a missing scope', { scopes: ['user_brief'] }, /scope|"disk"/i],
] as const) {
  await t.test(`${what}, at connect`, async (t) => {
    const ground = await unconnected(t)
    await ground.hook('/account', account)
    isClear(t, await ground.cli('connect', ground.portal.webhook, '--folder', ground.folder), 1, words, ground)
  })
}

// [S-6]
await t.test('a webhook revoked while mounted: status says so by itself, edits stay, and it is forgotten when it is over', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  const told = async (): Promise<readonly string[]> => {
    const { errors } = await ground.json<{ errors: readonly { path: string | null; code: string; message: string }[] }>('status')
    return errors.filter(({ path, message }) => path === null && /webhook.*connect again/iu.test(message)).map(({ code }) => code)
  }
  await ground.shell('ls')
  await ground.hook('/account', { revoked: true })
  t.same(await until('status names the webhook', async () => (await told()).length > 0 && told(), 40_000), ['bad-credentials'], 'nobody edited anything')
  await ground.shell('echo edit > a.txt; cat a.txt')
  await ground.hook('/account', { revoked: false })
  await ground.ok('sync', '--wait', '30')
  t.ok(await ground.item('a.txt'))
  t.same(await told(), [])
})

await t.test('a webhook made anew: connected and mounted again, the drive goes on with its history', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  for (const path of ['gone.txt', 'kept.txt']) await ground.act({ op: 'write', path, content: `remote ${path}` })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('cat gone.txt kept.txt')
  const code = 'fedcba9876543210'
  await ground.hook('/account', { code })
  await ground.shell('echo edit >> kept.txt; echo new > new.txt')
  await ground.act({ op: 'trash', path: 'gone.txt' })
  await until('the old one is refused', async () => (await ground.json<{ errors: readonly { code: string }[] }>('status')).errors.some((error) => error.code === 'bad-credentials'), 40_000)
  const webhook = ground.portal.webhook.replace(/[^/]+\/$/u, `${code}/`)
  t.match(await ground.ok('connect', webhook), /Reconnected[^]*unmount, then elastic-drive mount/u)
  await ground.unmount()
  await ground.mount()
  await ground.ok('sync', '--wait', '30')
  t.same((await ground.tree()).filter(({ type }) => type === 'file').map(({ path, version }) => `${path} ${version}`).sort(), ['kept.txt 2', 'new.txt 1'], 'what was deleted there is not uploaded again')
  t.equal(await ground.shell('ls'), 'kept.txt\nnew.txt\n')
})

await t.test('a folder that is not empty', async (t) => {
  const ground = await unconnected(t)
  await mkdir(ground.folder)
  await writeFile(join(ground.folder, 'mine.txt'), 'mine')
  isClear(t, await ground.cli('connect', ground.portal.webhook, '--folder', ground.folder), 4, /not empty.*--folder/, ground)
  t.equal(await readFile(join(ground.folder, 'mine.txt'), 'utf8'), 'mine')
})

await t.test('not connected, and not mounted', async (t) => {
  const ground = await unconnected(t)
  isClear(t, await ground.cli('mount'), 3, /connect/, ground)
  isClear(t, await ground.cli('status'), 3, /connect/, ground)
  await ground.connect()
  isClear(t, await ground.cli('sync'), 3, /mount/, ground)
  isClear(t, await ground.cli('unmount'), 3, /not mounted/, ground)
})

await t.test('mounted already, and a second daemon', fuse, async (t) => {
  const ground = await Playground.start(t)
  isClear(t, await ground.cli('mount'), 1, /already/, ground)
  isClear(t, await ground.cli('mount', '--foreground'), 1, /already/, ground)
  t.equal((await ground.shell('ls | wc -l')).trim(), '0', 'the first one is unharmed')
})

// [S-10]
await t.test('a dead mount from a crash is cleared by the next mount', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:2x2x10' })
  process.kill(await ground.daemonPid(), 'SIGKILL')
  t.match((await run('ls', [ground.folder], { timeoutMs: 5_000 })).stderr, /not connected|connection abort/)
  await ground.mount()
  t.equal((await ground.shell('find . -type f | wc -l')).trim(), '4')
})

// [S-3]
await t.test('a portal that cannot be reached: connect says so; mount of a known drive works and reading says ENETUNREACH at once', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:2x2x100' })
  const [cached, missing] = (await ground.shell('find . -type f | sort')).trim().split('\n') as [string, string]
  await ground.shell(`cat '${cached}' > /dev/null`)
  await ground.unmount()
  await ground.stopPortal()
  await ground.mount()
  await ground.shell(`ls -lR . > /dev/null; cat '${cached}' > /dev/null`)
  const beganMs = performance.now()
  const outcome = await ground.attempt(`cat '${missing}'`)
  t.match(outcome.stderr, /Network is unreachable/)
  t.ok(performance.now() - beganMs < 5_000)
  t.equal((await ground.json<{ connection: string }>('status')).connection, 'offline')
  await ground.shell('echo offline > edit.txt')
  await ground.startPortalAgain()
  await ground.ok('sync', '--wait', '60')
  t.ok(await ground.item('edit.txt'))
  await ground.unmount()
  await ground.stopPortal()
  isClear(t, await run(process.execPath, [new URL('../../src/cli/main.js', import.meta.url).pathname, 'connect', ground.portal.webhook, '--profile', 'other', '--folder', `${ground.folder}2`], { env: { ...process.env, ELASTIC_DRIVE_HOME: ground.home } }), 1, /reach/i, ground)
})

await t.test('a damaged database: mount says what to do, rescue still copies the edits out, nothing is deleted', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
  await ground.shell('echo precious > edit.txt')
  await ground.unmount()
  const database = join(ground.home, 'state', 'default', 'drive.db')
  const whole = await readFile(database)
  await writeFile(database, Buffer.concat([Buffer.from('garbage garbage garbage garbage '), whole.subarray(32)]))
  isClear(t, await ground.cli('mount'), 1, /damaged.*rescue/, ground)
  await ground.ok('rescue', join(ground.directory, 'out'))
  const { stdout } = await run('grep', ['-rl', 'precious', join(ground.directory, 'out')])
  t.not(stdout, '')
  await rename(database, `${database}.broken`)
  await writeFile(database, whole)
  await ground.mount()
  t.equal(await ground.shell('cat edit.txt'), 'precious\n')
})

for (const [what, lose] of [
  ['missing', (path: string) => rm(path)],
  ['empty', (path: string) => truncate(path)],
] as const) {
  await t.test(`a database that is ${what} while the cache holds files: nothing begins anew before rescue had its chance`, fuse, async (t) => {
    const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
    await ground.shell('echo work of a day > report.txt')
    await ground.unmount()
    const contents = join(ground.home, 'cache', 'default', 'contents')
    await lose(join(ground.home, 'state', 'default', 'drive.db'))
    for (const command of [['mount'], ['status'], ['disconnect', '--yes']]) isClear(t, await ground.cli(...command), 1, /missing or empty.*rescue DIR.*move .* away/, ground)
    const { files } = await ground.json<{ files: readonly { savedAs: string }[] }>('rescue', join(ground.directory, 'rescued'))
    t.equal(await readFile(files[0]?.savedAs ?? '', 'utf8'), 'work of a day\n')
    await rename(contents, `${contents}.old`)
    await ground.mount()
    await ground.shell('echo more > more.txt')
  })
}

await t.test('a damaged database whose cache is gone: rescue says that there is nothing left', async (t) => {
  const ground = await unconnected(t)
  await ground.connect()
  await writeFile(join(ground.home, 'state', 'default', 'drive.db'), 'no database')
  await rm(join(ground.home, 'cache'), { recursive: true, force: true })
  isClear(t, await ground.cli('rescue', join(ground.directory, 'rescued')), 1, /cannot be read.*nothing left to copy/, ground)
})

await t.test('a damaged record of the profile: unmount still works, and connect makes a new one', fuse, async (t) => {
  const ground = await Playground.start(t)
  await truncate(join(ground.home, 'config', 'default', 'profile.json'))
  isClear(t, await ground.cli('status'), 1, /damaged.*connect again/, ground)
  t.match(await ground.cli('unmount'), { code: 0 })
  await ground.connect()
  await ground.mount()
})

await t.test('a damaged record of the webhook is not taken for a mistyped one', async (t) => {
  const ground = await unconnected(t)
  await ground.connect()
  await writeFile(join(ground.home, 'config', 'default', 'webhook'), '{')
  isClear(t, await ground.cli('mount'), 1, /damaged: connect again/, ground)
})

await t.test('a folder where nothing can be made', async (t) => {
  const ground = await unconnected(t)
  isClear(t, await ground.cli('connect', ground.portal.webhook, '--folder', '/proc/drive'), 1, /cannot be made.*--folder/, ground)
})

await t.test('a database with pages that went bad: the drive is shown, status tells of it, and the next mount refuses', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:5x100x10' })
  await ground.shell('ls -R > /dev/null')
  await ground.unmount()
  const database = join(ground.home, 'state', 'default', 'drive.db')
  const whole = await readFile(database)
  const damaged = Buffer.from(whole)
  const pages = Array.from({ length: whole.length / PAGE_BYTES }, (_, index) => index * PAGE_BYTES).filter((at) => whole.subarray(at, at + PAGE_BYTES).includes('file-'))
  for (const at of pages.slice(pages.length / 2)) damaged.fill(0xff, at, at + PAGE_BYTES) // rows and names of files, not the first ones
  await writeFile(database, damaged)
  await ground.mount()
  await until('status tells of the damage', async () => {
    const { errors } = await ground.json<{ errors: readonly { code: string; message: string }[] }>('status')
    return errors.some(({ code, message }) => code === 'database-damaged' && /damaged.*rescue/.test(message))
  }, 60_000)
  await t.test('database-damaged → EIO: what stands on the page', async (t) => {
    t.match((await ground.attempt('ls -lR; cat */*/*; getfattr -R -n user.none .')).stderr, /Input\/output error/)
    const log = await readFile(join(ground.home, 'state', 'default', 'daemon.log'), 'utf8')
    t.match(log, /"code":"database-damaged".*a request failed/)
  })
  await ground.unmount()
  isClear(t, await ground.cli('mount'), 1, /damaged.*rescue/, ground)
  await writeFile(database, whole)
  await ground.mount()
  t.equal((await ground.shell('find . -type f | wc -l')).trim(), '500')
})

await t.test('disk-full → ENOSPC: a full disk refuses the write, and later everything goes on', process.getuid?.() === 0 ? fuse : { skip: 'needs root for a small file system' }, async (t) => {
  const ground = await unconnected(t)
  await mkdir(ground.home, { recursive: true })
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', ground.home])
  t.equal(mounted.code, 0, mounted.stderr)
  t.teardown(async () => {
    await ground.cli('unmount', '--force')
    await until('the small file system is free', async () => (await run('umount', [ground.home])).code === 0)
  })
  await ground.connect()
  await ground.ok('settings', 'freeSpaceFloor', '0')
  await ground.mount()
  await ground.shell('echo small > small.txt')
  const outcome = await ground.attempt('head -c 90000000 /dev/zero > big.bin')
  t.match(outcome.stderr, /No space left on device/)
  t.equal(await ground.shell('cat small.txt'), 'small\n')
  await ground.shell('rm big.bin; echo after > after.txt')
  await ground.ok('sync', '--wait', '30')
  t.ok(await ground.item('after.txt'))
  t.ok(await ground.item('small.txt'))
})

await t.test('unknown options, commands, settings and values', async (t) => {
  const ground = await unconnected(t)
  isClear(t, await ground.cli('mount', '--sideways'), 2, /--sideways/, ground)
  isClear(t, await ground.cli('teleport'), 2, /teleport/, ground)
  await ground.connect()
  isClear(t, await ground.cli('settings', 'cachelimit', '1GB'), 2, /cacheLimit/, ground)
  isClear(t, await ground.cli('settings', 'cacheLimit', 'much'), 2, /64MB|size/, ground)
})

await t.test('no /dev/fuse', process.getuid?.() === 0 ? fuse : { skip: 'needs root to hide the device' }, async (t) => {
  const ground = await unconnected(t)
  await ground.connect()
  // A mount namespace of its own, whose /dev has only what Node needs: bound, because a container may make no device.
  const main = new URL('../../src/cli/main.js', import.meta.url).pathname
  const bare = join(ground.directory, 'dev')
  await mkdir(bare)
  const bind = ['null', 'urandom'].map((name) => `touch '${bare}/${name}' && mount --bind '/dev/${name}' '${bare}/${name}'`).join(' && ')
  const script = `mount -t tmpfs tmpfs '${bare}' && ${bind} && mount --rbind '${bare}' /dev && exec '${process.execPath}' '${main}' mount`
  const outcome = await run('unshare', ['-m', 'bash', '-c', script], { env: { ...process.env, ELASTIC_DRIVE_HOME: ground.home } })
  isClear(t, outcome, 1, /\/dev\/fuse/, ground)
})

await t.test('no fusermount3 for an ordinary user', process.getuid?.() === 0 ? fuse : { skip: 'needs root to become another user' }, async (t) => {
  const ground = await unconnected(t)
  const device = await open('/dev/fuse', 'r')
  const { mode } = await device.stat()
  await device.close()
  await run('chmod', ['666', '/dev/fuse'])
  t.teardown(() => run('chmod', [(mode & 0o777).toString(8), '/dev/fuse']))
  await mkdir(ground.home, { recursive: true })
  await run('chown', ['-R', `${NOBODY}:${NOBODY}`, ground.directory])
  const { node, find } = await openProgram(t)
  const main = find(new URL('../../src/cli/main.js', import.meta.url).pathname)
  const [setpriv, ...user] = AS_NOBODY
  const asUser = (path: string, ...args: readonly string[]): Promise<Outcome> =>
    run(setpriv, [...user, node, main, ...args], {
      env: { PATH: path, HOME: ground.home, ELASTIC_DRIVE_HOME: ground.home },
    })
  t.equal((await asUser('/usr/bin:/bin', 'connect', ground.portal.webhook, '--folder', ground.folder)).code, 0)
  isClear(t, await asUser('/nonexistent', 'mount'), 1, /fuse3/, ground)
  const mounted = await asUser('/usr/bin:/bin', 'mount')
  t.equal(mounted.code, 0, mounted.stderr)
  const listed = await run(setpriv, [...user, 'bash', '-c', `echo user > '${ground.folder}/a.txt' && cat '${ground.folder}/a.txt'`])
  t.equal(listed.stdout, 'user\n', listed.stderr)
  t.equal((await asUser('/usr/bin:/bin', 'sync', '--wait', '30')).code, 0)
  t.equal((await asUser('/usr/bin:/bin', 'unmount')).code, 0)
  t.ok(await ground.item('a.txt'))
})
