/**
 * Full synchronization (R11) without a mount: what it decides at each F-row of bitrix24-desktop-sync.md 11.2, what it does when
 * the portal fails in the middle, and what a daemon that dies on it leaves to the next one.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { asRemoteId, ROOT_INO } from '../../src/base/ids.js'
import { FULL_SYNC_FACT } from '../../src/daemon/full-sync.js'
import { noteUnselected } from '../../src/mirror/selection-rows.js'
import { startPortal } from '../../src/portal/portal.js'
import { PacedClock } from '../support/paced-clock.js'
import { withPortalTraits } from '../support/portal-traits.js'
import { WholeClient, type ClientPlace } from '../support/whole-client.js'

const NOT_ABORTED = new AbortController().signal
/** All that a synchronization goes by; what the cache notes by itself at its time is left out. */
const ROWS = ['* FROM items', '* FROM journal', '* FROM brake', "* FROM facts WHERE key <> 'lastSync'", 'id, size, dirty, origin_file, origin_version, origin_blob FROM contents']

const COLLEAGUE = '12'
const COMPANY = '13'

t.setTimeout(60_000)

/** Files in the own drive, listed; those named `cached…` have their bytes here. Then nothing is sent or looked for. */
async function parted(t: Pick<Test, 'teardown'>, paths: readonly string[]): Promise<WholeClient> {
  const client = await WholeClient.start(t)
  await part(client, paths)
  return client
}

async function part(client: WholeClient, paths: readonly string[]): Promise<void> {
  for (const path of paths) await client.act('write', { path, content: `first ${path}` })
  await client.settle()
  for (const path of paths) {
    await client.node(path)
    if (path.includes('cached')) await client.read(path)
  }
  await client.settle()
  await client.core.setPaused(true)
}

/** A portal and a directory that outlive a client. */
async function lastingPlace(t: Pick<Test, 'teardown'>): Promise<ClientPlace> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-full-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const clock = new PacedClock(10)
  const portal = await startPortal(withPortalTraits({ clock: { ...systemClock, nowMs: () => clock.nowMs() } }))
  t.teardown(() => portal.close())
  await fetch(`${portal.hooks}/limits`, { method: 'POST', body: JSON.stringify({ off: true }) })
  return { portal, directory, clock, rest: clock, uploadDelaySeconds: 0, bootId: 'a boot' }
}

function rows({ core }: WholeClient): Promise<unknown> {
  return Promise.all(ROWS.map((what) => core.store.read.all(`SELECT ${what} ORDER BY 1`)))
}

/** Without the host and time of conflict copies. */
function plain(path: string): string {
  return path.replaceAll(/ \(conflict [^()]*\)/gu, ' (conflict)')
}

async function met(client: WholeClient): Promise<void> {
  await client.core.fullSync.run(NOT_ABORTED)
  await client.core.setPaused(false)
  await client.settle()
}

await t.test('deleted there: what is here whole is uploaded again with its folder, what is not here whole goes', async (t) => {
  const client = await parted(t, ['cached.txt', 'listed.txt', 'folder/inner/cached.txt', 'folder/listed.txt', 'empty/listed.txt', 'stays.txt'])
  const before = await client.tree()
  await client.write('empty/.~lock.listed.txt#', 'a mark of a program goes with its folder')
  for (const path of ['cached.txt', 'listed.txt', 'folder', 'empty']) await client.act('trash', { path })
  const { contentId } = (await client.core.mirror.find(['cached.txt']))!
  await client.core.fullSync.run(NOT_ABORTED)
  t.equal(await client.core.cache.evict(contentId!), false, 'the only copy is not given away, before it is sent')
  await client.core.setPaused(false)
  await client.settle()
  t.same([...(await client.tree()).keys()].sort(), ['cached.txt', 'folder', 'folder/inner', 'folder/inner/cached.txt', 'stays.txt'])
  t.not((await client.tree()).get('cached.txt')?.id, before.get('cached.txt')?.id, 'F2: a new object')
  t.same(await client.list(), ['cached.txt', 'folder', 'stays.txt'], 'F3')
  t.same(await client.list('folder'), ['inner'])
  t.equal(await client.text('folder/inner/cached.txt'), 'first folder/inner/cached.txt')
  t.same(await client.failures(), [])
})

