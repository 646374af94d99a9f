// R5: which folders synchronize is the user's choice; what is not wanted leaves the view, and nothing happens to it on the portal.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { MAIN, Playground, until, type Requests } from './playground.js'

const fuse = skipWithout('fuse')

t.setTimeout(180_000) // a loaded machine is slow, not wrong

interface Folder {
  readonly path: string
  readonly id: string
  readonly synchronizes: boolean
  readonly why: string | null
}

async function foldersOf(ground: Playground): Promise<readonly Folder[]> {
  return (await ground.json<{ folders: readonly Folder[] }>('folders')).folders
}

function changing({ methods }: Requests): readonly string[] {
  return Object.keys(methods).filter((method) => /add|upload|rename|move|copy|delete|restore/u.test(method))
}

async function usedBytes(ground: Playground): Promise<number> {
  return (await ground.json<{ cache: { usedBytes: number } }>('status')).cache.usedBytes
}

// [S-68]
await t.test('a folder that is not wanted, from its deselection until it is wanted again', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '3600' } })
  for (const path of ['Work/a.txt', 'Work/sub/b.txt', 'Other/x.txt', 'Other/y.txt', 'Other/deep/z.txt']) await ground.act({ op: 'write', path, content: `first ${path}` })
  await ground.act({ as: 'owner', op: 'attach', name: 'chat.txt', content: 'from a chat' })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('cat Work/a.txt Work/sub/b.txt Other/*.txt > /dev/null')
  const work = (await ground.item('Work'))!
  const sync = (): Promise<string> => ground.ok('sync', '--wait', '60')
  const names = async (): Promise<readonly string[]> => (await readdir(ground.folder)).sort()

  await t.test('folders names those of the root, with why one does not synchronize', async (t) => {
    t.match(await ground.json('folders'), {
      folders: [
        { path: ground.path('Other'), kind: 'folder', synchronizes: true, why: null, knownFiles: 3, knownBytes: 56 },
        { path: ground.path('Uploaded files'), kind: 'folder', synchronizes: false, why: 'excluded', knownFiles: null, knownBytes: null },
        { path: ground.path('Work'), kind: 'folder', id: work.id, synchronizes: true, why: null, knownFiles: 2, knownBytes: 36 },
      ],
    })
    t.match(await ground.cli('folders', 'select', ground.path('Uploaded files')), { code: 1, stderr: /never synchronizes/u })
    const refused = ['Uploaded files', 'Other/x.txt', 'nope', ''].map((path) => ground.path(path))
    t.match(await ground.cli('folders', 'deselect', ...refused), { code: 1, stderr: /never synchronizes[^]*only folders are chosen[^]*there is no [^]*the drive as a whole/u })
  })

  await t.test('what only this computer has below it is named and keeps it here', async (t) => {
    await ground.shell('printf mine > Work/sub/b.txt; printf new > Work/new.txt; printf swap > Work/.new.txt.swp; mv Work/a.txt .')
    const { code, stdout } = await ground.cli('folders', 'deselect', ground.path('Work'), '--json')
    t.equal(code, 4)
    const { results } = JSON.parse(stdout) as { results: readonly { error: { code: string }; unsent: readonly { path: string }[] }[] }
    t.equal(results[0]?.error.code, 'would-lose-data')
    t.same(results[0]?.unsent.map(({ path }) => path).sort(), ['Work/.new.txt.swp', 'Work/new.txt', 'Work/sub/b.txt', 'a.txt'].map((path) => ground.path(path)).sort(), 'what was moved out of it too')
    t.equal(await ground.shell('cat Work/sub/b.txt Work/new.txt Work/.new.txt.swp a.txt'), 'minenewswapfirst Work/a.txt', 'nothing has happened')
    await ground.shell('mv a.txt Work/; rm Work/.new.txt.swp')
    await sync()
    const writing = await open(ground.path('Work', 'new.txt'), 'r+')
    t.match(await ground.cli('folders', 'deselect', ground.path('Work')), { code: 1, stderr: /a program may write to one file below it[^]*new\.txt/u })
    await writing.close()
  })

  await t.test('C26: deselected, it leaves the view at once, gives its bytes back, and the portal is not touched', async (t) => {
    await ground.ok('pin', ground.path('Work'))
    await until('what is pinned is here', async () => (await ground.stateOf('Work', 'new.txt')) === 'cached')
    const before = await ground.tree()
    const reading = await open(ground.path('Work', 'a.txt'))
    const [directory, below] = [await open(ground.path('Work')), await open(ground.path('Work', 'sub'))]
    t.teardown(() => Promise.all([reading, directory, below].map((handle) => handle.close())))
    await ground.clearRequests()
    const { results } = await ground.json<{ results: readonly unknown[] }>('folders', 'deselect', ground.path('Work'))
    t.same(results, [{ path: ground.path('Work'), synchronizes: false, bytes: 23 }])
    t.same(await names(), ['Other'])
    t.not((await ground.attempt('cat Work/a.txt')).code, 0)
    t.equal(await reading.readFile('utf8'), 'first Work/a.txt', 'who reads it reads on')
    await t.rejects(writeFile(`/proc/self/fd/${directory.fd}/late.txt`, 'late'), { code: 'ENOENT' }, 'and nothing new gets into it')
    await t.rejects(writeFile(`/proc/self/fd/${below.fd}/late.txt`, 'late'), { message: /-116/u }, 'nor below it (ESTALE)')
    t.match(await ground.json('status', ground.path('Work')), { paths: [{ state: 'excluded', pinned: false, id: work.id, cachedBytes: 0 }] })
    t.match((await foldersOf(ground)).find(({ id }) => id === work.id), { synchronizes: false, why: 'deselected' })
    await sync()
    t.same(await ground.tree(), before)
    t.same(changing(await ground.requests()), [])
  })

  await t.test('C26: its name is taken, and follows a rename there; what happens in it there is not looked at', async (t) => {
    for (const script of ['mkdir Work', 'echo > WORK']) t.match(await ground.attempt(script), { code: 1, stderr: /File exists/u }, script)
    t.match(await ground.attempt('mv Other/x.txt Work'), { code: 1 }, 'its own words depend on what it looks at')
    t.ok(await ground.item('Other/x.txt'))
    await t.rejects(rename(ground.path('Other', 'deep'), ground.path('Work')), { code: 'EEXIST' }, 'a rename replaces it neither')
    await ground.act({ op: 'rename', path: 'Work', name: 'Renamed' })
    await sync()
    t.match(await ground.attempt('mkdir Renamed'), { code: 1, stderr: /File exists/u })
    await ground.shell('mkdir Work; rmdir Work')
    await ground.act({ op: 'write', path: 'Renamed/sub/b.txt', content: 'by a colleague' })
    await ground.act({ op: 'trash', path: 'Renamed/new.txt' })
    await ground.clearRequests()
    await sync()
    const { log } = await ground.requests()
    const spent = JSON.stringify(log)
    t.match(spent, new RegExp(`getchildren[^]*\\b${(await ground.item('Other'))?.id ?? 'none'}\\b`, 'iu'), 'other folders are looked at')
    t.notMatch(spent, new RegExp(`\\b${work.id}\\b`, 'u'), 'no request is spent on it')
    t.same(await names(), ['Other'])
    t.match((await foldersOf(ground)).find(({ id }) => id === work.id), { path: ground.path('Renamed'), why: 'deselected' }, 'it is the same by its id')
  })

  await t.test('C27: moved there into it, a file goes here and is not uploaded, an edit stays as a new file; what is moved out of it appears', async (t) => {
    const [x, y] = [(await ground.item('Other/x.txt'))!, (await ground.item('Other/y.txt'))!]
    await ground.shell('printf mine > Other/y.txt; ls Other/deep')
    for (const path of ['Other/x.txt', 'Other/y.txt', 'Other/deep']) await ground.act({ op: 'move', path, to: 'Renamed/sub' })
    await ground.act({ op: 'move', path: 'Renamed/a.txt', to: 'Other' })
    await sync()
    t.same((await readdir(ground.path('Other'))).sort(), ['a.txt', 'y.txt'])
    t.equal(await ground.shell('cat Other/a.txt Other/y.txt'), 'first Work/a.txtmine')
    const there = new Map((await ground.tree()).map((item) => [item.path, item]))
    for (const [path, { id, version }] of [['Renamed/sub/x.txt', x], ['Renamed/sub/y.txt', y]] as const) t.match(there.get(path), { id, version }, `${path} is as it was`)
    t.notOk(there.has('Other/x.txt'))
    t.not(there.get('Other/y.txt')?.id, y.id)
  })

  await t.test('it is still not wanted after a remount, and while the portal is away', async (t) => {
    await ground.unmount()
    await ground.mount()
    t.same(await names(), ['Other'])
    await ground.stopPortal()
    await ground.ok('folders', 'select', ground.path('Renamed'))
    t.same(await names(), ['Other', 'Renamed'])
    await ground.ok('folders', 'deselect', ground.path('Renamed'))
    t.same(await names(), ['Other'])
    await ground.startPortalAgain()
  })

  await t.test('selected, it is there at once as the same folder, and nothing is uploaded', async (t) => {
    await sync()
    const before = await ground.tree()
    await ground.clearRequests()
    t.same(await ground.json('folders', 'select', ground.path('Renamed')), { results: [{ path: ground.path('Renamed'), synchronizes: true, bytes: 0 }] })
    t.same((await readdir(ground.path('Renamed'), { recursive: true })).sort(), ['sub', 'sub/b.txt', 'sub/deep', 'sub/deep/z.txt', 'sub/x.txt', 'sub/y.txt'])
    t.equal(await ground.shell('cat Renamed/sub/b.txt; echo more >> Renamed/sub/b.txt'), 'by a colleague')
    t.match(await ground.json('status', ground.path('Renamed')), { paths: [{ state: 'listed', id: work.id }] })
    t.same(changing(await ground.requests()), [])
    t.same(await ground.tree(), before)
    await sync()
    t.equal((await ground.item('Renamed/sub/b.txt'))?.size, 19, 'and it can be worked in')
  })
})

