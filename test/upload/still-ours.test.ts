/** What has left the synchronized tree on the portal is not written, renamed or deleted there, whoever looks first. */
import t from 'tap'
import { World } from './world.js'

const CHANGES = /add|upload|rename|move|copy|delete|restore/u

/** `common/` with files of the company's drive, connected. */
async function connected(test: Parameters<typeof World.make>[0]): Promise<{ world: World; storage: string; linkId: string }> {
  const world = await World.make(test)
  const storage = await world.commonDrive()
  for (const path of ['edited', 'renamed', 'deleted', 'sub/moved']) await world.act('write', { storage, path: `common/${path}`, content: path })
  const { id } = await world.act('connect', { storage, path: 'common' }, 'owner')
  await world.boot()
  return { world, storage, linkId: id }
}

async function changes(world: World): Promise<readonly string[]> {
  return Object.keys((await world.requests()).methods).filter((method) => CHANGES.test(method))
}

await t.test('C19, C20: below a link that was removed on the portal nothing is sent, though the right is still there', async (t) => {
  const { world, storage, linkId } = await connected(t)
  const before = await world.hook('tree')
  await world.files.write('common/edited', 'mine')
  await world.files.rename('common/renamed', 'common/other')
  await world.files.remove('common/deleted')
  await world.files.rename('common/sub/moved', 'common/moved')
  await world.files.write('common/new', 'new')
  await world.files.mkdir('common/made')
  await world.act('trash', { id: linkId }, 'owner')
  await world.requests()
  world.upload.start()
  await world.until(async () => (await world.upload.errors()).length === 6)
  t.same(new Set((await world.upload.errors()).map(({ code }) => code)), new Set(['vanished']))
  t.same(await changes(world), [])
  const others = (rows: unknown): unknown => (rows as { storage: string }[]).filter((row) => row.storage === storage)
  t.same(others(await world.hook('tree')), others(before))
})

await t.test('a tree that is sent below a link asks about the link once', async (t) => {
  const { world } = await connected(t)
  for (let each = 0; each < 20; each += 1) await world.files.write(`common/new ${each}`, String(each))
  await world.requests()
  await world.sync()
  const { methods } = await world.requests()
  t.equal(methods['disk.folder.uploadfile'], 20)
  t.equal(methods['disk.folder.get'], 1)
})

for (const [what, part] of [['a pause', (world: World, on: boolean) => { world.upload.setPaused(on) }], ['an outage', (world: World, on: boolean) => { world.upload.setOnline(!on) }]] as const) {
  await t.test(`after ${what}, however short, it is asked about anew`, async (t) => {
    const { world, storage, linkId } = await connected(t)
    await world.files.write('common/before', 'sent')
    await world.sync()
    part(world, true)
    await world.files.write('common/after', 'kept here')
    await world.act('trash', { id: linkId }, 'owner')
    part(world, false)
    world.upload.start()
    await world.until(async () => (await world.upload.errors()).length === 1)
    t.match(await world.upload.errors(), [{ code: 'vanished' }])
    const paths = ((await world.hook('tree')) as { storage: string; path: string }[]).filter((row) => row.storage === storage).map(({ path }) => path)
    t.ok(paths.includes('common/before'))
    t.notOk(paths.includes('common/after'))
  })
}

await t.test('C27: what was moved into "Uploaded files" is neither written nor deleted there', async (t) => {
  const world = await World.make(t)
  for (const path of ['edited', 'deleted']) await world.act('write', { path, content: path })
  await world.boot()
  await world.act('attach', { name: 'from a chat', content: 'sent' }, 'owner')
  await world.files.write('edited', 'mine')
  await world.files.remove('deleted')
  for (const path of ['edited', 'deleted']) await world.act('move', { path, to: 'Uploaded files' }, 'owner')
  await world.requests()
  world.upload.start()
  await world.until(async () => (await world.upload.errors()).length === 2)
  t.same((await world.upload.errors()).map(({ code }) => code), ['busy', 'busy'])
  t.same(await changes(world), [])
  t.equal(await world.content('Uploaded files/edited'), 'edited')
})
