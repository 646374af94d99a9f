/** What others do between two requests, with the whole client. */
import t from 'tap'
import { WholeClient } from '../support/whole-client.js'

const LARGE_BYTES = 24_000_000

await t.test('E-56: a file replaced between two ranges goes on as the version that was begun, and is new when it is opened anew', async (t) => {
  const client = await WholeClient.start(t, { seed: 'tree:1x1x24000000', traits: { fileHistory: true } })
  const path = 'folder-1/file-1.dat'
  t.same(await client.list('folder-1'), ['file-1.dat'])
  const { id } = [...(await client.tree()).values()].find(({ type }) => type === 'file')!
  const before = await client.remote(id)
  t.ok((await client.read(path, 0, 1000)).equals(before.subarray(0, 1000)))
  await client.act('write', { path, content: 'new' })
  t.ok((await client.read(path, LARGE_BYTES - 500_000, 1000)).equals(before.subarray(LARGE_BYTES - 500_000, LARGE_BYTES - 499_000)), 'the old bytes, from the history')
  await client.settle()
  t.equal(await client.text(path), 'new')
})

await t.test('E-56: a file replaced while its bytes are asked for is never kept as a mixture', async (t) => {
  const client = await WholeClient.start(t, { seed: 'tree:1x1x24000000' })
  const path = 'folder-1/file-1.dat'
  t.same(await client.list('folder-1'), ['file-1.dat'])
  const { id } = [...(await client.tree()).values()].find(({ type }) => type === 'file')!
  const before = await client.remote(id)
  t.ok((await client.read(path, 0, 1000)).equals(before.subarray(0, 1000)))
  await client.settle() // so that the next request is the reader's, not one that reads ahead
  await client.hook('faults', { method: 'download', kind: 'replaced' })
  await client.read(path, LARGE_BYTES - 500_000, 1000).catch((error: unknown) => {
    t.match(error, { code: 'vanished' })
  })
  const after = await client.remote(id)
  t.notOk(after.equals(before), 'it was replaced')
  const whole = await client.read(path).catch((error: unknown) => error)
  if (Buffer.isBuffer(whole)) t.ok(whole.equals(before) || whole.equals(after), 'one of the two')
  else t.match(whole, { code: 'vanished' })
  await client.settle()
  t.ok((await client.read(path)).equals(after))
})

await t.test('E-72: a name that is taken by what nobody is shown: the file goes under another name, and is kept', async (t) => {
  const client = await WholeClient.start(t)
  await client.act('write', { path: 'taken.txt', content: 'hidden' })
  await client.act('rights', { path: 'taken.txt', level: 'none' })
  t.same(await client.list(), [])
  await client.write('taken.txt', 'mine')
  await client.mkdir('taken')
  await client.settle()
  const tree = [...(await client.tree()).values()]
  t.equal(tree.length, 3)
  const own = tree.find(({ path, type }) => type === 'file' && path !== 'taken.txt')
  t.ok(own, JSON.stringify(tree.map(({ path }) => path)))
  t.equal((await client.remote(own!.id)).toString(), 'mine')
  t.same(await client.failures(), [])
})
