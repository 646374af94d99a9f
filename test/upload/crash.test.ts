/**
 * The process dies right before a request is sent, or after it was carried out and before its answer is recorded, at each
 * request of each kind of step (O-12, bitrix24-rest.md 6.6). After the next start everything is on the portal, once.
 */
import t, { type Test } from 'tap'
import { World, type TreeRow } from './world.js'

t.setTimeout(120_000) // a loaded machine is slow, not wrong

interface Story {
  readonly name: string
  readonly before?: (world: World) => Promise<unknown>
  readonly work: (world: World) => Promise<unknown>
  /** Path → content; null: a folder. */
  readonly result: Readonly<Record<string, string | null>>
  /** Version and whether the id stayed, by path. */
  readonly versions?: Readonly<Record<string, number>>
  readonly keepsIdFrom?: Readonly<Record<string, string>>
  /** Calls that carry content or make something, which must not be made twice. */
  readonly sends?: Readonly<Record<string, number>>
  readonly mayUseTemporaryName?: boolean
  readonly options?: (world: World) => void
}

const STORIES: readonly Story[] = [
  {
    name: 'a new folder with a file in it',
    work: async ({ files }) => {
      await files.mkdir('d')
      await files.write('d/f', 'text')
    },
    result: { d: null, 'd/f': 'text' },
    sends: { 'disk.folder.addsubfolder': 1, upload: 1 },
  },
  {
    name: 'a new file whose name the portal corrects',
    work: async ({ files }) => {
      await files.write('\u{1F600} note.txt', 'smile')
    },
    result: { '_ note.txt': 'smile' },
    sends: { upload: 1 },
  },
  { name: 'an empty new file', work: ({ files }) => files.write('e', ''), result: { e: '' }, sends: { upload: 1 } },
  {
    name: 'a new version',
    before: (world) => world.act('write', { path: 'a', content: 'one' }),
    work: ({ files }) => files.write('a', 'two!'),
    result: { a: 'two!' },
    versions: { a: 2 },
    keepsIdFrom: { a: 'a' },
    sends: { 'disk.file.uploadversion': 1 },
  },
  {
    name: 'a rename',
    before: (world) => world.act('write', { path: 'a', content: 'one' }),
    work: async ({ files }) => files.rename('a', 'b'),
    result: { b: 'one' },
    versions: { b: 1 },
    keepsIdFrom: { b: 'a' },
    sends: { 'disk.file.rename': 1 },
  },
  {
    name: 'a move with a rename and an edit',
    before: async (world) => {
      await world.act('mkdir', { path: 'd' })
      await world.act('write', { path: 'a', content: 'one' })
    },
    work: async ({ files }) => {
      await files.rename('a', 'd/b')
      await files.write('d/b', 'two')
    },
    result: { d: null, 'd/b': 'two' },
    versions: { 'd/b': 2 },
    keepsIdFrom: { 'd/b': 'a' },
    sends: { 'disk.file.rename': 1, 'disk.file.moveto': 1, 'disk.file.uploadversion': 1 },
  },
  {
    name: 'a deleted file and a deleted folder',
    before: async (world) => {
      await world.act('mkdir', { path: 'd' })
      await world.act('write', { path: 'd/a', content: 'one' })
      await world.act('write', { path: 'b', content: 'two' })
    },
    work: async ({ files }) => {
      await files.removeTree('d')
      await files.remove('b')
    },
    result: {},
    sends: { 'disk.file.markdeleted': 1, 'disk.folder.markdeleted': 1 },
  },
  {
    name: 'names swapped',
    before: async (world) => {
      await world.act('write', { path: 'a', content: 'A' })
      await world.act('write', { path: 'b', content: 'B' })
    },
    work: async ({ files }) => {
      await files.rename('a', 'c')
      await files.rename('b', 'a')
      await files.rename('c', 'b')
    },
    result: { a: 'B', b: 'A' },
    keepsIdFrom: { a: 'b', b: 'a' },
    sends: { 'disk.file.rename': 3 },
    mayUseTemporaryName: true,
  },
  {
    name: 'a rename over another file of the portal',
    before: async (world) => {
      await world.act('write', { path: 'a', content: 'A' })
      await world.act('write', { path: 'b', content: 'B' })
    },
    work: async ({ files }) => files.rename('b', 'a'),
    result: { a: 'B' },
    keepsIdFrom: { a: 'b' },
    sends: { 'disk.file.rename': 1, 'disk.file.markdeleted': 1 },
  },
  {
    name: 'a file emptied (6a.7)',
    before: (world) => world.act('write', { path: 'a', content: 'full' }),
    work: ({ files }) => files.write('a', ''),
    result: { a: '' },
    sends: { upload: 1 },
  },
  {
    name: 'a file grown too large for a version (6a.7)',
    before: (world) => world.act('write', { path: 'a', content: 'full' }),
    work: ({ files }) => files.write('a', 'x'.repeat(2_000)),
    result: { a: 'x'.repeat(2_000) },
    sends: { upload: 1 },
    options: (world) => {
      world.maxVersionSizeBytes = 1_000
    },
  },
]

