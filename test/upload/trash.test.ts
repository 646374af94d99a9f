/**
 * The trash of a file manager and the portal's: the same id goes and comes back, whatever happens in between, and nothing of
 * the trash here is ever named to the portal.
 */
import t, { type Test } from 'tap'
import { World } from './world.js'

interface Known {
  readonly world: World
  readonly id: (path: string) => string
}

/** These files are on both sides, with their bytes here; requests are counted from now on. */
async function both(t: Test, files: Readonly<Record<string, string>>): Promise<Known> {
  const world = await World.make(t)
  await world.boot()
  for (const [path, text] of Object.entries(files)) {
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
    for (const above of folder.split('/').map((_, depth, names) => names.slice(0, depth + 1).join('/'))) if (above !== '' && !(await world.files.has(above))) await world.files.mkdir(above)
    await world.files.write(path, text)
  }
  await world.sync()
  const tree = await world.tree()
  await world.reboot() // nothing is sent before the test says so
  await world.requests()
  return { world, id: (path) => tree.get(path)?.id ?? 'none' }
}

/** What the portal has and what is shown outside the trash are the same, by path and id; nothing waits; no name of the trash was sent. */
async function isEven(t: Test, world: World, expected: Readonly<Record<string, string | undefined>>): Promise<void> {
  const tree = await world.tree()
  const here = await world.files.tree()
  t.same(Object.fromEntries([...tree].map(([path, { id }]) => [path, id])), expected, 'what the portal has')
  t.same(Object.fromEntries([...here].filter(([path]) => !path.startsWith('.Trash')).map(([path, { id }]) => [path, id])), expected, 'what is shown here')
  t.same(await world.on.journal.entries(), [], 'nothing is left to send')
  await namesNoTrash(t, world)
}

async function namesNoTrash(t: Test, world: World): Promise<Readonly<Record<string, number>>> {
  const { methods, log } = await world.requests()
  t.notMatch(log, /\.Trash|trashinfo/, 'the portal hears no name of the trash')
  return methods
}

const CHANGING = /rename|moveto|markdeleted|restore|upload|addsubfolder|delete/

function changes(methods: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(methods).filter(([name]) => CHANGING.test(name)))
}

await t.test('taken out before it was sent, it costs no request', async (t) => {
  const { world, id } = await both(t, { a: 'one', 'd/b': 'two' })
  await world.files.trash('a')
  await world.files.trash('d')
  await world.files.untrash('a', 'a')
  await world.files.untrash('d', 'd')
  await world.sync()
  t.same((await world.requests()).methods, {})
  await isEven(t, world, { a: id('a'), d: id('d'), 'd/b': id('d/b') })
})

for (const phase of ['trash', 'restore'] as const) {
  for (const when of ['before', 'after'] as const) {
    await t.test(`killed ${when} each request of a ${phase}, the same ids go and come back, and nothing is done twice`, async (t) => {
      for (let at = 0, died = true; died; at += 1) {
        const { world, id } = await both(t, { a: 'one', 'd/b': 'two' })
        const crash = { at, when }
        await world.reboot(phase === 'trash' ? crash : undefined)
        await world.files.trash('a')
        await world.files.trash('d')
        died = await goOnAfterDeath(world)
        t.same(await world.paths(), [], `${at}: all of it is in the portal's trash`)
        t.same(await world.on.journal.entries(), [], `${at}: nothing is left to send`)
        if (phase === 'restore') await world.reboot(crash)
        await world.files.untrash('a', 'c')
        await world.files.untrash('d', 'd')
        died = (await goOnAfterDeath(world)) || died
        const methods = await namesNoTrash(t, world)
        if (!died || when === 'after') {
          t.same(changes(methods), { 'disk.file.markdeleted': 1, 'disk.folder.markdeleted': 1, 'disk.file.restore': 1, 'disk.folder.restore': 1, 'disk.file.rename': 1 }, `${at}: each request once`)
        }
        await isEven(t, world, { c: id('a'), d: id('d'), 'd/b': id('d/b') })
        t.equal((await world.files.tree()).get('c')?.text, 'one', `${at}: cached bytes are still here`)
        t.same(world.notices, [], `${at}: nobody is alarmed`)
        await world.off()
        await world.portal.close()
        t.ok(at > 0 || died, 'the process died at least once')
      }
    })
  }
}

