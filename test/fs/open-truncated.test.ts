/** A program that opens a file to overwrite it: what stands between the opening and the first byte is never sent. */
import t from 'tap'
import { WholeClient } from '../support/whole-client.js'

// [S-21]
await t.test('a file opened to be overwritten keeps its id on the portal: the empty moment is nobody else’s', async (t) => {
  const client = await WholeClient.start(t)
  const { id } = await client.act('write', { path: 'a.txt', content: 'one' })
  for (let turn = 2; turn < 40; turn += 1) {
    await client.write('a.txt', `turn ${turn}`)
    await client.core.upload.waitUntilIdle(AbortSignal.timeout(20_000))
    t.match((await client.tree()).get('a.txt'), { id, size: 5 + String(turn).length }, `turn ${turn}`)
  }
})

// [S-21]
await t.test('who has emptied a file and keeps it open, however long, has not sent the emptiness', async (t) => {
  const client = await WholeClient.start(t)
  const { id } = await client.act('write', { path: 'a.txt', content: 'one' })
  t.same(await client.list(), ['a.txt'])
  const file = await client.open('a.txt', { truncate: true })
  await client.core.upload.hurry()
  await client.until('the uploader has looked, and waits', async () => (await client.core.upload.queue()).some(({ state }) => state === 'being-written'))
  t.match((await client.tree()).get('a.txt'), { id, size: 3 }, 'the portal has the old one')
  await file.write(0, Buffer.from('another'))
  await file.close()
  await client.settle()
  t.match((await client.tree()).get('a.txt'), { id, size: 7, version: 2 })
})

// [S-21]
await t.test('nor who empties a file that another program has closed before', async (t) => {
  const client = await WholeClient.start(t)
  const { id } = await client.act('write', { path: 'a.txt', content: 'one' })
  const file = await client.open('a.txt')
  await client.write('a.txt', 'two!')
  await client.core.upload.waitUntilIdle(AbortSignal.timeout(20_000))
  await file.truncate(0)
  await client.until('the uploader has looked', async () => (await client.core.upload.queue()).every(({ state }) => state === 'being-written'))
  t.match((await client.tree()).get('a.txt'), { id, size: 4 }, 'the portal has the old one')
  await file.write(0, Buffer.from('three'))
  await file.close()
  await client.settle()
  t.match((await client.tree()).get('a.txt'), { id, size: 5 })
})

await t.test('a file emptied by one program while another keeps it open is sent when the first has closed it', async (t) => {
  const client = await WholeClient.start(t)
  await client.act('write', { path: 'a.log', content: 'old lines' })
  const logger = await client.open('a.log')
  const rotator = await client.open('a.log', { truncate: true })
  await rotator.close()
  await client.core.upload.waitUntilIdle(AbortSignal.timeout(20_000))
  t.match((await client.tree()).get('a.log'), { size: 0 })
  await logger.close()
})