await t.test('deleted here and not sent: it is shown again, under the same id and inode, and stays on the portal', async (t) => {
  const client = await parted(t, ['cached.txt', 'listed.txt', 'folder/cached.txt', 'both.txt'])
  const before = await client.tree()
  const inode = (await client.core.mirror.find(['listed.txt']))?.ino
  for (const path of ['cached.txt', 'listed.txt', 'folder/cached.txt', 'both.txt']) await client.unlink(path)
  await client.rmdir('folder')
  await client.act('trash', { path: 'both.txt' })
  await met(client)
  t.same(await client.list(), ['cached.txt', 'folder', 'listed.txt'], 'F1, F4')
  t.equal(await client.text('folder/cached.txt'), 'first folder/cached.txt')
  t.equal((await client.core.mirror.find(['listed.txt']))?.ino, inode)
  const after = await client.tree()
  for (const path of ['cached.txt', 'listed.txt', 'folder/cached.txt']) t.equal(after.get(path)?.id, before.get(path)?.id, path)
})

await t.test('on both sides: what differs is kept twice, what is equal is one, and nothing is fetched that is known', async (t) => {
  const client = await parted(t, ['cached edited.txt', 'cached old.txt', 'cached both.txt', 'cached equal.txt', 'cached same.txt', 'listed.txt', 'again.txt', 'kind.txt'])
  const before = await client.tree()
  for (const path of ['cached edited.txt', 'cached both.txt', 'new.txt', 'kind']) await client.write(path, `mine ${path}`)
  await client.write('cached equal.txt', 'the same')
  await client.unlink('again.txt')
  await client.write('again.txt', 'first again.txt')
  for (const path of ['cached old.txt', 'cached both.txt', 'listed.txt']) await client.act('write', { path, content: `theirs ${path}` })
  await client.act('write', { path: 'cached equal.txt', content: 'the same' })
  await client.act('mkdir', { path: 'kind' })
  await met(client)
  const names = await client.list()
  t.same(names.map(plain).sort(), ['again.txt', 'cached both (conflict).txt', 'cached both.txt', 'cached edited (conflict).txt', 'cached edited.txt', 'cached equal.txt', 'cached old (conflict).txt', 'cached old.txt', 'cached same.txt', 'kind', 'kind (conflict)', 'kind.txt', 'listed.txt', 'new.txt'])
  t.equal(await client.text('cached edited.txt'), 'first cached edited.txt', 'F6: the portal keeps the name')
  t.equal(await client.text('cached old.txt'), 'theirs cached old.txt')
  t.equal(await client.text(names.find((name) => name.startsWith('cached old (conflict'))!), 'first cached old.txt', 'F6: and what was here is beside it')
  t.equal(await client.text(names.find((name) => name.startsWith('kind (conflict'))!), 'mine kind', 'F8')
  const after = await client.tree()
  for (const path of ['again.txt', 'cached equal.txt', 'cached same.txt']) t.equal(after.get(path)?.id, before.get(path)?.id, `F5: ${path}`)
  t.equal(after.get('again.txt')?.version, 1)
  t.equal(after.get('cached equal.txt')?.version, 2, 'theirs')
  t.same([...after.keys()].sort(), names)
  t.same(await client.failures(), [])
})

await t.test('deleted here and made again before that was sent: a folder is the one that the portal has, with what is in both', async (t) => {
  const client = await parted(t, ['folder/cached.txt', 'folder/stays.txt'])
  const before = await client.tree()
  for (const path of ['folder/cached.txt', 'folder/stays.txt']) await client.unlink(path)
  await client.rmdir('folder')
  await client.mkdir('folder')
  await client.write('folder/cached.txt', 'mine')
  await met(client)
  const after = await client.tree()
  t.same([...after.keys()].map(plain).sort(), ['folder', 'folder/cached (conflict).txt', 'folder/cached.txt', 'folder/stays.txt'])
  for (const path of ['folder', 'folder/cached.txt', 'folder/stays.txt']) t.equal(after.get(path)?.id, before.get(path)?.id, path)
  t.same(await client.list('folder'), [...after.keys()].filter((path) => path.startsWith('folder/')).map((path) => path.slice('folder/'.length)).sort())
  t.equal(await client.text('folder/cached.txt'), 'first folder/cached.txt')
  t.same(await client.failures(), [])
})

