import { stat, writeFile } from 'node:fs/promises'
import t from 'tap'
import { findMount } from '../../src/engine/mount-table.js'
import { skipWithout } from '../support/skip.js'
import { connected } from './run-program.js'

const fuse = skipWithout('fuse')

await t.test('a killed daemon: status still answers, unmount clears the folder', fuse, async (t) => {
  const home = await connected(t)
  const { json } = await home.run(['mount', '--json'])
  process.kill(Number(json.pid), 'SIGKILL')
  t.match(await home.run(['status', '--json']), { code: 0, json: { mounted: false, pid: null } })
  t.match(await home.run(['unmount', '--json']), { code: 0, json: { how: 'cleared' } })
  t.match(await home.run(['unmount']), { code: 3 })
})

await t.test('a frozen daemon: status says so in two seconds, unmount wants --force, and with it ends the daemon', fuse, async (t) => {
  const home = await connected(t)
  const { json } = await home.run(['mount', '--json'])
  process.kill(Number(json.pid), 'SIGSTOP')
  t.match(await home.run(['status']), { code: 1, stderr: /does not answer/ })
  t.match(await home.run(['mount']), { code: 1, stderr: /unmount --force/ })
  t.match(await home.run(['unmount']), { code: 1, stderr: /unmount --force/ })
  t.match(await home.run(['unmount', '--force', '--json']), { code: 0, json: { how: 'killed' } })
  t.match(await home.run(['mount']), { code: 0 })
})

await t.test("what keeps the daemon from starting is told by mount in the daemon's words", fuse, async (t) => {
  const home = await connected(t)
  await writeFile(home.path('home', 'state', 'default', 'drive.db'), 'this is not a database, and long enough to be looked at as one')
  t.match(await home.run(['mount', '--json']), { code: 1, stderr: /^elastic-drive: the database .* is damaged: [^\n]*rescue[^\n]*\n$/, json: { error: { code: 'database-damaged' } } })
  t.equal(await findMount(home.path('Drive')), undefined)
  t.equal((await stat(home.path('Drive'))).mode & 0o777, 0o555)
})
