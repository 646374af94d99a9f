/** What goes wrong between here and the portal: answers that get lost, errors, resets, no room, no network. */
import t from 'tap'
import { countItems } from '../../src/mirror/counts.js'
import { forkNameOf, World } from './world.js'

await t.test('a lost answer of any request leads to exactly one effect', async (t) => {
  const world = await World.make(t)
  await world.act('mkdir', { path: 'd' })
  const ids: Record<string, string> = {}
  for (const path of ['version', 'rename', 'move', 'trash', 'd/x']) ids[path] = (await world.act('write', { path, content: path })).id
  await world.boot()
  for (const method of ['disk.folder.addsubfolder', 'upload', 'disk.file.uploadversion', 'disk.file.rename', 'disk.file.moveto', 'disk.file.markdeleted']) {
    await world.fault(method, 'lost-answer')
  }
  await world.files.mkdir('new')
  await world.files.write('new/file', 'file')
  await world.files.write('version', 'edited')
  await world.files.rename('rename', 'renamed')
  await world.files.rename('move', 'd/move')
  await world.files.remove('trash')
  await world.requests()
  await world.sync()
  const tree = await world.tree()
  t.same([...tree.keys()].sort(), ['d', 'd/move', 'd/x', 'new', 'new/file', 'renamed', 'version'])
  t.match(tree.get('version'), { id: ids.version, version: 2 })
  t.equal(tree.get('renamed')?.id, ids.rename)
  t.equal(tree.get('d/move')?.id, ids.move)
  t.equal(await world.content('new/file'), 'file')
  const { methods } = await world.requests()
  t.match(methods, { 'disk.folder.addsubfolder': 1, upload: 1, 'disk.file.uploadversion': 1 })
  t.same(world.notices, [])
})

await t.test('a lost answer is recognised although the file was written while it was being sent', async (t) => {
  const world = await World.make(t)
  world.maxVersionSizeBytes = 100 // and what is larger is replaced (6a.7)
  for (const path of ['version', 'replaced']) await world.act('write', { path, content: 'one' })
  await world.boot()
  for (const [path, method, padding] of [['version', 'disk.file.uploadversion', ''], ['new', 'upload', ''], ['replaced', 'upload', 'x'.repeat(100)]] as const) {
    await world.files.write(path, `before${padding}`)
    await world.fault(method, 'lost-answer')
    world.on.breaking.beforeWrite = async () => world.files.write(path, `during${padding}`)
    if (path === 'replaced') {
      const writeAgain = world.on.breaking.beforeWrite
      world.on.breaking.beforeWrite = () => {
        world.on.breaking.beforeWrite = writeAgain // the first request only trashes the old one
        return Promise.resolve()
      }
    }
    await world.sync()
    t.equal(await world.content(path), `during${padding}`)
  }
  t.same(await world.paths(), ['new', 'replaced', 'version'])
  t.same(world.notices.filter(({ kind }) => kind !== 'replaced'), [], 'nothing was taken for somebody else\'s')
})

await t.test('a lost answer is recognised by author and bytes: an equal name by somebody else is a conflict', async (t) => {
  const world = await World.make(t)
  await world.boot()
  await world.fault('upload', 'reset')
  await world.files.write('a', 'mine')
  world.on.breaking.beforeWrite = () => world.act('write', { path: 'a', content: 'them' })
  await world.sync()
  t.equal(await world.content('a'), 'them')
  t.equal(await world.content(forkNameOf(await world.paths(), 'a')), 'mine')
})

await t.test('on a portal whose answers have no time a lost answer is found out as well', async (t) => {
  const world = await World.make(t, { traits: { envelopeTime: 'absent' } })
  await world.boot()
  await world.fault('upload', 'lost-answer')
  await world.fault('disk.folder.addsubfolder', 'reset')
  await world.files.write('a', 'mine')
  await world.files.mkdir('d')
  await world.sync()
  t.same(await world.paths(), ['a', 'd'])
  t.equal((await world.requests()).methods.upload, 1, 'what was there was adopted')
})

