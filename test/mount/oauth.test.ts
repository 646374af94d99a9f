/** A mount by an application's tokens: they run out all the time, then for good, and nothing that was edited is lost. */
import { spawn } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connectByRedirect, type Starter } from '../cli/oauth-connect.js'
import { PROGRAM } from '../cli/run-program.js'
import { Browser } from '../portal/oauth-browser.js'
import { skipWithout } from '../support/skip.js'
import { Playground, until } from './playground.js'

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

interface Status {
  readonly connection: string
  readonly pendingUploads: number
  readonly errors: readonly { readonly path: string | null; readonly code: string; readonly message: string }[]
}

const starter = (ground: Playground): Starter => ({
  path: (...names) => join(ground.directory, ...names),
  start: (words) => spawn(process.execPath, [PROGRAM, ...words], { cwd: ground.directory, env: { ...process.env, ELASTIC_DRIVE_HOME: ground.home }, stdio: ['pipe', 'pipe', 'pipe'] }),
})

async function connected(t: Test, seed: string, traits: Readonly<Record<string, unknown>> = {}): Promise<{ ground: Playground; browser: Browser }> {
  const ground = await Playground.start(t, { seed, mounted: false })
  await ground.hook('/limits', { off: true })
  await ground.hook('/traits', traits)
  const browser = new Browser(ground.portal)
  t.match(await connectByRedirect(starter(ground), browser, ['--folder', ground.folder]), { code: 0 })
  return { ground, browser }
}

const refreshes = async (ground: Playground): Promise<number> => (await ground.requests()).methods['oauth.token'] ?? 0
const grantText = (ground: Playground): Promise<string> => readFile(join(ground.home, 'config', 'default', 'oauth.json'), 'utf8')