await t.test('moved or renamed on either side it is the same object: nothing is uploaded, and names and inodes follow as ever', async (t) => {
  const client = await parted(t, ['cached renamed there.txt', 'cached moved there.txt', 'cached moved here.txt', 'old/cached out.txt', 'old/cached in.txt', 'new/stays.txt'])
  const before = await client.tree()
  const inode = async (...names: readonly string[]): Promise<unknown> => (await client.core.mirror.find(names))?.ino
  const inodes = [await inode('cached renamed there.txt'), await inode('old', 'cached out.txt')]
  await client.act('rename', { path: 'cached renamed there.txt', name: 'named.txt' })
  await client.act('move', { path: 'cached moved there.txt', to: 'new' })
  await client.act('move', { path: 'old/cached out.txt', to: 'new' })
  await client.act('trash', { path: 'old' })
  await client.rename('cached moved here.txt', 'new/here.txt')
  await met(client)
  const after = await client.tree()
  t.same([...after.keys()].sort(), ['named.txt', 'new', 'new/cached moved there.txt', 'new/cached out.txt', 'new/here.txt', 'new/stays.txt', 'old', 'old/cached in.txt'])
  for (const [path, was] of [['named.txt', 'cached renamed there.txt'], ['new/cached moved there.txt', 'cached moved there.txt'], ['new/cached out.txt', 'old/cached out.txt'], ['new/here.txt', 'cached moved here.txt']] as const) {
    t.equal(after.get(path)?.id, before.get(was)?.id, path)
    t.equal(await client.text(path), `first ${was}`)
  }
  t.same([await inode('named.txt'), await inode('new', 'cached out.txt')], inodes)
})

await t.test('moved out of a folder that was deleted here, and deleted there: it is uploaded again, and the folder is shown', async (t) => {
  const client = await parted(t, ['folder/cached.txt', 'folder/other.txt'])
  const before = await client.tree()
  await client.rename('folder/cached.txt', 'out.txt')
  await client.unlink('folder/other.txt')
  await client.rmdir('folder')
  await client.act('trash', { path: 'folder/cached.txt' })
  await met(client)
  const after = await client.tree()
  t.same([...after.keys()].sort(), ['folder', 'folder/other.txt', 'out.txt'])
  t.equal(after.get('folder/other.txt')?.id, before.get('folder/other.txt')?.id)
  t.equal(await client.text('out.txt'), 'first folder/cached.txt')
})

await t.test('in the trash of a file manager and not yet in that of the portal: back where it was, and what is gone there stays in the trash', async (t) => {
  const client = await parted(t, ['cached.txt', 'gone.txt', 'folder/cached.txt'])
  const before = await client.tree()
  const trash = `.Trash-${process.getuid?.() ?? 0}`
  for (const folder of [trash, `${trash}/files`, `${trash}/info`]) await client.mkdir(folder)
  for (const name of ['cached.txt', 'gone.txt', 'folder']) {
    await client.write(`${trash}/info/${name}.trashinfo`, `[Trash Info]\nPath=${name}\nDeletionDate=2026-01-01T00:00:00\n`)
    await client.rename(name, `${trash}/files/${name}`)
  }
  await client.act('trash', { path: 'gone.txt' })
  await met(client)
  t.same((await client.list()).filter((name) => !name.startsWith('.')), ['cached.txt', 'folder'], 'F1')
  t.same(await client.list(`${trash}/files`), ['gone.txt'], 'F4')
  t.same(await client.list(`${trash}/info`), ['gone.txt.trashinfo'])
  const after = await client.tree()
  for (const path of ['cached.txt', 'folder', 'folder/cached.txt']) t.equal(after.get(path)?.id, before.get(path)?.id, path)
  t.equal(await client.text('folder/cached.txt'), 'first folder/cached.txt')
})

