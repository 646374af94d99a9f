import { stat } from 'node:fs/promises'
import t from 'tap'
import { findMount } from '../../src/engine/mount-table.js'
import { skipWithout } from '../support/skip.js'
import { Home } from './run-program.js'

t.setTimeout(120_000) // some thirty processes start one after the other

await t.test('the demo takes its tour and leaves nothing behind', skipWithout('fuse'), async (t) => {
  const home = await Home.make(t)
  const { code, json, stderr } = await home.run(['demo', '--once', '--json'])
  t.equal(code, 0, stderr)
  t.match(json, { steps: Array, folder: String })
  t.equal(await findMount(String(json.folder)), undefined)
  await t.rejects(stat(String(json.folder)), { code: 'ENOENT' })
})