await t.test('errors, pages of a front end and resets are tried again until it works, one never blocking another', async (t) => {
  const world = await World.make(t)
  await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.fault('disk.file.uploadversion', 'status', { status: 500, times: 3 })
  await world.fault('upload', 'html', { times: 2 })
  await world.fault('upload', 'reset')
  await world.fault('disk.folder.addsubfolder', 'status', { status: 403, error: 'ACCESS_DENIED' })
  await world.files.mkdir('d')
  await world.files.write('a', 'two')
  await world.files.write('b', 'b')
  await world.sync()
  t.same(await world.paths(), ['a', 'b', 'd'])
  t.match((await world.tree()).get('a'), { version: 2 })
  t.same(world.notices, [])
})

for (const [name, kind, fields] of [
  ['did not carry out', 'status', { status: 200, body: { result: false } }],
  ['did carry out', 'result-false', {}],
] as const) {
  await t.test(`O-11: a move within a storage that the portal ${name} and answers with false is made, once, and not taken back`, async (t) => {
    const world = await World.make(t)
    await world.act('mkdir', { path: 'd' })
    const { id } = await world.act('write', { path: 'a', content: 'a' })
    await world.boot()
    await world.fault('disk.file.moveto', kind, fields)
    await world.files.rename('a', 'd/a')
    world.upload.start()
    await world.until(async () => (await world.upload.errors()).length > 0)
    await world.files.rename('d/a', 'd/b') // a place of its own, that the outcome of the move must not touch
    await world.upload.hurry()
    await world.sync()
    t.same(await world.paths(), ['d', 'd/b'])
    t.equal((await world.tree()).get('d/b')?.id, id)
    t.same(world.notices, [])
  })
}

// [S-8]
await t.test('a full portal keeps the entry with its reason, and the others go on', async (t) => {
  const world = await World.make(t)
  await world.boot()
  await world.hook('limits', { quotaBytes: 10 })
  const big = await world.files.write('big', 'x'.repeat(100))
  await world.files.write('small', 'x')
  world.upload.start()
  await world.until(async () => (await world.upload.errors()).length > 0 && (await world.upload.pending()).count === 1)
  t.match(await world.upload.errors(), [{ ino: big, code: 'quota' }])
  t.match(await world.upload.pending(), { count: 1, bytes: 100 })
  t.same(await world.paths(), ['small'])
  await world.hook('limits', { quotaBytes: null })
  await world.upload.hurry()
  await world.sync()
  t.same(await world.paths(), ['big', 'small'])
})

await t.test('O-39: a name that is taken by something nobody can see is left after one distinct name', async (t) => {
  const world = await World.make(t)
  await world.boot()
  // Twice it may be a holder of ours that has just left the name.
  await world.fault('upload', 'status', { status: 400, error: 'DISK_OBJ_22000', times: 3 })
  await world.files.write('a', 'a')
  await world.sync()
  t.match(await world.paths(), [/^a \(conflict ada .*\)$/])
})

await t.test('a name that is refused once, because its holder leaves it in that moment, makes no conflict', async (t) => {
  const world = await World.make(t)
  await world.boot()
  await world.fault('upload', 'status', { status: 400, error: 'DISK_OBJ_22000' })
  await world.files.write('a', 'a')
  await world.sync()
  t.same(await world.paths(), ['a'])
})

await t.test('a name that is refused once, after requests that failed for other reasons, makes no conflict', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'b', content: 'b' })
  await world.boot()
  for (const method of ['upload', 'disk.file.rename']) {
    await world.fault(method, 'status', { status: 500, times: 2 })
    await world.fault(method, 'status', { status: 400, error: 'DISK_OBJ_22000' })
  }
  await world.files.write('a', 'a')
  await world.files.rename('b', 'c')
  await world.sync()
  t.same(await world.paths(), ['a', 'c'])
  t.equal((await world.tree()).get('c')?.id, id)
})

await t.test('6a.7: when the upload under the final name is refused, the old file comes back from the trash', async (t) => {
  const world = await World.make(t, { traits: { emptyMultipartFile: 'accepted' } })
  const { id } = await world.act('write', { path: 'a', content: 'full' })
  await world.boot()
  await world.fault('upload', 'status', { status: 400, error: 'DISK_FOLDER_22002' })
  await world.files.write('a', '')
  world.upload.start()
  await world.until(async () => (await world.upload.errors()).length > 0)
  t.match((await world.tree()).get('a'), { id, size: 4 })
  await world.upload.hurry()
  await world.sync()
  t.match((await world.tree()).get('a'), { size: 0 })
  t.match(world.notices, [{ kind: 'replaced', why: 'empty' }])
})