await t.test('a dry run changes nothing, here and there, and sends nothing but questions', async (t) => {
  const client = await parted(t, ['cached.txt', 'listed.txt', 'deleted.txt', 'cached old.txt', 'cached longer.txt', 'folder/cached.txt'])
  await client.act('trash', { path: 'cached.txt' })
  await client.act('trash', { path: 'listed.txt' })
  await client.act('trash', { path: 'folder' })
  await client.act('write', { path: 'cached old.txt', content: 'FIRST cached old.txt' })
  await client.act('write', { path: 'cached longer.txt', content: 'much longer than before' })
  await client.act('write', { path: 'new there.txt', content: 'new' })
  await client.unlink('deleted.txt')
  await client.write('new here.txt', 'new')
  const here = await rows(client)
  const there = await client.tree()
  await fetch(`${client.portal.hooks}/requests`, { method: 'DELETE' })
  const { gone, differing, back, made, unseen, merged, moved } = await client.core.fullSync.compare(NOT_ABORTED)
  t.same(gone.map(({ row, stays }) => [row.name, stays]), [['cached.txt', true], ['listed.txt', false], ['cached.txt', true], ['folder', true]])
  t.same(differing.map(({ row }) => row.name), ['cached old.txt', 'cached longer.txt'])
  t.same(back.map(({ base }) => base.name), ['deleted.txt'])
  t.same(made.map(({ item, against }) => [item.name, against]), [['new here.txt', undefined]])
  t.match({ unseen, moved, merged }, { unseen: 1, moved: [], merged: { files: 0, folders: 0 } })
  t.same(await rows(client), here, 'not a row')
  t.same(await client.tree(), there)
  const { methods } = (await client.hook('requests')) as { methods: Readonly<Record<string, number>> }
  t.same(Object.keys(methods).filter((method) => !/^(batch|disk\.(folder\.getchildren|file\.get|folder\.get))$/u.test(method)), [])
})

for (const [what, kept] of [['and stays', 'work/cached.txt'], ['and goes', 'work/listed.txt']] as const) {
  await t.test(`F9: what is not wanted and not cleared away yet is not uploaded, when the folder around it was deleted there ${what}`, async (t) => {
    const client = await parted(t, [kept, 'work/left out/cached.txt', 'work/left out/inner/cached.txt'])
    const { store, mirror, watch } = client.core
    const { ino, base } = (await mirror.find(['work', 'left out']))!
    // As `deselect` leaves it before the rows below go.
    await store.transact(async (tx) => {
      await noteUnselected(tx, [base!.id])
      await mirror.update(tx, await mirror.needIn(tx, ino), { excluded: true, listedMs: null })
    })
    await client.act('trash', { path: 'work' })
    await client.core.fullSync.run(NOT_ABORTED)
    watch.selection.start()
    await client.core.setPaused(false)
    await client.settle()
    await watch.syncAll(NOT_ABORTED)
    const staying = kept.includes('cached') ? ['work', kept] : []
    t.same([...(await client.tree()).keys()].sort(), staying)
    t.same(await client.list(), staying.slice(0, 1))
    t.equal((await store.read.get('SELECT count(*) AS n FROM items'))?.n, 1 + staying.length, 'no row is left of it')
    t.same(await client.failures(), [])
  })
}

for (const [what, trashed, fault] of [
  ['a listing fails', ['cached.txt'], { method: 'disk.folder.getchildren', kind: 'status', status: 500, times: 1_000 }],
  ['the listing of one folder fails', ['two/cached.txt'], { method: 'disk.folder.getchildren', kind: 'status', status: 400, error: 'ERROR_CORE', after: 1, times: 1_000 }],
  ['the second half of the drive is not told', ['one'], { method: 'disk.folder.getchildren', kind: 'reset', after: 2, times: 1_000 }],
  ['the question about an item fails', ['cached.txt'], { method: 'disk.file.get', kind: 'status', status: 400, error: 'ERROR_CORE', times: 1_000 }],
  ['the question about what was in a folder fails', ['one'], { method: 'disk.file.get', kind: 'status', status: 400, error: 'ERROR_CORE', times: 1_000 }],
] as const) {
  await t.test(`${what}: it is not in effect, and nothing was changed`, async (t) => {
    const client = await parted(t, ['cached.txt', 'one/cached.txt', 'two/cached.txt'])
    for (const path of trashed) await client.act('trash', { path })
    const here = await rows(client)
    await client.hook('faults', fault)
    await t.rejects(client.core.fullSync.run(NOT_ABORTED))
    t.same(await rows(client), here)
    await fetch(`${client.portal.hooks}/faults`, { method: 'DELETE' })
    await client.core.drive.rest.probe() // a portal that was away is looked for by itself only later
    await met(client)
    t.same([...(await client.tree()).keys()].sort(), ['cached.txt', 'one', 'one/cached.txt', 'two', 'two/cached.txt'], 'and done again it does what it should')
  })
}

