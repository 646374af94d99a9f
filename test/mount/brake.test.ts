/** The mass-deletion brake (DESIGN.md 6a.12), as a person meets it: by the folder and by the command line. */
import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import { Playground, type TreeItem } from './playground.js'

t.setTimeout(110_000) // a loaded machine is slow, not wrong

interface Shown {
  readonly heldDeletions: number
  readonly holds: readonly { readonly deletedOn: string; readonly items: number; readonly storageItems: number; readonly paths: readonly string[] }[]
}

interface Status {
  readonly heldDeletions: number
  readonly errors: readonly { readonly path: string | null; readonly code: string; readonly message: string }[]
}

/** Everything is listed: what is not known here does not count. */
async function start(seed: string, settings: Readonly<Record<string, string>> = {}): Promise<Playground> {
  const ground = await Playground.start(t, { seed, settings, portalArguments: ['--plan', 'self-hosted'] })
  await ground.shell('find . > /dev/null')
  return ground
}

async function ids(ground: Playground): Promise<ReadonlyMap<string, TreeItem['id']>> {
  return new Map((await ground.tree({ sha256: false })).map(({ path, id }) => [path, id]))
}

// [S-48]
await t.test('rm -r of half of 300 files', async (t) => {
  const ground = await start('tree:4x75', { uploadDelay: '600' }) // nothing goes while a shell is still at it
  const before = await ids(ground)
  const bytes = await readFile(ground.path('folder-1', 'file-07.dat'))

  await t.test('is held: sync exits 4 and says what to run, and the portal still has everything', async (t) => {
    await ground.shell('rm -r folder-1 folder-2')
    t.match(await ground.cli('sync'), { code: 4, stdout: /^152 deletions held back: .*brake show.*brake allow.*brake undo/ }, 'also without --wait')
    const { code, stdout } = await ground.cli('sync', '--wait', '20', '--json')
    t.equal(code, 4)
    t.match(JSON.parse(stdout), { outcome: 'held', heldDeletions: 152, pendingUploads: 152 })
    t.same(await ids(ground), before)
    await ground.ok('unmount')
    t.match(await ground.json<Status>('status'), { heldDeletions: 152 }, 'told without a daemon too')
    await ground.mount()
    t.match(await ground.ok('status'), /^Held +152 deletions: "elastic-drive brake show"$/m)
    const status = await ground.json<Status>('status')
    t.match(status, { heldDeletions: 152, errors: [{ path: null, code: 'would-lose-data', message: /^152 deletions/ }] })
    const shown = await ground.json<Shown>('brake', 'show')
    t.match(shown, { heldDeletions: 152, holds: [{ deletedOn: 'here', items: 152, storageItems: 305, paths: [ground.path('folder-1'), ground.path('folder-2')] }] })
  })

  await t.test('is undone: everything stands here again with the same ids, and nothing was sent', async (t) => {
    await ground.clearRequests()
    t.same(await ground.json('brake', 'undo'), { restored: 152, failed: [], heldDeletions: 0 })
    t.equal((await readdir(ground.path('folder-2'))).length, 75)
    t.same(await readFile(ground.path('folder-1', 'file-07.dat')), bytes)
    await ground.ok('sync', '--wait', '20')
    const after = await ids(ground)
    for (const [path, id] of before) if (after.get(path) !== id) t.fail(`${path} has another id`)
    const { methods } = await ground.requests()
    t.same(Object.keys(methods).filter((method) => /delete|rename|move|upload|restore/.test(method)), [])
    t.match(await ground.json<Status>('status'), { heldDeletions: 0, errors: [] })
  })

  await t.test('moved to the trash of a file manager it is held too, and undone it is back with its ids and without notes', async (t) => {
    const trash = `.Trash-${process.getuid?.() ?? 0}`
    // As a file manager does it, but quicker: the notes first, then the renames.
    await ground.shell(`mkdir -m 700 ${trash} ${trash}/files ${trash}/info
      for path in folder-1/* folder-1 folder-2; do printf '[Trash Info]\\nPath=%s\\nDeletionDate=2026-11-27T10:00:00\\n' $path > ${trash}/info/\${path##*/}.trashinfo; done
      mv folder-1/* ${trash}/files; mv folder-1 folder-2 ${trash}/files`)
    await ground.clearRequests()
    t.match(await ground.cli('sync', '--wait', '20', '--json'), { code: 4, stdout: /"heldDeletions":152/ })
    const { holds } = await ground.json<Shown>('brake', 'show')
    t.same(holds.map(({ paths }) => paths), [[ground.path('folder-1'), ground.path('folder-2')]], 'named by where they came from')
    t.same(await ground.json('brake', 'undo'), { restored: 152, failed: [], heldDeletions: 0 })
    t.same(await readFile(ground.path('folder-1', 'file-07.dat')), bytes)
    t.equal(await ground.shell(`ls -A ${trash}/files ${trash}/info | grep -v :; ls folder-1 | wc -l`), '\n75\n')
    await ground.ok('sync', '--wait', '20')
    t.same(await ids(ground), before)
    const { methods } = await ground.requests()
    t.same(Object.keys(methods).filter((method) => /delete|rename|move|upload|restore/.test(method)), [])
  })

  await t.test('is allowed: the portal has it in its trash, and what comes next is counted anew', async (t) => {
    await ground.shell('rm -r folder-1 folder-2')
    t.equal((await ground.cli('sync', '--wait', '20')).code, 4)
    t.same(await ground.json('brake', 'allow'), { allowed: 152, heldDeletions: 0 })
    await ground.ok('sync', '--wait', '20')
    t.same([...(await ids(ground)).keys()].filter((path) => /folder-[12]/.test(path)), [])
    await ground.shell('rm -r folder-3; rm folder-4/file-0* folder-4/file-1[0-3]*') // 76 files and a folder, 13 files
    await ground.ok('sync', '--wait', '20')
    t.equal((await ids(ground)).size, 63, '90 go through')
  })

  await t.test('what was sent a moment ago counts along: it does not leak in portions', async (t) => {
    await ground.shell('rm -r folder-4')
    t.equal((await ground.cli('sync', '--wait', '20')).code, 4)
    t.equal((await ids(ground)).size, 63)
  })
})

await t.test('150 of 1,000 files, which is 15 %, go through', async (t) => {
  const ground = await start('tree:10x100')
  await ground.shell('rm -r folder-01; rm folder-02/file-00[1-9]* folder-02/file-0[1-4]*')
  await ground.ok('sync', '--wait', '30')
  t.equal((await ids(ground)).size, 1_010 - 150)

  await t.test('what is deleted on the portal in a mass stays here, and comes back there when it is undone', async (t) => {
    const before = await ids(ground)
    const bytes = await readFile(ground.path('folder-03', 'file-007.dat'))
    for (const path of ['folder-03', 'folder-04']) await ground.act({ op: 'trash', path })
    t.match(await ground.cli('sync', '--wait', '20', '--json'), { code: 4, stdout: /"heldDeletions":202/ })
    t.match(await ground.json<Shown>('brake', 'show'), { holds: [{ deletedOn: 'portal', items: 202, paths: [ground.path('folder-03'), ground.path('folder-04')] }] })
    t.equal((await readdir(ground.path('folder-04'))).length, 100)
    t.same(await readFile(ground.path('folder-03', 'file-007.dat')), bytes, 'what is cached can be read')
    t.same(await ground.json('brake', 'undo'), { restored: 202, failed: [], heldDeletions: 0 })
    t.same(await ids(ground), before)
    await ground.ok('sync', '--wait', '20')
  })
})