for (const [way, traits, times] of [
  ['header', {}, 5],
  ['query', { bearerHeader: 'ignored', accessOutlivesRefresh: false }, 3],
] as const) {
  await t.test(`edits and reads go on over many expirations of five seconds, the token in the ${way}`, fuse, async (t) => {
    const { ground, browser } = await connected(t, 'tree:4x20x2000', traits)
    t.equal((JSON.parse(await grantText(ground)) as { way: string }).way, way)
    await ground.ok('settings', 'uploadDelay', '0')
    await ground.mount('--debug')
    await browser.card({ accessSeconds: 5, endAccess: true })
    await ground.clearRequests()
    const secrets = new Set<string>()
    let rounds = 0
    for (; (await refreshes(ground)) < times; rounds += 1) {
      const { accessToken, refreshToken, clientSecret } = JSON.parse(await grantText(ground)) as Readonly<Record<string, string>>
      for (const secret of [accessToken, refreshToken, clientSecret]) if (secret !== undefined) secrets.add(secret)
      await ground.shell(`echo round ${rounds} > new-${rounds}.txt; echo ${rounds} >> growing.txt; cat */file-*${rounds % 10}.dat > /dev/null; mkdir -p made/round-${rounds}`)
      await ground.ok('sync', '--wait', '60')
    }
    const { errors, pendingUploads } = await ground.json<Status>('status')
    t.same({ errors, pendingUploads }, { errors: [], pendingUploads: 0 })
    const tree = await ground.tree({ sha256: false })
    t.equal(tree.filter(({ path }) => /^new-\d+\.txt$/.test(path)).length, rounds)
    t.equal(tree.filter(({ path }) => /^made\/round-\d+$/.test(path)).length, rounds)
    t.equal(tree.find(({ path }) => path === 'growing.txt')?.size, Array.from({ length: rounds }, (_, round) => `${round}\n`).join('').length)
    t.ok(secrets.size > times, 'there were several pairs')
    const pid = await ground.daemonPid()
    const places: Record<string, string> = { arguments: await readFile(`/proc/${pid}/cmdline`, 'latin1'), environment: await readFile(`/proc/${pid}/environ`, 'latin1') }
    for (const entry of await readdir(ground.home, { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && entry.name !== 'oauth.json') places[entry.name] = await readFile(join(entry.parentPath, entry.name), 'latin1')
    }
    t.ok(places['daemon.log']?.includes('disk.folder'), 'the log tells what was asked')
    for (const [place, bytes] of Object.entries(places)) t.notOk([...secrets].some((secret) => bytes.includes(secret)), place)
  })
}

await t.test('an application that is removed: one clear word in status, edits stay, the mount goes on offline, connecting again goes on', fuse, async (t) => {
  const { ground, browser } = await connected(t, 'tree:1x4x2000')
  await ground.ok('settings', 'uploadDelay', '0')
  await ground.mount()
  await ground.shell('cat */file-1.dat > /dev/null')
  await browser.card({ installed: false })
  await ground.shell('echo edit > a.txt; mkdir papers; echo inside > papers/b.txt')
  const status = await until('status names the application', async () => {
    await ground.cli('sync', '--wait', '1')
    const now = await ground.json<Status>('status')
    return now.errors.length > 0 && now
  }, 40_000)
  t.match(status.errors, [{ path: null, code: 'bad-credentials', message: /removed.*connect again with "elastic-drive connect --oauth 127\.0\.0\.1:\d+"/ }])
  t.equal(status.errors.length, 1)
  t.equal(status.pendingUploads, 3)
  t.match(await ground.cli('status'), { code: 0, stdout: /Problem +the application was removed/ })
  t.match(await ground.cli('doctor'), { code: 1, stdout: /FAILED +application +the application was removed/ })
  t.equal(await ground.shell('cat a.txt papers/b.txt; cat */file-1.dat > /dev/null'), 'edit\ninside\n', 'what is here is served')
  t.match((await ground.attempt('cat */file-2.dat')).stderr, /Permission denied/, 'what is not here fails at once')

  await ground.unmount()
  await ground.mount()
  t.equal(await ground.shell('cat a.txt'), 'edit\n', 'also after a remount')

  await browser.card({ installed: true })
  const { code, stdout, stderr } = await connectByRedirect(starter(ground), browser, ['--folder', ground.folder])
  t.match([code, stdout], [0, /^Reconnected .*The mounted drive goes on\.\n$/], stderr)
  await ground.ok('sync', '--wait', '60')
  const { errors, pendingUploads } = await ground.json<Status>('status')
  t.same({ errors, pendingUploads }, { errors: [], pendingUploads: 0 })
  t.same((await ground.tree()).filter(({ path }) => /^(a\.txt|papers)/.test(path)).map(({ path }) => path).sort(), ['a.txt', 'papers', 'papers/b.txt'])
  await ground.shell('cat */file-2.dat > /dev/null')
})

await t.test('a file with the tokens that is gone, or damaged, is told to who reads what is not here', fuse, async (t) => {
  const { ground, browser } = await connected(t, 'tree:1x3x1000')
  await ground.mount()
  const [first, second, here] = (await ground.shell('find . -type f')).trim().split('\n') as [string, string, string]
  await ground.shell(`cat ${here} > /dev/null`)
  const path = join(ground.home, 'config', 'default', 'oauth.json')
  const grant = await grantText(ground)
  await browser.card({ endAccess: true })
  await rm(path)
  await t.test('not-connected → ENETUNREACH: the file is gone', (t) => t.rejects(readFile(ground.path(first)), { code: 'ENETUNREACH' }))
  await writeFile(path, '{')
  await t.test('profile-damaged → EIO: the file is damaged', (t) => t.rejects(readFile(ground.path(second)), { code: 'EIO' }))
  t.equal((await readFile(ground.path(here))).length, 1_000)
  await writeFile(path, grant)
})

await t.test('a refresh token that is dead says the same, and so does a pair lost on its way', fuse, async (t) => {
  const { ground, browser } = await connected(t, 'empty')
  await ground.ok('settings', 'uploadDelay', '0')
  await ground.mount()
  await ground.shell('ls')
  await ground.fault({ method: 'oauth.token', kind: 'lost-answer' })
  await browser.card({ endAccess: true })
  await ground.shell('echo edit > a.txt')
  const { errors, pendingUploads } = await until('status says to connect again', async () => {
    await ground.cli('sync', '--wait', '1')
    const now = await ground.json<Status>('status')
    return now.errors.some(({ code }) => code === 'bad-credentials') && now
  }, 40_000)
  t.match(errors, [{ path: null, message: /has ended: connect again/ }])
  t.equal(pendingUploads, 1)
  t.match(await connectByRedirect(starter(ground), browser, []), { code: 0 })
  await ground.ok('sync', '--wait', '60')
  t.ok(await ground.item('a.txt'))
})