await t.test('an empty list where there were items proves nothing', async (t) => {
  const client = await parted(t, ['cached.txt', 'listed.txt'])
  const before = await client.tree()
  await client.hook('faults', { method: 'disk.folder.getchildren', kind: 'empty', times: 1 })
  await met(client)
  t.same(await client.tree(), before)
  t.same(await client.list(), ['cached.txt', 'listed.txt'])
})

await t.test('a folder that somebody looks into meanwhile is shown, and takes nothing away that was decided to stay', async (t) => {
  const client = await parted(t, ['cached out.txt', 'folder/stays.txt'])
  const { mirror, watch } = client.core
  // Moved there by a colleague into a folder of which nothing else is known: it has a row and was never listed.
  await client.core.setPaused(false)
  await client.act('mkdir', { path: 'new' })
  await client.act('move', { path: 'cached out.txt', to: 'new' })
  await watch.syncAll(NOT_ABORTED)
  await client.core.setPaused(true)
  const { ino, listedMs } = (await mirror.find(['new']))!
  t.equal(listedMs, null)
  await client.act('trash', { path: 'new/cached out.txt' })
  await client.act('write', { path: 'new/there.txt', content: 'there' })
  const follow = watch.follow.bind(watch)
  Object.assign(watch, {
    follow: async (...args: Parameters<typeof follow>) => {
      await watch.ensureListed(ino, NOT_ABORTED)
      t.ok(await mirror.find(['new', 'there.txt']))
      return follow(...args)
    },
  })
  await met(client)
  t.same([...(await client.tree()).keys()].sort(), ['folder', 'folder/stays.txt', 'new', 'new/cached out.txt', 'new/there.txt'], 'F2')
  t.equal(await client.text('new/cached out.txt'), 'first cached out.txt')
})

await t.test('disconnecting a storage does not wait for it, and what was hidden behind is shown by the look after it', async (t) => {
  const client = await WholeClient.start(t)
  const { drive, connections, watch } = client.core
  await client.act('mkdir', { storage: COMPANY, path: 'shared/inner' })
  for (const path of ['shared', 'shared/inner']) {
    const { id } = [...(await client.tree(COMPANY))].find(([at]) => at === path)![1]
    const folder = await drive.drive.getFolder(asRemoteId(id), { priority: 'interactive' })
    await connections.connect(folder, { source: path, title: folder.name }, NOT_ABORTED)
    await client.list('shared')
  }
  t.same(await client.list(), ['shared'], 'the inner one is shown there')
  const release = await watch.hold(NOT_ABORTED)
  await connections.disconnect((await client.core.mirror.find(['shared']))!, AbortSignal.timeout(10_000))
  t.same(await client.list(), [])
  release()
  await watch.syncAll(NOT_ABORTED)
  t.same(await client.list(), ['inner'])
})

const STEPS: readonly (readonly [string, (client: WholeClient, die: () => Promise<never>) => void])[] = [
  ['before anything was carried out', ({ core }, die) => Object.assign(core.upload, { takeBack: die })],
  ['before what is gone was settled', ({ core }, die) => Object.assign(core.watch.history, { gone: die })],
  ['before what differs was queued', ({ core }, die) => Object.assign(core.watch.history, { differing: die })],
  ['before its end was written down', ({ core: { mirror } }, die) => {
    const setFact = mirror.setFact.bind(mirror)
    Object.assign(mirror, { setFact: (...[tx, key, value]: Parameters<typeof setFact>) => (key === FULL_SYNC_FACT && value === '' ? die() : setFact(tx, key, value)) })
  }],
]

