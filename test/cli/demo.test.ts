import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { findMount } from '../../src/engine/mount-table.js'
import { AS_NOBODY, openProgram, withDeviceMode } from '../support/ordinary-user.js'
import { skipWithout } from '../support/skip.js'
import { Home, PROGRAM } from './run-program.js'

t.setTimeout(240_000) // some thirty processes start one after the other, twice

await t.test('the demo takes its tour and leaves nothing behind', skipWithout('fuse'), async (t) => {
  const home = await Home.make(t)
  const { code, json, stderr } = await home.run(['demo', '--once', '--json'])
  t.equal(code, 0, stderr)
  t.match(json, { steps: Array, folder: String })
  t.equal(await findMount(String(json.folder)), undefined)
  await t.rejects(stat(String(json.folder)), { code: 'ENOENT' })
})

const asRoot = process.getuid?.() === 0 ? skipWithout('fuse') : { skip: 'the test above ran as an ordinary user' }

await t.test('an ordinary user, unlike root, must open the sealed folder to leave nothing behind', asRoot, async (t) => {
  await withDeviceMode(t, 0o666)
  const { node, find } = await openProgram(t)
  const [setpriv, ...asUser] = AS_NOBODY
  const { stdout } = await promisify(execFile)(setpriv, [...asUser, node, find(PROGRAM), 'demo', '--once', '--json'], { cwd: '/' })
  const { folder } = JSON.parse(stdout) as { folder: string }
  t.equal(await findMount(folder), undefined)
  await t.rejects(stat(folder), { code: 'ENOENT' })
})
