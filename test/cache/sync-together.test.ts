// Many closed files reach the disk together: what the rows then say is what a reboot believes (DESIGN.md 6a.3).
import { appendFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { silentLog } from '../../src/base/log.js'
import type { Content } from '../../src/cache/content.js'
import { TogetherSync } from '../../src/cache/sync-together.js'
import { kill, local, openWorld, pattern, temporaryDirectory, type World } from './fixture.js'

const MANY = 40

async function many(world: World, count: number): Promise<Content[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => local(world, pattern(1_000 + index, index))))
}

function together(t: Test, { directory, store }: World): TogetherSync {
  const sync = new TogetherSync({ directory, store, log: silentLog })
  t.teardown(() => sync.close())
  return sync
}

for (const count of [3, MANY]) {
  await t.test(`${count} contents are synced, their rows say so, and a reboot believes them`, async (t) => {
    const root = await temporaryDirectory(t)
    const world = await openWorld(t, root)
    const contents = await many(world, count)
    await together(t, world).sync(contents)
    t.same(contents.filter(({ isSynced, needsPersist, needsDirtyMark }) => !isSynced || needsPersist || !needsDirtyMark), [])
    await kill(world, contents)
    const next = await openWorld(t, root, { bootId: 'boot-2' })
    const summaries = await next.cache.summary(contents.map(({ id }) => id))
    t.same([...summaries.values()].filter(({ suspect, dirty, complete }) => suspect || !dirty || !complete), [])
    for (const [index, { id }] of contents.entries()) {
      const again = await next.cache.acquire(id)
      t.same(await again.read(0, 2_000), pattern(1_000 + index, index))
      await again.release()
    }
  })
}

await t.test('what goes while the others are synced is left alone', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t))
  const contents = await many(world, MANY)
  const [dropped, ...others] = contents
  t.ok(dropped)
  if (dropped === undefined) return
  const syncing = together(t, world).sync(contents)
  await world.store.transact((tx) => world.cache.drop(tx, dropped.id))
  await syncing
  t.same(others.filter(({ isSynced }) => !isSynced), [])
  t.notOk((await world.cache.summary([dropped.id])).has(dropped.id))
  for (const content of contents) await content.release()
})

await t.test('a content that changes between the begin and the end of a sync is not called synced, whoever changed it', async (t) => {
  const world = await openWorld(t, await temporaryDirectory(t))
  const contents = await many(world, 3)
  const ends = await Promise.all(contents.map((content) => content.beginSync()))
  const [written, stored, quiet] = contents
  await written?.write(0, pattern(10, 7))
  await appendFile(world.path(stored!.id), 'more') // as a store through a mapping would
  t.same(await Promise.all(ends.map((end) => end())), [false, false, true])
  t.same([written?.isSynced, stored?.isSynced, quiet?.isSynced], [false, false, true])
  for (const content of contents) await content.release()
})
