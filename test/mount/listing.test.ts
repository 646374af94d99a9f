// The main job, acceptance 2: listing a whole drive costs few requests and no content.
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground } from './playground.js'

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('find over 10,000 files, from before connect, takes at most 25 requests, no 503 and not one content byte', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:500x20x2000', portalArguments: ['--latency', '50'], mounted: false })
  await ground.clearRequests()
  await ground.connect()
  await ground.mount()
  const found = await ground.shell(`find . -type f -printf '%s\\n' | sort | uniq -c`, 120_000)
  t.match(found.trim(), /^10000 2000$/)
  const requests = await ground.requests()
  t.comment(`requests: ${requests.total}, at most ${requests.peakPerSecond} a second`)
  t.ok(requests.total <= 25, `${requests.total} requests`)
  t.equal(requests.limited, 0, 'no 503')
  t.equal(requests.bytesDown, 0, 'no content byte')

  await ground.clearRequests()
  t.match((await ground.shell(`find . -type d | wc -l`)).trim(), '501')
  t.equal((await ground.requests()).total, 0, 'the second walk asks nothing')
})

// [S-40]
await t.test('a folder of 120 items is listed whole, in a batch for the pages after the first', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x120x10', mounted: false })
  await ground.connect()
  await ground.mount()
  await ground.clearRequests()
  const names = await ground.shell('cd */ && ls -U | wc -l')
  t.equal(names.trim(), '120')
  t.ok((await ground.requests()).total <= 4)
})