for (const [when, dieAt] of STEPS) {
  await t.test(`a daemon that dies ${when}: the next one goes on with it, before it sends or looks for anything`, async (t) => {
    const place = await lastingPlace(t)
    const client = await WholeClient.open(place)
    await part(client, ['cached gone.txt', 'listed gone.txt', 'folder/cached gone.txt', 'deleted.txt', 'cached edited.txt'])
    const before = await client.tree()
    for (const path of ['cached gone.txt', 'listed gone.txt', 'folder']) await client.act('trash', { path })
    await client.unlink('deleted.txt')
    await client.write('cached edited.txt', 'mine')
    dieAt(client, () => Promise.reject(new Error('died here')))
    await t.rejects(client.core.fullSync.run(NOT_ABORTED), { message: 'died here' })
    await client.core.stop()

    const next = await WholeClient.open(place)
    t.teardown(() => next.core.stop())
    t.equal(await next.core.mirror.fact(FULL_SYNC_FACT), '', 'it has come to its end')
    await next.core.setPaused(false)
    await next.settle()
    const after = await next.tree()
    t.same([...after.keys()].map(plain).sort(), ['cached edited (conflict).txt', 'cached edited.txt', 'cached gone.txt', 'deleted.txt', 'folder', 'folder/cached gone.txt'])
    for (const path of ['deleted.txt', 'cached edited.txt']) t.equal(after.get(path)?.id, before.get(path)?.id, path)
    const mine = [...after.keys()].find((path) => path.startsWith('cached edited (conflict'))!
    t.equal((await next.remote(after.get(mine)!.id)).toString(), 'mine', 'the unsent edit is there')
    t.equal(await next.text('folder/cached gone.txt'), 'first folder/cached gone.txt')
    t.same(await next.failures(), [])
  })
}

await t.test('while it compares nothing is sent and nothing else looked for, whoever asks for it', async (t) => {
  const client = await parted(t, ['cached.txt', 'deleted.txt'])
  const before = await client.tree()
  await client.act('trash', { path: 'cached.txt' })
  await client.unlink('deleted.txt')
  await client.hook('faults', { method: 'disk.folder.getchildren', kind: 'stall', ms: 500, times: 1 })
  const full = client.core.fullSync.run(NOT_ABORTED)
  await client.core.setPaused(false)
  await Promise.all([client.core.upload.hurry(), client.core.watch.syncAll(NOT_ABORTED), full])
  await client.settle()
  const after = await client.tree()
  t.equal(after.get('deleted.txt')?.id, before.get('deleted.txt')?.id)
  t.same([...after.keys()].sort(), ['cached.txt', 'deleted.txt'])
  const { methods } = (await client.hook('requests')) as { methods: Readonly<Record<string, number>> }
  t.equal(methods['disk.file.markdeleted'], undefined)
})

await t.test('asked twice at once, or given up, it says so and has changed nothing', async (t) => {
  const client = await parted(t, ['cached.txt'])
  await client.act('trash', { path: 'cached.txt' })
  const here = await rows(client)
  await client.hook('faults', { method: 'disk.folder.getchildren', kind: 'stall', ms: 500, times: 1 })
  const given = new AbortController()
  const full = client.core.fullSync.run(given.signal)
  await t.rejects(client.core.fullSync.run(NOT_ABORTED), { code: 'busy' })
  given.abort()
  await t.rejects(full, { code: 'cancelled' })
  t.same(await rows(client), here)
  await met(client)
  t.same([...(await client.tree()).keys()], ['cached.txt'])
})

await t.test('moved out of what synchronizes, or in a folder that is not shared any more: what is here whole is sent as something new', async (t) => {
  const client = await WholeClient.start(t)
  await client.act('attach', { as: 'owner', name: 'chat.txt', content: 'from a chat' })
  for (const path of ['Team/cached.txt', 'Team/listed.txt']) await client.act('write', { storage: COLLEAGUE, path, content: path })
  await client.act('share', { storage: COLLEAGUE, path: 'Team' })
  await client.settle()
  await client.read('Team/cached.txt')
  await part(client, ['cached.txt', 'listed.txt'])
  for (const path of ['cached.txt', 'listed.txt']) await client.act('move', { path, to: 'Uploaded files' })
  await client.act('unshare', { storage: COLLEAGUE, path: 'Team' })
  await met(client)
  t.same([...(await client.tree()).values()].map(({ path, type }) => `${type} ${path}`).sort(), ['file Team/cached.txt', 'file Uploaded files/cached.txt', 'file Uploaded files/chat.txt', 'file Uploaded files/listed.txt', 'file cached.txt', 'folder Team', 'folder Uploaded files'])
  t.same(await client.list(), ['Team', 'cached.txt'])
  t.equal(await client.text('Team/cached.txt'), 'Team/cached.txt')
  t.same([...(await client.tree(COLLEAGUE)).keys()].sort(), ['Team', 'Team/cached.txt', 'Team/listed.txt'], 'with nobody else anything changes')
})

