// The webhook's secret after a full life of a mount with debug logging: in its own file, which is closed to others, and nowhere else.
import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, run, until, type Outcome } from './playground.js'

const fuse = skipWithout('fuse')

t.setTimeout(240_000)

await t.test('a full run with debug logging leaves the secret in its own file only', fuse, async (t) => {
  const ground = await Playground.start(t, { mounted: false, seed: 'tree:4x5x20000', portalArguments: ['--plan', 'self-hosted'] })
  const secret = new URL(ground.portal.webhook).pathname.split('/')[3] ?? ''
  t.match(secret, /^[a-z0-9]{10,}$/u)
  const said: string[] = []
  const cli = async (...args: readonly string[]): Promise<Outcome> => {
    const outcome = await ground.cli(...args)
    said.push(`${args.filter((arg) => !arg.includes(secret)).join(' ')}: ${outcome.stdout}${outcome.stderr}`)
    return outcome
  }
  const both = async (...args: readonly string[]): Promise<void> => {
    await cli(...args)
    await cli('--json', ...args)
  }

  await cli('connect', `${ground.portal.webhook.replace(/\/$/u, '')}x/y`, '--folder', ground.folder) // pasted wrongly
  await cli('connect', ground.portal.webhook.replace(secret, `${secret}z`), '--folder', ground.folder) // mistyped
  await cli('connect', ground.portal.webhook, '--folder', ground.folder)
  await cli('doctor', '--live')
  await cli('mount', '--debug')
  const pid = await ground.daemonPid()
  await noneIn(t, secret, `/proc/${pid}/cmdline`)
  await noneIn(t, secret, `/proc/${pid}/environ`)

  await ground.shell(`ls -R > /dev/null; cat folder-1/*.dat > /dev/null; echo new > new.txt; echo more >> folder-1/file-1.dat; mkdir deep; mv folder-2/file-1.dat deep/; rm folder-3/file-2.dat; getfattr -d . folder-1/file-1.dat 2>&1 || true`)
  await ground.act({ op: 'write', path: 'folder-1/file-1.dat', content: 'a colleague was faster' })
  await cli('sync', '--wait', '60')
  // Everything that a portal may answer, and what comes of it in words.
  for (const fault of [
    { method: '*', kind: 'status', status: 500, times: 2 },
    { method: '*', kind: 'html', status: 502, times: 2 },
    { method: '*', kind: 'reset', times: 2 },
    { method: 'download', kind: 'truncate', bytes: 100, times: 2 },
    { method: 'download', kind: 'html', status: 404, times: 4 },
    { method: 'upload', kind: 'lost-answer', times: 1 },
    { method: 'disk.file.uploadversion', kind: 'status', status: 400, error: 'DISK_FILE_22002', times: 2 },
  ]) {
    await ground.fault(fault)
    await ground.attempt('cat folder-4/*.dat > /dev/null; echo again >> new.txt; ls folder-4 > /dev/null')
    await cli('sync', '--wait', '3')
    await both('status')
    await ground.clearFaults()
  }
  await both('status', ground.path('new.txt'))
  await both('pin', ground.path('folder-4'))
  await both('free', ground.path('folder-1'))
  await both('settings')
  await both('doctor')
  await cli('pause')
  await ground.shell('echo unsent > unsent.txt')
  await both('status')
  await cli('rescue', join(ground.directory, 'rescued'))
  await cli('resume')
  await ground.hook('/account', { revoked: true })
  await ground.attempt('cat folder-4/file-5.dat; echo refused > refused.txt')
  await until('the status names the webhook', async () => (await ground.ok('status')).includes('webhook'), 40_000)
  await both('status')
  await both('doctor')
  await ground.hook('/account', { revoked: false })
  await cli('sync', '--wait', '30')
  await ground.stopPortal()
  await ground.attempt('echo offline > offline.txt; cat folder-4/file-1.dat > /dev/null')
  await both('status')
  await cli('unmount')

  const log = await readFile(join(ground.home, 'state', 'default', 'daemon.log'), 'utf8')
  t.match(log, /"msg":"the portal answered"/u, 'the log says what was asked')
  t.match(log, /\/rest\/1\/\*\*\*\//u, 'and hides the secret where it stood')
  t.ok(said.length > 40)
  t.same(said.filter((text) => text.includes(secret)), [], 'no command said it')
  const holders = await filesHolding(ground.home, secret)
  t.same(holders, [join('config', 'default', 'webhook')])
  t.equal((await stat(join(ground.home, 'config', 'default', 'webhook'))).mode & 0o777, 0o600)
  for (const directory of ['config/default', 'state/default', 'cache/default']) t.equal((await stat(join(ground.home, directory))).mode & 0o777, 0o700, directory)
  t.same(await filesHolding(join(ground.directory, 'rescued'), secret), [])
})

await t.test('the portal keeps the secret in files of its owner only', fuse, async (t) => {
  const ground = await Playground.start(t, { mounted: false })
  const found = await run('find', [join(ground.directory, 'portal'), '-perm', '/077'])
  t.equal(found.stdout, '')
})

async function noneIn(t: Test, secret: string, path: string): Promise<void> {
  t.notOk((await readFile(path)).includes(secret), path)
}

/** Every file below, read as bytes. */
async function filesHolding(directory: string, secret: string): Promise<readonly string[]> {
  const holding: string[] = []
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const bytes = entry.isFile() ? await readFile(path) : entry.isSymbolicLink() ? Buffer.from(await readlink(path)) : undefined
    if (bytes?.includes(secret) === true || entry.name.includes(secret)) holding.push(path.slice(directory.length + 1))
  }
  return holding.sort()
}