/** Sends until all is sent or the process dies, then starts again and sends the rest. */
async function goOnAfterDeath(world: World): Promise<boolean> {
  world.upload.start()
  const idle = world.upload.waitUntilIdle(AbortSignal.timeout(30_000)).then(() => false, () => false)
  const died = await Promise.race([idle, world.on.breaking.dead.then(() => true)])
  if (died) {
    await world.reboot()
    await world.sync()
  }
  await idle
  return died
}

await t.test('an edit that was not sent waits in the trash with its bytes, and is a version of the same id afterwards', async (t) => {
  const { world, id } = await both(t, { a: 'one' })
  await world.files.write('a', 'two!')
  await world.files.trash('a')
  await world.sync()
  t.same(changes(await namesNoTrash(t, world)), { 'disk.file.markdeleted': 1 })
  t.same(await world.on.journal.entries(), [], 'nothing waits to be sent')
  await world.reboot()
  t.equal((await world.files.tree()).get('.Trash-0/files/a')?.text, 'two!')
  await world.files.untrash('a', 'a')
  await world.sync()
  t.equal(await world.content('a'), 'two!')
  t.equal((await world.tree()).get('a')?.version, 2)
  await isEven(t, world, { a: id('a') })
})

await t.test('what was never sent stays here while it is in the trash, and is sent when it is taken out', async (t) => {
  const { world } = await both(t, {})
  await world.files.mkdir('n')
  await world.files.write('n/a', 'one')
  await world.files.write('b', 'two')
  await world.files.trash('n')
  await world.files.trash('b')
  await world.sync()
  t.same((await world.requests()).methods, {}, 'no request')
  await world.reboot()
  await world.sync()
  await world.files.untrash('n', 'n')
  await world.files.untrash('b', 'b')
  await world.sync()
  t.same(await world.paths(), ['b', 'n', 'n/a'])
  t.equal(await world.content('n/a'), 'one')
  await namesNoTrash(t, world)
})

await t.test('purged from the portal\'s trash, it is sent again from the bytes that are here', async (t) => {
  const { world, id } = await both(t, { a: 'one', 'd/b': 'two' })
  await world.files.trash('a')
  await world.files.trash('d')
  await world.sync()
  await world.act('purge', { id: id('a') })
  await world.act('purge', { id: id('d') })
  await world.files.untrash('a', 'a')
  await world.files.untrash('d', 'd')
  await world.sync()
  t.same(await world.paths(), ['a', 'd', 'd/b'])
  t.equal(await world.content('d/b'), 'two')
  t.not((await world.tree()).get('a')?.id, id('a'))
  t.match(world.notices, [{ kind: 'recovered', name: 'a', why: 'gone-on-portal' }, { kind: 'recovered', name: 'd', why: 'gone-on-portal' }])
})

await t.test('purged, and its bytes are not here: the entry stays and says why', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a', content: 'never read here' })
  await world.boot()
  await world.files.trash('a')
  await world.sync()
  await world.act('purge', { id })
  await world.files.untrash('a', 'a')
  world.upload.start()
  await world.until(async () => (await world.upload.errors()).length > 0)
  t.match(await world.upload.errors(), [{ code: 'vanished' }])
  t.ok(await world.files.has('a'), 'and so does the file')
})

await t.test('where the right to restore is missing, it is sent again from the bytes that are here', async (t) => {
  const { world, id } = await both(t, { a: 'one' })
  await world.files.trash('a')
  await world.sync()
  await world.fault('disk.file.restore', 'status', { status: 403, error: 'ACCESS_DENIED' })
  await world.files.untrash('a', 'a')
  await world.sync()
  t.equal(await world.content('a'), 'one')
  t.not((await world.tree()).get('a')?.id, id('a'))
  t.match(world.notices, [{ kind: 'recovered', why: 'no-right' }])
})

await t.test('under a name that somebody took meanwhile, the portal\'s name for it is only passed through', async (t) => {
  const { world, id } = await both(t, { a: 'one' })
  await world.files.trash('a')
  await world.sync()
  const other = await world.act('write', { path: 'a', content: 'other' })
  await world.learn()
  await world.files.untrash('a', 'mine')
  await world.sync()
  await isEven(t, world, { a: other.id, mine: id('a') })
})