await t.test('a deletion that may have reached the portal: what is there is shown again and stays, what is not stays gone', async (t) => {
  const client = await parted(t, ['arrived.txt', 'never.txt'])
  const before = await client.tree()
  const { mirror, journal, store } = client.core
  for (const path of ['arrived.txt', 'never.txt']) {
    const { ino, base } = (await mirror.find([path]))!
    await client.unlink(path)
    await store.transact((tx) => journal.recordAttempt(tx, ino, { step: 'trash', startedServerMs: 0, remoteId: base!.id }))
  }
  await client.act('trash', { path: 'arrived.txt' })
  await met(client)
  t.same(await client.list(), ['never.txt'])
  t.same([...(await client.tree()).values()].map(({ id }) => id), [before.get('never.txt')?.id])
  t.same(await client.failures(), [])
})

await t.test('a folder of which something cannot be understood is left with its history, and is told', async (t) => {
  const client = await parted(t, ['cached.txt', 'folder/cached.txt', 'listed.txt'])
  for (const path of ['cached.txt', 'folder/cached.txt', 'listed.txt']) await client.act('trash', { path })
  const { drive } = client.core.drive
  const listPages = drive.listPages.bind(drive)
  const root = (await client.core.mirror.get(ROOT_INO))?.base?.realId
  const garbled: typeof listPages = async (requests, call) =>
    (await listPages(requests, call)).map((page, index) => (page.ok && requests[index]?.folderId === root ? { ok: true, value: { ...page.value, unreadable: 1 } } : page))
  Object.assign(drive, { listPages: garbled })
  const { uncompared, gone } = await client.core.fullSync.run(NOT_ABORTED)
  t.same([uncompared, gone.map(({ row }) => row.base.parent === ROOT_INO)], [[ROOT_INO], [false]])
  Object.assign(drive, { listPages })
  await client.core.setPaused(false)
  await client.settle()
  t.same([...(await client.tree()).keys()].sort(), ['folder', 'folder/cached.txt'])
})

await t.test('what fails after it is in effect keeps everything else back until it is carried out', async (t) => {
  const client = await parted(t, ['cached.txt', 'deleted.txt'])
  await client.act('trash', { path: 'cached.txt' })
  await client.unlink('deleted.txt')
  const { history } = client.core.watch
  const gone = history.gone.bind(history)
  Object.assign(history, { gone: () => Promise.reject(new Error('the disk is full')) })
  await t.rejects(client.core.fullSync.run(NOT_ABORTED), { message: 'the disk is full' })
  await client.core.setPaused(false)
  await t.rejects(client.core.watch.syncAll(AbortSignal.timeout(200)), { code: 'cancelled' }, 'a look waits, as long as the asker does')
  t.same(await client.list(), ['cached.txt', 'deleted.txt'])
  Object.assign(history, { gone })
  await client.core.fullSync.finish()
  await client.settle()
  t.same([...(await client.tree()).keys()].sort(), ['cached.txt', 'deleted.txt'])
})

await t.test('what the mass-deletion brake holds, here and there, is decided by it, and nothing is trashed', async (t) => {
  const client = await WholeClient.start(t, { seed: 'tree:2x120' })
  for (const folder of ['folder-1', 'folder-2']) await client.list(folder)
  await client.settle()
  await client.core.setPaused(true)
  for (const name of await client.list('folder-1')) await client.unlink(`folder-1/${name}`)
  await client.core.setPaused(false)
  await client.core.upload.hurry()
  await client.core.upload.waitUntilIdle(AbortSignal.timeout(30_000))
  t.equal(await client.core.upload.deletions.count(), 120)
  await client.act('trash', { path: 'folder-2' })
  await client.core.watch.syncAll(NOT_ABORTED)
  t.equal(await client.core.watch.absences.count(), 121)
  await client.core.fullSync.run(NOT_ABORTED)
  await client.settle()
  t.same([await client.core.upload.deletions.count(), await client.core.watch.absences.count()], [0, 0])
  t.equal((await client.list('folder-1')).length, 120, 'F1')
  t.same(await client.list(), ['folder-1'], 'F3')
  t.equal((await client.tree()).size, 121)
})