for (const story of STORIES) {
  for (const when of ['before', 'after'] as const) {
    await t.test(`${story.name}: killed ${when} each request, it arrives once`, async (t) => {
      let deaths = 0
      for (let at = 0; ; at += 1) {
        const isLast = await killAndGoOn(t, story, { at, when })
        if (isLast) break
        deaths += 1
      }
      t.ok(deaths > 0, 'the process died at least once')
    })
  }
}

/** True when there were fewer requests than that. */
await t.test('what was made before a kill is found although a list comes empty, and follows the name that its row has by then', async (t) => {
  for (const kind of ['file', 'folder'] as const) {
    const world = await World.make(t)
    await world.boot({ at: 0, when: 'after' })
    await (kind === 'file' ? world.files.write('a', 'mine') : world.files.mkdir('a'))
    world.upload.start()
    await world.on.breaking.dead
    const [made] = [...(await world.tree()).values()]
    await world.reboot()
    await world.files.rename('a', 'b')
    world.clock.skip(3_600_000) // nothing is under way on the portal any more
    await world.fault('disk.folder.getchildren', 'empty')
    await world.sync()
    t.same([...(await world.tree()).values()].map(({ path, id }) => [path, id]), [['b', made?.id]], kind)
    await world.off()
  }
})

for (const isWorkedOn of [true, false]) {
  const fate = isWorkedOn ? 'stays when somebody has it open to write' : 'goes when nobody works on it'
  await t.test(`a row that a listing made of what we had sent before a kill, and renamed since, ${fate}`, async (t) => {
    const world = await World.make(t)
    await world.boot({ at: 0, when: 'after' })
    await world.files.write('a', 'mine')
    world.upload.start()
    await world.on.breaking.dead
    await world.reboot()
    await world.files.rename('a', 'b')
    await world.learn()
    const listed = await world.files.need('a')
    if (isWorkedOn) world.writers.set(listed.ino, { open: true, lastFlushMs: null })
    await world.sync()
    t.equal((await world.on.mirror.get(listed.ino)) !== undefined, isWorkedOn)
    t.same(await world.paths(), isWorkedOn ? ['a', 'b'] : ['b'])
    t.equal(await world.content('b'), 'mine')
    t.same(await world.on.journal.entries(), [])
  })
}

async function killAndGoOn(t: Test, story: Story, crash: { at: number; when: 'before' | 'after' }): Promise<boolean> {
  const world = await World.make(t, { traits: { emptyMultipartFile: 'accepted', uploadNames: 'repaired' } })
  story.options?.(world)
  await story.before?.(world)
  const old = await world.tree()
  await world.boot(crash)
  await story.work(world)
  await world.requests()
  world.upload.start()
  const idle = world.upload.waitUntilIdle(AbortSignal.timeout(30_000)).then(() => 'idle' as const, () => 'stopped' as const)
  const died = await Promise.race([idle, world.on.breaking.dead.then(() => 'died' as const)])
  const label = `${crash.when} ${crash.at}`
  if (died === 'died') {
    await world.reboot()
    await world.sync()
  }
  await idle
  const { methods, log } = await world.requests()
  if (story.mayUseTemporaryName !== true) t.notMatch(log, /moving-/, `${label}: no temporary name was sent`)
  if (died !== 'died' || crash.when === 'after') {
    for (const [method, count] of Object.entries(story.sends ?? {})) t.equal(methods[method], count, `${label}: ${method} was sent as often as needed`)
  }
  await check(t, world, story, old, label)
  await world.off()
  await world.portal.close()
  return died !== 'died'
}

async function check(t: Test, world: World, story: Story, old: ReadonlyMap<string, TreeRow>, label: string): Promise<void> {
  const tree = await world.tree()
  t.same([...tree.keys()].sort(), Object.keys(story.result).sort(), `${label}: what the portal has`)
  for (const [path, content] of Object.entries(story.result)) if (content !== null) t.equal(await world.content(path), content, `${label}: ${path}`)
  for (const [path, version] of Object.entries(story.versions ?? {})) t.equal(tree.get(path)?.version, version, `${label}: version of ${path}`)
  for (const [path, from] of Object.entries(story.keepsIdFrom ?? {})) t.equal(tree.get(path)?.id, old.get(from)?.id, `${label}: ${path} is the same object`)
  t.same(await world.on.journal.entries(), [], `${label}: nothing is left to send`)
  const here = await world.files.tree()
  t.same([...here.keys()].sort(), [...tree.keys()].sort(), `${label}: the same is shown here`)
  for (const [path, row] of tree) t.equal(here.get(path)?.id, row.id, `${label}: ${path} is known by its id`)
  t.same(world.notices.filter(({ kind }) => kind !== 'replaced'), [], `${label}: nobody is alarmed`)
}
