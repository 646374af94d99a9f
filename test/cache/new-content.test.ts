// Content made here: file and row come to be side by side, and what a kill leaves between them does no harm.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import t from 'tap'
import { asContentId } from '../../src/base/ids.js'
import { INSERT_LOCAL } from '../../src/cache/content-rows.js'
import type { Content } from '../../src/cache/content.js'
import { cached, kill, openWorld, pattern, temporaryDirectory, type World } from './fixture.js'

const MAKE = { name: 'make_content', parameters: ['content_id', 'boot_id', 'opened_boot', 'now_ms'], statements: [INSERT_LOCAL] }

async function made(world: World): Promise<Content | undefined> {
  const local = world.cache.beginLocal(false)
  const content = await world.store.runScript({ script: MAKE, values: () => [local.id, world.cache.bootId, null, 0], answer: (_row, tx) => local.committedBy(tx) })
  if (content === undefined) await local.abandon()
  await local.file
  return content
}

await t.test('has its file when it is made, takes bytes, and is the same after a kill', async (t) => {
  const root = await temporaryDirectory(t)
  const world = await openWorld(t, root)
  const content = await made(world)
  t.ok(content)
  if (content === undefined) return
  t.equal((await stat(world.path(content.id))).size, 0)
  t.equal(content.needsDirtyMark, false)
  t.equal(world.cache.peek(content.id), content)
  await content.write(0, pattern(5_000))
  await kill(world, [content])
  const next = await openWorld(t, root)
  const again = await next.cache.acquire(content.id)
  t.equal(again.isDirty, true)
  t.same(await again.read(0, 5_000), pattern(5_000))
  await again.release()
})

await t.test('ids go on where they were, also after the last content is gone', async (t) => {
  const root = await temporaryDirectory(t)
  const world = await openWorld(t, root)
  const first = await cached(world, pattern(10))
  const last = await made(world)
  t.equal(last?.id, first + 1)
  await world.store.transact((tx) => world.cache.drop(tx, asContentId(first + 1)))
  await kill(world, last === undefined ? [] : [last])
  const next = await openWorld(t, root)
  t.equal(await cached(next, pattern(10)), first + 2)
})

await t.test('a row that does not come leaves no file', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t))
  const id = asContentId((await cached(world, pattern(10))) + 1)
  await world.store.transact((tx) => tx.run('INSERT INTO contents (id, size, complete, dirty) VALUES (?, 0, 1, 0)', id))
  t.equal(await made(world), undefined)
  await t.rejects(stat(world.path(id)), { code: 'ENOENT' })
})

await t.test('a file whose row did not come before a kill is out of the way, and never taken away from who has its id now', async (t) => {
  const root = await temporaryDirectory(t)
  const world = await openWorld(t, root)
  const first = await cached(world, pattern(10))
  await kill(world)
  const leftovers = [1, 2, 300].map((step) => world.path(asContentId(first + step)))
  for (const path of leftovers) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, 'left over')
  }
  const next = await openWorld(t, root)
  const contents = [await made(next), await made(next)] // while leftovers are being looked for
  for (const content of contents) await content?.write(0, Buffer.from('mine')) // waits until that is over
  t.same(await Promise.all(leftovers.slice(0, 2).map((path) => readFile(path, 'utf8'))), ['mine', 'mine'])
  await t.rejects(stat(leftovers[2] ?? ''), { code: 'ENOENT' })
  for (const content of contents) await content?.release()
})