await t.test('kill -9 while it is cleared away: it is gone after the next mount, and so are its bytes', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:2x400x100', settings: { uploadDelay: '0' }, portalArguments: ['--plan', 'self-hosted'] })
  await ground.shell('cat $(ls -d folder-1/* | head -n 20) > /dev/null')
  t.ok((await usedBytes(ground)) > 0)
  const pid = await ground.daemonPid()
  const deselecting = spawn(process.execPath, [MAIN, 'folders', 'deselect', ground.path('folder-1')], { env: { ...process.env, ELASTIC_DRIVE_HOME: ground.home }, stdio: 'ignore' })
  const ended = once(deselecting, 'exit')
  while (existsSync(ground.path('folder-1'))) await new Promise((resolve) => setImmediate(resolve))
  process.kill(pid, 'SIGKILL')
  await ended
  const before = await ground.tree({ sha256: false })
  await ground.mount()
  t.notOk(existsSync(ground.path('folder-1')))
  await until('what the killed daemon has left is cleared away', async () => (await usedBytes(ground)) === 0)
  await ground.ok('sync', '--wait', '60')
  t.same(await ground.tree({ sha256: false }), before, 'the portal is as it was')
  await ground.ok('folders', 'select', ground.path('folder-1'))
  t.equal((await readdir(ground.path('folder-1'))).length, before.filter(({ path }) => /^folder-1\/[^/]+$/u.test(path)).length)
})

