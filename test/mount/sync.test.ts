// `sync --wait` and the commands that take a path, as DESIGN.md section 2 promises them: done means done, in both directions.
import { existsSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, until, type Outcome } from './playground.js'

const fuse = skipWithout('fuse')

t.setTimeout(240_000)

interface Told {
  readonly connection: string
  readonly lastSync: string | null
  readonly pendingDownloads: number
  readonly errors: readonly { readonly path: string | null; readonly code: string; readonly nextTry: string | null }[]
}

/** A drive of three folders with two files each, all of them listed. */
async function listed(t: Parameters<typeof Playground.start>[0]): Promise<Playground> {
  const ground = await Playground.start(t, { seed: 'tree:3x2x1000' })
  await ground.shell('find .')
  await ground.ok('sync', '--wait', '30')
  return ground
}

function outcomeOf({ code, stdout }: Outcome): readonly [number | null, string] {
  return [code, (JSON.parse(stdout) as { outcome: string }).outcome]
}

await t.test('it waits for what is pinned and for what was renamed, and ends with 1 when time is up first', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x2x200000' })
  const [pinned, renamed] = [ground.path('folder-1', 'file-1.dat'), ground.path('folder-1', 'renamed.dat')]
  await ground.fault({ method: 'download', kind: 'slow', bytesPerSecond: 20_000, times: 100 })
  await ground.ok('pin', pinned)
  await ground.shell('mv folder-1/file-2.dat folder-1/renamed.dat')
  t.same(outcomeOf(await ground.cli('sync', '--wait', '1', '--json')), [1, 'time-up'])
  t.match(await ground.json<Told>('status'), { pendingDownloads: 2 })
  t.match((await ground.cli('sync', '--wait', '1')).stdout, /2 files still to be fetched/)
  await ground.clearFaults()
  t.same(outcomeOf(await ground.cli('sync', '--wait', '60', '--json')), [0, 'done'])
  t.match(await ground.json('status', pinned, renamed), { paths: [{ state: 'cached' }, { state: 'cached' }] })
  t.match(await ground.json<Told>('status'), { pendingDownloads: 0 })
})

await t.test('a pinned file that cannot be fetched is told with its reason, counts as not done, and is fetched when that is over', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x1x1000' })
  const file = ground.path('folder-1', 'file-1.dat')
  await ground.fault({ method: 'download', kind: 'status', status: 403, times: 100_000 })
  await ground.ok('pin', file)
  const told = await until('the failure is told', async () => (await ground.json<Told>('status')).errors.find(({ path }) => path === file))
  t.ok(Date.parse(told.nextTry ?? '') > 0, 'with the time of the next attempt')
  t.same(outcomeOf(await ground.cli('sync', '--wait', '2', '--json')), [1, 'time-up'])
  await ground.clearFaults()
  t.same(outcomeOf(await ground.cli('sync', '--wait', '60', '--json')), [0, 'done'])
  t.match(await ground.json<Told>('status'), { pendingDownloads: 0, errors: [] })
})

await t.test('a pinned folder that could not be listed on the train is fetched when the portal is back', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:11x1x1000' }) // folder-11 stands in folder-01
  await ground.shell('ls')
  await ground.stopPortal()
  await until('it is known to be away', async () => {
    await ground.attempt('ls folder-02')
    return (await ground.json<Told>('status')).connection === 'offline'
  })
  t.not((await ground.cli('pin', ground.path('folder-01'))).code, 0, 'what is in it is not known')
  await ground.startPortalAgain()
  t.same(outcomeOf(await ground.cli('sync', '--wait', '60', '--json')), [0, 'done'])
  t.equal(await ground.stateOf('folder-01', 'folder-11', 'file-1.dat'), 'cached')
})

for (const [what, fault] of [
  ['answers one listing with a failure', { method: 'disk.folder.getchildren', kind: 'status', status: 500, error: 'INTERNAL_SERVER_ERROR' }],
  ['answers all listings of a look with a page', { method: 'disk.folder.getchildren', kind: 'html', times: 4 }],
  ['refuses a whole batch', { method: 'batch', kind: 'status', status: 403, error: 'ACCESS_DENIED' }],
  ['refuses one folder that is not gone', { method: 'disk.folder.getchildren', kind: 'status', status: 403, error: 'ACCESS_DENIED' }],
  ['answers empty lists where there are items', { method: 'disk.folder.getchildren', kind: 'empty', times: 4 }],
] as const) {
  await t.test(`a portal that ${what} is looked through once more, and nothing is missed`, fuse, async (t) => {
    const ground = await listed(t)
    const paths = ['new.txt', 'folder-1/new.txt', 'folder-2/new.txt', 'folder-3/new.txt']
    for (const path of paths) await ground.act({ op: 'write', path, content: 'new' })
    await ground.fault(fault)
    t.same(outcomeOf(await ground.cli('sync', '--wait', '60', '--json')), [0, 'done'])
    t.same(paths.filter((path) => !existsSync(ground.path(path))), [])
    t.ok(existsSync(ground.path('folder-3', 'file-2.dat')), 'and nothing is deleted')
  })
}

