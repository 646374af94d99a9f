// Folders that were moved into each other, one here and one on the portal: the portal's places win (C12), and both sides end the same.
import t from 'tap'
import { WholeClient } from '../support/whole-client.js'

const SIGNAL = new AbortController().signal

for (const [when, looksFirst] of [['before the own move is sent', true], ['only from the portal, when the own move is due', false]] as const) {
  await t.test(`the other move is learned ${when}`, async (t) => {
    const client = await WholeClient.start(t)
    for (const path of ['A/a.txt', 'B/b.txt', 'B/C/c.txt']) await client.act('write', { path, content: path })
    for (const path of ['A/a.txt', 'B/b.txt', 'B/C/c.txt']) await client.text(path)
    await client.core.setPaused(true)
    await client.rename('A', 'B/C/A')
    await client.act('move', { path: 'B', to: 'A' })
    if (looksFirst) await client.core.watch.syncAll(SIGNAL)
    await client.core.setPaused(false)
    for (let round = 0; round < 2; round += 1) {
      await client.core.watch.syncAll(SIGNAL)
      await client.settle()
    }
    t.same([...(await client.tree()).keys()].filter((path) => path !== '').sort(), ['A', 'A/B', 'A/B/C', 'A/B/C/c.txt', 'A/B/b.txt', 'A/a.txt'])
    t.same([await client.list(), await client.list('A'), await client.list('A/B'), await client.list('A/B/C')], [['A'], ['B', 'a.txt'], ['C', 'b.txt'], ['c.txt']])
    for (const [path, content] of [['A/a.txt', 'A/a.txt'], ['A/B/b.txt', 'B/b.txt'], ['A/B/C/c.txt', 'B/C/c.txt']] as const) t.equal(await client.text(path), content)
    t.same(await client.failures(), [])
    t.equal((await client.core.upload.pending()).count, 0)
  })
}