await t.test('F9: not wanted, and present in the folder after a disconnect, it is left alone; the choice outlives the connection', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  for (const path of ['Work/a.txt', 'Other/old/b.txt', 'Other/c.txt']) await ground.act({ op: 'write', path, content: path })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('find . -type f -exec cat {} + > /dev/null')
  await ground.ok('folders', 'deselect', ground.path('Work'), ground.path('Other', 'old'))
  t.match(await ground.attempt('mv Other/c.txt .; rmdir Other'), { code: 1, stderr: /Directory not empty/u }, 'what is hidden in a folder keeps it')
  await ground.shell('mv c.txt Other/')
  await ground.ok('sync', '--wait', '30')
  const before = await ground.tree()
  await ground.ok('disconnect')
  t.same((await readdir(ground.folder, { recursive: true })).sort(), ['.elastic-drive', 'Other', 'Other/c.txt'])
  for (const folder of ['Work', 'Other/old']) {
    await mkdir(ground.path(folder))
    await writeFile(ground.path(folder, 'mine.txt'), 'mine')
  }
  const { plan } = await ground.json<{ plan: { left: readonly unknown[]; up: { files: number }; down: number } }>('connect', ground.portal.webhook, '--dry-run')
  t.same(plan.left, [{ path: ground.path('Other', 'old'), why: 'deselected' }, { path: ground.path('Work'), why: 'deselected' }])
  t.match(plan, { up: { files: 0, folders: 0 }, down: 0 })
  await ground.ok('connect', ground.portal.webhook)
  await ground.mount()
  await ground.ok('sync', '--wait', '60')
  t.same((await readdir(ground.folder, { recursive: true })).sort(), ['Other', 'Other/c.txt'])
  t.same(await ground.tree(), before, 'nothing is sent')
  t.same((await foldersOf(ground)).map(({ path, why }) => [path, why]), [['Other', null], ['Other/old', 'deselected'], ['Work', 'deselected']].map(([path, why]) => [ground.path(path ?? ''), why]))

  await ground.ok('disconnect')
  for (const folder of ['Work', 'Other/old']) t.equal(await readFile(ground.path(folder, 'mine.txt'), 'utf8'), 'mine', 'left alone')
  const elsewhere = `${ground.folder} 2`
  await ground.ok('connect', ground.portal.webhook, '--folder', elsewhere)
  await ground.mount()
  t.same(await readdir(elsewhere), ['Other'], 'in another folder the choice is the same')
  await ground.unmount()
  await rmdir(elsewhere).catch(() => undefined)
})