await t.test('a portal that answers nothing but failures is never "in sync": exit code 1, the time of the last look stays, and status says why', fuse, async (t) => {
  const ground = await listed(t)
  const { lastSync } = await ground.json<Told>('status')
  await ground.fault({ method: '*', kind: 'html', times: 1_000_000 })
  t.same(outcomeOf(await ground.cli('sync', '--wait', '5', '--json')), [1, 'time-up'])
  const { errors, ...told } = await ground.json<Told>('status')
  t.equal(told.lastSync, lastSync)
  t.match(errors, [{ path: null, code: 'portal-error' }])
  await ground.clearFaults()
  t.same(outcomeOf(await ground.cli('sync', '--wait', '60', '--json')), [0, 'done'])
  t.match(await ground.json<Told>('status'), { errors: [] })
})

await t.test('right after the first mount it asks the portal, and is not done when nobody answers', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:3x2x1000' })
  await ground.clearRequests()
  t.same(outcomeOf(await ground.cli('sync', '--wait', '30', '--json')), [0, 'done'])
  t.ok((await ground.requests()).total > 0)
  const unasked = await Playground.start(t, { seed: 'tree:3x2x1000' })
  await unasked.stopPortal()
  t.same(outcomeOf(await unasked.cli('sync', '--wait', '2', '--json')), [1, 'time-up'])
  t.equal((await unasked.json<Told>('status')).lastSync, null)
})

await t.test('status, pin, unpin and free know what nobody has looked at yet, and offline say that it is not known', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:200x2x1000' })
  const [file, deep] = [ground.path('folder-001', 'file-1.dat'), ground.path('folder-010', 'folder-105', 'file-1.dat')]
  t.equal(await ground.stateOf('folder-001'), 'unlisted')
  t.equal(await ground.stateOf('folder-001', 'folder-011', 'file-2.dat'), 'placeholder')
  for (const command of ['pin', 'free', 'unpin']) t.match(await ground.cli(command, file), { code: 0 }, command)
  t.match(await ground.cli('status', ground.path('folder-001', 'none.txt')), { code: 1, stderr: /there is no .*none\.txt/ })
  await ground.stopPortal()
  t.match(await ground.cli('status', file), { code: 0 }, 'known by now')
  const { code, stderr } = await ground.cli('status', deep)
  t.equal(code, 1)
  t.notMatch(stderr, /there is no/, 'nobody knows that')
})

await t.test('paths through a link to the folder are the folder\'s', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x1x1000' })
  const [direct, twice] = [join(ground.directory, 'direct'), join(ground.directory, 'twice')]
  await symlink(ground.folder, direct)
  await symlink('direct', twice)
  for (const link of [direct, twice]) {
    t.match(await ground.json('status', join(link, 'folder-1', 'file-1.dat')), { paths: [{ path: ground.path('folder-1', 'file-1.dat'), state: 'placeholder' }] })
    t.match(await ground.json('status', link), { paths: [{ path: ground.folder, state: 'listed' }] })
  }
  await symlink('round', join(ground.directory, 'round'))
  t.match(await ground.cli('status', join(ground.directory, 'round', 'x')), { code: 1, stderr: /is not in the drive's folder/ })
})

await t.test('unmount and disconnect name deletions by the path they had, and with no bytes to send', fuse, async (t) => {
  const ground = await listed(t)
  await ground.ok('pause')
  await ground.shell('rm folder-1/file-1.dat; rm -r folder-2; mv folder-3/file-1.dat folder-3/moved.dat')
  const gone = ['folder-1/file-1.dat', 'folder-2', 'folder-2/file-1.dat', 'folder-2/file-2.dat'].map((path) => ({ path: ground.path(path), bytes: 0 }))
  const isDeletion = ({ path }: { path: string }): boolean => !path.endsWith('moved.dat')
  const byPath = (one: { path: string }, other: { path: string }): number => (one.path < other.path ? -1 : 1)
  const { unsent } = await ground.json<{ unsent: readonly { path: string; bytes: number }[] }>('unmount')
  t.same(unsent.filter(isDeletion).sort(byPath), gone)
  const refused = await ground.cli('disconnect', '--json')
  t.equal(refused.code, 4)
  t.same((JSON.parse(refused.stdout) as { unsent: { path: string }[] }).unsent.filter(isDeletion).sort(byPath), gone, 'also without a daemon')
})