await t.test('offline burns no tries, and what is queued goes when the portal is back', async (t) => {
  const world = await World.make(t)
  await world.boot()
  world.upload.setOnline(false)
  await world.files.write('a', 'a')
  world.upload.start()
  await world.upload.hurry()
  t.match(await world.on.journal.entries(), [{ tries: 0, failure: null }])
  t.same(await world.paths(), [])
  world.upload.setOnline(true)
  await world.sync()
  t.same(await world.paths(), ['a'])
})

await t.test('a pause lets nothing begin', async (t) => {
  const world = await World.make(t)
  await world.boot()
  world.upload.setPaused(true)
  await world.files.write('a', 'a')
  await world.requests()
  world.upload.start()
  await world.upload.hurry()
  await t.rejects(world.upload.waitUntilIdle(AbortSignal.timeout(200)), { code: 'cancelled' })
  t.same((await world.requests()).methods, {})
  world.upload.setPaused(false)
  await world.sync()
  t.same(await world.paths(), ['a'])
})

// [S-12]
await t.test('6a.5: a file that stays open is sent after the last flush, and again after the next', async (t) => {
  const world = await World.make(t)
  await world.boot()
  const ino = await world.files.write('log', 'one')
  world.writers.set(ino, { open: true, lastFlushMs: null })
  world.upload.start()
  await world.until(async () => (await world.upload.queue())[0]?.state === 'being-written')
  t.same(await world.paths(), [])
  world.writers.set(ino, { open: true, lastFlushMs: world.clock.nowMs() })
  await world.sync()
  t.equal(await world.content('log'), 'one')
  await world.files.write('log', 'one two')
  world.writers.set(ino, { open: true, lastFlushMs: world.clock.nowMs() })
  await world.sync()
  t.equal(await world.content('log'), 'one two')
})

await t.test('a content written during its upload is sent again, and the version in between is no conflict', async (t) => {
  const world = await World.make(t)
  const { id } = await world.act('write', { path: 'a', content: 'one' })
  await world.boot()
  await world.files.write('a', 'two')
  world.on.breaking.beforeWrite = () => world.files.write('a', 'three')
  await world.sync()
  t.match((await world.tree()).get('a'), { id })
  t.equal(await world.content('a'), 'three')
  t.same(await world.paths(), ['a'])
  t.same(world.notices, [])
})

await t.test('a name on the way, given by a request whose outcome was never learnt, is not taken for somebody else\'s wish', async (t) => {
  const world = await World.make(t)
  await world.boot()
  await world.files.write('a', 'one')
  await world.files.mkdir('there')
  await world.sync()
  await world.act('rename', { path: 'a', name: 'a.~moving-0123abcd' }, 'owner')
  await world.files.rename('a', 'there/b')
  await world.sync()
  t.same(await world.paths(), ['there', 'there/b'])
  t.same(world.notices, [])
})

await t.test('a file deleted or renamed during its upload ends as it is here', async (t) => {
  const world = await World.make(t)
  await world.boot()
  await world.files.write('gone', 'gone')
  world.on.breaking.beforeWrite = () => world.files.remove('gone')
  await world.sync()
  t.same(await world.paths(), [])
  t.equal(await countItems(world.on.store.read), 1)
  await world.files.write('a', 'a')
  world.on.breaking.beforeWrite = () => world.files.rename('a', 'b')
  await world.sync()
  t.same(await world.paths(), ['b'])
  t.same(world.notices, [])
})

await t.test('a temporary file that is being sent when it is renamed over the original leaves nothing behind', async (t) => {
  const world = await World.make(t)
  await world.act('write', { path: 'a', content: 'old' })
  await world.boot()
  await world.files.write('a.tmp', 'new')
  world.on.breaking.beforeWrite = () => world.files.rename('a.tmp', 'a')
  await world.sync()
  t.same(await world.paths(), ['a'])
  t.equal(await world.content('a'), 'new')
})

await t.test('a restart goes on with everything, and a queue of many small files is emptied in order of their folders', async (t) => {
  const world = await World.make(t)
  await world.boot()
  for (let folder = 0; folder < 4; folder += 1) {
    await world.files.mkdir(`d${folder}`)
    for (let file = 0; file < 5; file += 1) await world.files.write(`d${folder}/f${file}`, `${folder}-${file}`)
  }
  await world.reboot()
  await world.sync()
  t.equal((await world.paths()).length, 24)
  t.same(await world.upload.pending(), { count: 0, bytes: 0 })
})