for (const when of ['before the request', 'while the request is on its way'] as const) {
  await t.test(`a file is deleted in a folder that was taken out of the trash, ${when}: it does not come back with it, and its name is free`, async (t) => {
    const { world, id } = await both(t, { 'd/e/a': 'one', 'd/e/b': 'two', 'd/c': 'three' })
    await world.files.trash('d')
    await world.sync()
    await world.reboot()
    await world.files.untrash('d', 'd')
    const work = async (): Promise<void> => {
      await world.files.remove('d/e/a')
      await world.files.write('d/e/a', 'new')
      await world.files.rename('d/c', 'c') // apart from the folder it came with
      await world.files.remove('c')
    }
    if (when === 'before the request') await work()
    else world.on.breaking.beforeWrite = work
    await world.sync()
    const anew = (await world.tree()).get('d/e/a')?.id
    t.not(anew, id('d/e/a'))
    await isEven(t, world, { d: id('d'), 'd/e': id('d/e'), 'd/e/a': anew, 'd/e/b': id('d/e/b') })
    t.same(world.notices, [])
  })
}

await t.test('an item taken out of a folder in the trash comes back alone, and the folder later without it', async (t) => {
  const { world, id } = await both(t, { 'd/a': 'one', 'd/b': 'two' })
  await world.files.trash('d')
  await world.sync()
  await world.files.untrash('d/a', 'a')
  await world.sync()
  await isEven(t, world, { a: id('d/a') })
  await world.files.untrash('d', 'd')
  await world.sync()
  await isEven(t, world, { a: id('d/a'), d: id('d'), 'd/b': id('d/b') })
})

await t.test('an item is taken out into a folder that was made anew under the name of the one in the trash', async (t) => {
  const { world, id } = await both(t, { 'd/a': 'one' })
  await world.files.trash('d')
  await world.sync()
  await world.files.mkdir('d')
  await world.files.untrash('d/a', 'd/a')
  await world.sync()
  const anew = (await world.tree()).get('d')?.id
  t.not(anew, id('d'))
  await isEven(t, world, { d: anew, 'd/a': id('d/a') })
})

await t.test('a folder is taken out and a part of it put into the trash again before that was sent: the part stays there on both sides', async (t) => {
  const { world, id } = await both(t, { 'd/a': 'one', 'd/b': 'two' })
  await world.files.trash('d')
  await world.sync()
  await world.reboot()
  await world.files.untrash('d', 'd')
  await world.files.trash('d/a')
  await world.sync()
  await isEven(t, world, { d: id('d'), 'd/b': id('d/b') })
  await world.files.untrash('a', 'd/a')
  await world.sync()
  await isEven(t, world, { d: id('d'), 'd/a': id('d/a'), 'd/b': id('d/b') })
})

await t.test('its folder was deleted meanwhile and is known to nobody: it comes back without it', async (t) => {
  const { world, id } = await both(t, { 'd/e/a': 'one', 'd/e/b': 'two' })
  await world.files.trash('d/e/a')
  await world.sync()
  await world.files.removeTree('d')
  await world.sync()
  await world.files.untrash('a', 'back')
  await world.sync()
  await isEven(t, world, { back: id('d/e/a') })
})

await t.test('an edit in a folder that is put into the trash is not lost, and neither is a new file', async (t) => {
  const { world, id } = await both(t, { 'd/a': 'one' })
  await world.files.write('d/a', 'two!')
  await world.files.write('d/new', 'new')
  await world.files.trash('d')
  await world.sync()
  t.same(await world.paths(), [])
  await world.files.untrash('d', 'd')
  await world.sync()
  t.equal(await world.content('d/a'), 'two!')
  t.equal(await world.content('d/new'), 'new')
  const tree = await world.tree()
  await isEven(t, world, { d: id('d'), 'd/a': id('d/a'), 'd/new': tree.get('d/new')?.id })
})

await t.test('a folder that holds what nobody here has seen comes back (6a.12), and so does a file that somebody changed (C9)', async (t) => {
  const { world, id } = await both(t, { 'd/a': 'one', b: 'two' })
  await world.act('write', { path: 'd/unseen', content: 'new' })
  await world.act('write', { path: 'b', content: 'newer' })
  await world.files.trash('d')
  await world.files.trash('b')
  await world.sync()
  t.same(await world.paths(), ['b', 'd', 'd/a', 'd/unseen'])
  t.equal((await world.files.need('d')).base?.id, id('d'))
  t.equal((await world.files.need('b')).contentId, null, 'the older bytes are not shown')
  t.notOk(await world.files.has('.Trash-0/info/b.trashinfo'), 'the note is gone')
  t.match([...world.notices].sort((one, other) => one.ino - other.ino), [{ kind: 'brought-back', name: 'd', why: 'holds-unseen-items' }, { kind: 'brought-back', name: 'b', why: 'changed-on-portal' }])
})

