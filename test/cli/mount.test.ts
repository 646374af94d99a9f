import { once } from 'node:events'
import { open, readFile, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import t from 'tap'
import { findMount } from '../../src/engine/mount-table.js'
import { skipWithout } from '../support/skip.js'
import { connected } from './run-program.js'

const fuse = skipWithout('fuse')

await t.test('mount returns when the folder answers, and the folder is sealed again when it is unmounted', fuse, async (t) => {
  const home = await connected(t)
  const mounted = await home.run(['mount', '--json'])
  t.match(mounted, { code: 0, json: { mounted: true, folder: home.path('Drive'), readOnly: false, pid: Number } })
  t.equal((await stat(home.path('Drive', 'folder-1'))).isDirectory(), true)
  t.match(await home.run(['mount']), { code: 1, stderr: /mounted on .*Drive already/ })
  t.match(await home.run(['status', '--json']), { code: 0, json: { mounted: true, connection: 'online', pid: mounted.json.pid } })
  t.match(await home.run(['unmount', '--json']), { code: 0, json: { unmounted: true, how: 'asked', pendingUploads: 0 } })
  t.equal(await findMount(home.path('Drive')), undefined)
  t.equal((await stat(home.path('Drive'))).mode & 0o777, 0o555)
  t.match(await home.run(['mount']), { code: 0 }, 'and at once again')
})

await t.test('the webhook is in no argument list and no environment of the daemon', fuse, async (t) => {
  const home = await connected(t)
  const { json } = await home.run(['mount', '--json'])
  const secret = (await readFile(home.path('home', 'config', 'default', 'webhook'), 'utf8')).split('/').at(-2) ?? ''
  for (const file of ['cmdline', 'environ']) t.notMatch(await readFile(`/proc/${String(json.pid)}/${file}`, 'utf8'), secret)
})

await t.test('paths are taken from where the person stands, and the worst of them makes the exit code', fuse, async (t) => {
  const home = await connected(t)
  await home.run(['mount'])
  t.match(await home.run(['status', 'Drive', '--json']), { code: 0, json: { paths: [{ path: home.path('Drive'), kind: 'folder' }] } })
  const mixed = await home.run(['status', 'Drive/nope', 'Drive', '/etc/passwd', '--json'])
  t.match(mixed, { code: 1, json: { paths: [{ error: { code: 'not-found' } }, { kind: 'folder' }, { error: { code: 'not-found' } }] } })
})

await t.test('a paused drive: sync exits 3', fuse, async (t) => {
  const home = await connected(t)
  await home.run(['mount'])
  t.match(await home.run(['pause', '--json']), { code: 0, json: { connection: 'paused' } })
  t.match(await home.run(['sync', '--wait', '5']), { code: 3, stderr: /elastic-drive resume/ })
  t.match(await home.run(['resume', '--json']), { code: 0, json: { connection: 'online' } })
  t.match(await home.run(['sync', '--wait', '30', '--json']), { code: 0, json: { outcome: 'done' } })
})

await t.test('a folder in use stays mounted and the process is named; --force takes it away', fuse, async (t) => {
  const home = await connected(t)
  await home.run(['mount'])
  const held = await open(home.path('Drive', 'folder-1'))
  t.match(await home.run(['unmount', '--json']), { code: 1, stderr: new RegExp(`\\(${process.pid}\\)`), json: { unmounted: false, busy: [{ pid: process.pid }] } })
  t.match(await home.run(['unmount', '--force']), { code: 0 })
  await held.close().catch(() => undefined) // its file system is gone
  t.equal(await findMount(home.path('Drive')), undefined)
})

await t.test('in the foreground it says when the folder answers, and leaves cleanly at SIGINT', fuse, async (t) => {
  const home = await connected(t)
  const child = home.start(['mount', '--foreground', '--json'])
  t.teardown(() => child.kill('SIGKILL'))
  if (child.stdout === null) throw new Error('no output')
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  t.match(JSON.parse(line), { mounted: true, pid: child.pid })
  t.ok(await findMount(home.path('Drive')))
  child.kill('SIGINT')
  t.same(await once(child, 'close'), [0, null])
  t.equal(await findMount(home.path('Drive')), undefined)
})

await t.test('a webhook connected again while mounted is kept for the next mount, and another folder has to wait', fuse, async (t) => {
  const home = await connected(t)
  await home.run(['mount'])
  const webhook = await readFile(home.path('home', 'config', 'default', 'webhook'), 'utf8')
  t.match(await home.run(['connect', '-'], webhook), { code: 0, stdout: /Next: elastic-drive unmount, then elastic-drive mount$/m })
  t.match(await home.run(['connect', '-', '--folder', 'Other'], webhook), { code: 1, stderr: /is mounted on .*Drive: unmount it/ })
})
