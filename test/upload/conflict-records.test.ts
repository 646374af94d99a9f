/** Each way in which sending keeps a file twice leaves a record of whose the copy is, in the transaction that made it. */
import t from 'tap'
import { silentLog } from '../../src/base/log.js'
import { ConflictResolver } from '../../src/fs/conflict-resolver.js'
import { Handles } from '../../src/fs/handles.js'
import { Namespace } from '../../src/fs/namespace.js'
import { NodeTable } from '../../src/fs/nodes.js'
import { Hydrator } from '../../src/hydrate/hydrator.js'
import { readConflicts } from '../../src/mirror/conflicts.js'
import { World } from './world.js'

/** `[copy's bytes, original, side, why]`, oldest first. */
async function records(world: World): Promise<readonly (readonly [string | undefined, string | undefined, string, string])[]> {
  const { mirror, store } = world.on
  const tree = await world.files.tree()
  return Promise.all(
    (await readConflicts(store.read)).map(async ({ copy, original, side, why }) => {
      const [copyPath, originalPath] = await Promise.all([copy, original].map(async (ino) => (ino === null ? undefined : (await mirror.path(ino))?.join('/'))))
      return [tree.get(copyPath ?? '')?.text, originalPath, side, why] as const
    }),
  )
}

/** Whoever decides, on this computer without a mount. */
function resolver(world: World): ConflictResolver {
  const { store, mirror, journal, cache } = world.on
  const { clock } = world
  const namespace = new Namespace({ store, mirror, journal, cache, nodes: new NodeTable(), clock, uploadDelayMs: () => 0, isLocalOnlyName: () => false })
  const hydrator = new Hydrator({ drive: world.drive, cache, mirror, store, clock, log: silentLog, stallDeadlineMs: () => 20_000, onVersionMoved: () => undefined })
  const nothing = (): Promise<void> => Promise.resolve()
  return new ConflictResolver({ store, mirror, cache, hydrator, namespace, handles: new Handles(), watch: { ensureListed: nothing }, letGoOfClosed: nothing, onDelta: () => undefined })
}

await t.test('C7, C22, a rename to a taken name, and what steps aside for a file brought back (C9)', async (t) => {
  const world = await World.make(t)
  for (const path of ['edited', 'source', 'returns']) await world.act('write', { path, content: `${path} of before` })
  await world.boot()
  await world.files.write('edited', 'my edit')
  await world.act('write', { path: 'edited', content: 'their edit' })
  await world.sync()
  t.same(await records(world), [['my edit', 'edited', 'mine', 'edited-on-both-sides']])

  await world.files.write('edited', 'my second edit')
  await world.act('write', { path: 'edited', content: 'their second edit' })
  await world.sync()
  t.same(
    await records(world),
    [
      ['my edit', 'edited', 'mine', 'edited-on-both-sides'],
      ['my second edit', 'edited', 'mine', 'edited-on-both-sides'],
    ],
    'earlier ones are about what stands under the name now',
  )

  await world.files.write('new', 'my new one')
  await world.act('write', { path: 'new', content: 'their new one' })
  await world.files.write('source', 'my renamed one')
  await world.sync()
  world.upload.setPaused(true) // what follows meets on the portal, however slow this machine is
  await world.files.rename('source', 'target')
  await world.act('write', { path: 'target', content: 'their target' })
  await world.files.remove('returns')
  await world.files.write('returns', 'made again')
  await world.act('write', { path: 'returns', content: 'their edit' })
  world.upload.setPaused(false)
  await world.sync()
  t.same((await records(world)).slice(2).sort(), [
    ['made again', 'returns', 'mine', 'name-taken'],
    ['my new one', 'new', 'mine', 'name-taken'],
    ['my renamed one', 'target', 'mine', 'name-taken'],
  ])
})

await t.test('6a.3: bytes that a power loss may have torn, which a person takes for good before they were sent', async (t) => {
  const world = await World.make(t)
  await world.act('write', { path: 'a', content: 'good' })
  await world.boot()
  await world.files.write('a', 'torn')
  world.bootId = 'boot-2'
  await world.reboot()
  await world.fault('disk.folder.uploadfile', 'status', { status: 403, error: 'ACCESS_DENIED' })
  world.upload.start()
  await world.until(async () => (await world.upload.errors()).length > 0)
  t.same(await records(world), [['torn', 'a', 'mine', 'torn-by-power-loss']])

  const [conflict] = await readConflicts(world.on.store.read)
  await resolver(world).resolve(conflict!, 'mine', AbortSignal.timeout(10_000))
  await world.upload.hurry()
  await world.sync()
  t.same(await world.paths(), ['a'], 'it is not set aside once more')
  t.match((await world.tree()).get('a'), { version: 2 })
  t.equal(await world.content('a'), 'torn')
})

await t.test('6a.15: what slipped in is theirs, beside whoever goes on with the file', async (t) => {
  const world = await World.make(t, { traits: { fileHistory: true } })
  await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.write('a', 'mine')
  world.on.breaking.beforeWrite = () => world.act('write', { path: 'a', content: 'slipped in' })
  await world.sync()
  t.same(await records(world), [['slipped in', 'a', 'theirs', 'version-slipped-in']])
})