await t.test('changed on the portal and edited here before it was put into the trash, both are kept', async (t) => {
  const { world } = await both(t, { a: 'one' })
  await world.files.write('a', 'mine')
  await world.act('write', { path: 'a', content: 'theirs' })
  await world.files.trash('a')
  await world.sync()
  const paths = await world.paths()
  t.equal(paths.length, 2)
  t.same((await Promise.all(paths.map((path) => world.content(path)))).sort(), ['mine', 'theirs'])
})

await t.test('taken out while the request is on its way, it is restored', async (t) => {
  const { world, id } = await both(t, { a: 'one' })
  await world.files.trash('a')
  world.on.breaking.beforeWrite = () => world.files.untrash('a', 'a')
  await world.sync()
  t.same(changes((await world.requests()).methods), { 'disk.file.markdeleted': 1, 'disk.file.restore': 1 })
  await isEven(t, world, { a: id('a') })
})

await t.test('a part is taken out while the request for its folder is on its way: it comes back by its id', async (t) => {
  const { world, id } = await both(t, { 'd/a': 'one', 'd/b': 'two' })
  await world.files.trash('d')
  world.on.breaking.beforeWrite = () => world.files.untrash('d/a', 'a')
  await world.sync()
  await isEven(t, world, { a: id('d/a') })
  t.same(world.notices, [])
})

await t.test('renames in a folder, and moves between folders, that were not sent before these went to the trash, are sent when they are back', async (t) => {
  const { world, id } = await both(t, { 'd/a': 'one', 'e/b': 'two' })
  await world.files.rename('d/a', 'd/c')
  await world.files.rename('e/b', 'd/b')
  await world.files.trash('d')
  await world.sync()
  t.same(await world.paths(), ['e'])
  await world.files.untrash('d', 'd')
  await world.sync()
  await isEven(t, world, { d: id('d'), 'd/b': id('e/b'), 'd/c': id('d/a'), e: id('e') })
})

await t.test('what went to the trash by itself and was put back into its folder there comes back with it', async (t) => {
  const { world, id } = await both(t, { 'd/a': 'one', 'd/b': 'two' })
  await world.files.trash('d/a')
  await world.sync()
  await world.files.trash('d')
  await world.sync()
  await world.files.rename('.Trash-0/files/a', '.Trash-0/files/d/a')
  await world.sync()
  await world.files.untrash('d', 'd')
  await world.sync()
  await isEven(t, world, { d: id('d'), 'd/a': id('d/a'), 'd/b': id('d/b') })
})

await t.test('what was deleted in a folder before that went to the trash does not come back with it', async (t) => {
  const { world, id } = await both(t, { 'd/a': 'one', 'd/b': 'two' })
  await world.files.remove('d/a')
  await world.files.trash('d')
  await world.sync()
  await world.files.untrash('d', 'd')
  await world.sync()
  await isEven(t, world, { d: id('d'), 'd/b': id('d/b') })
})

await t.test('emptied here, the portal\'s trash keeps it and hears of nothing', async (t) => {
  const { world, id } = await both(t, { a: 'one', 'd/b': 'two' })
  await world.files.trash('a')
  await world.files.trash('d')
  await world.sync()
  await world.requests()
  await world.files.removeTree('.Trash-0')
  await world.sync()
  t.same((await world.requests()).methods, {})
  await world.act('restore', { id: id('d') }, 'owner')
  await world.act('restore', { id: id('a') }, 'owner')
  t.same(await world.paths(), ['a', 'd', 'd/b'])
})

await t.test('emptied before it was sent, it is in the portal\'s trash all the same', async (t) => {
  const { world, id } = await both(t, { a: 'one', 'd/b': 'two' })
  await world.files.trash('a')
  await world.files.trash('d')
  await world.files.removeTree('.Trash-0')
  await world.sync()
  t.same(changes((await world.requests()).methods), { 'disk.file.markdeleted': 1, 'disk.folder.markdeleted': 1 })
  await isEven(t, world, {})
  await world.act('restore', { id: id('d') }, 'owner')
  t.same(await world.paths(), ['d', 'd/b'])
})
