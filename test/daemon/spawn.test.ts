import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FakeClock, systemClock } from '../../src/base/clock.js'
import { prepareDirectories, profilePaths } from '../../src/daemon/paths.js'
import { spawnDaemon, type SpawnOptions } from '../../src/daemon/spawn.js'

const uid = process.getuid?.() ?? 0

/** A program in the daemon's place: `script` runs when it has its orders. */
async function standIn(test: Test, script: string): Promise<SpawnOptions> {
  const home = await mkdtemp(join(tmpdir(), 'elastic-spawn-'))
  test.teardown(() => rm(home, { recursive: true, force: true }))
  const paths = profilePaths('default', { env: { ELASTIC_DRIVE_HOME: home }, homeDirectory: home, temporaryDirectory: home, uid, workingDirectory: home })
  await prepareDirectories(paths, uid)
  const mainPath = join(home, 'main.mjs')
  await writeFile(mainPath, `import { writeFileSync } from 'node:fs'\nprocess.once('message', (orders) => {\n${script}\n})\n`)
  return { paths, mount: { readOnly: true, allowOther: false, without: [] }, env: process.env, clock: systemClock, mainPath }
}

await t.test('a daemon that is up is left to itself: no terminal, own session, root directory, nothing of its profile in its arguments', async (t) => {
  const told = `{ arguments: process.argv.slice(2), directory: process.cwd(), mount: orders.mount, folder: orders.paths.profile }`
  const options = await standIn(t, `writeFileSync(orders.paths.logPath, JSON.stringify(${told}))\nprocess.send({ ready: true, pid: process.pid, folder: '/F' })`)
  const { pid, folder } = await spawnDaemon(options)
  t.equal(folder, '/F')
  t.ok(pid > 1)
  t.same(JSON.parse(await readFile(options.paths.logPath, 'utf8')), { arguments: ['default'], directory: '/', mount: options.mount, folder: 'default' })
  t.equal((await stat(options.paths.errorOutputPath)).mode & 0o777, 0o600)
})

await t.test('a daemon keeps its memory small unless its environment says otherwise', async (t) => {
  const told = `{ flags: process.execArgv, arenas: process.env.MALLOC_ARENA_MAX }`
  const script = `writeFileSync(orders.paths.logPath, JSON.stringify(${told}))\nprocess.send({ ready: true, pid: process.pid, folder: '/F' })`
  const usual = await standIn(t, script)
  await spawnDaemon(usual)
  t.match(JSON.parse(await readFile(usual.paths.logPath, 'utf8')), { flags: ['--optimize-for-size'], arenas: '2' })
  const chosen = await standIn(t, script)
  await spawnDaemon({ ...chosen, env: { ...process.env, MALLOC_ARENA_MAX: '7' } })
  t.match(JSON.parse(await readFile(chosen.paths.logPath, 'utf8')), { arenas: '7' })
})

await t.test('a daemon that cannot start says why, with its own code', async (t) => {
  const options = await standIn(t, `process.send({ ready: false, code: 'no-fuse-device', message: 'there is no /dev/fuse' })`)
  await t.rejects(spawnDaemon(options), { code: 'no-fuse-device', message: 'there is no /dev/fuse' })
})

await t.test('a daemon that dies before it is up is told, with where to look', async (t) => {
  const crashed = await standIn(t, `console.error('out of luck'); process.exit(7)`)
  await t.rejects(spawnDaemon(crashed), { code: 'internal', message: /exit code 7.*daemon\.stderr/ })
  t.equal(await readFile(crashed.paths.errorOutputPath, 'utf8'), 'out of luck\n')
  await t.rejects(spawnDaemon(await standIn(t, `process.kill(process.pid, 'SIGKILL')`)), { code: 'internal', message: /by SIGKILL/ })
})

await t.test('a person who gives up lets the daemon know', async (t) => {
  const options = await standIn(t, `process.on('disconnect', () => process.exit())\nwriteFileSync(orders.paths.logPath, String(process.pid))`)
  const given = new AbortController()
  const spawned = spawnDaemon({ ...options, signal: given.signal })
  given.abort()
  await t.rejects(spawned, { code: 'cancelled' })
})

await t.test('a folder that never answers is not waited for for ever', async (t) => {
  const clock = new FakeClock()
  const spawned = spawnDaemon({ ...(await standIn(t, `process.on('disconnect', () => process.exit())`)), clock })
  await Promise.all([t.rejects(spawned, { code: 'deadline', message: /daemon\.log/ }), clock.advance(120_000)])
})
