// Folders of other storages as folders of the drive (R6): `storages`, `storages connect` and `disconnect`.
import { readdir, readFile, rename, stat } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, type TreeItem } from './playground.js'

const COMPANY = '13'
const COLLEAGUE = '12'
const NAME = 'Company drive'

const fuse = skipWithout('fuse')

t.setTimeout(180_000)

interface Listed {
  readonly storages: readonly { readonly name: string; readonly id: string; readonly connected: boolean; readonly path: string | null; readonly by: string | null }[]
  readonly folders: readonly { readonly name: string; readonly path: string | null }[]
  readonly people: number
}

/** A mount with what a colleague has put into the company's drive. */
async function start(t: Test, files: Readonly<Record<string, string>> = { 'a.txt': 'one', 'Reports/q1.txt': 'first' }, settings: Readonly<Record<string, string>> = {}): Promise<Playground> {
  const ground = await Playground.start(t, { portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '0', ...settings } })
  for (const [path, content] of Object.entries(files)) await company(ground, 'write', path, { content })
  return ground
}

function company(ground: Playground, op: string, path: string, more: Readonly<Record<string, string>> = {}): Promise<TreeItem> {
  return ground.act({ storage: COMPANY, op, path, ...more })
}

async function companyPaths(ground: Playground): Promise<readonly string[]> {
  return (await ground.tree({ storage: COMPANY, sha256: false })).map(({ path }) => path).filter((path) => path !== '').sort()
}

async function changes(ground: Playground): Promise<readonly string[]> {
  return Object.keys((await ground.requests()).methods).filter((method) => /add|upload|rename|move|copy|delete|restore/u.test(method))
}

async function shown(ground: Playground): Promise<readonly string[]> {
  return (await readdir(ground.folder)).sort()
}

await t.test('a storage is listed, connected, worked in, and disconnected, and stands on the portal as it was worked in', fuse, async (t) => {
  const ground = await start(t)
  t.match(await ground.json<Listed>('storages'), { storages: [{ name: NAME, id: COMPANY, kind: 'common', connected: false, path: null, by: null }], folders: [], people: 0 })

  for (const [name, says] of [['Nowhere', /storages" lists them/u], [`${NAME}/Missing`, /has no folder "Missing"/u], ['Ada Byron', /no other storage/u], [`${NAME}/a.txt`, /has no folder/u]] as const) {
    t.match(await ground.cli('storages', 'connect', name), { code: 1, stderr: says }, `${name} is refused with what to do`)
  }

  await ground.clearRequests()
  t.match(await ground.json('storages', 'connect', NAME), { name: NAME, path: ground.path(NAME), by: 'here', already: false })
  t.same(await changes(ground), [], 'the portal hears nothing of it')
  t.same(await shown(ground), [NAME], 'it is there at once')
  t.match(await ground.json('storages', 'connect', 'company drive/'), { already: true })
  t.match((await ground.json<Listed>('storages')).storages, [{ connected: true, path: ground.path(NAME), by: 'here' }])
  t.equal(await ground.shell(`cd '${NAME}'; cat a.txt Reports/q1.txt`), 'onefirst')
  t.match(await ground.json('status', ground.path(NAME)), { paths: [{ state: 'listed', id: '33' }] })

  await ground.shell(`cd '${NAME}'; printf two > a.txt; printf new > b.txt; mkdir Plans; mv Reports/q1.txt Plans/q2.txt; rmdir Reports`)
  await ground.ok('sync', '--wait', '60')
  t.same(await companyPaths(ground), ['Plans', 'Plans/q2.txt', 'a.txt', 'b.txt'])
  t.same(await ground.tree(), [], 'nothing of it is in the own drive')

  await company(ground, 'write', 'Plans/q2.txt', { content: 'second' })
  await company(ground, 'write', 'from a colleague.txt', { content: 'hello' })
  await company(ground, 'trash', 'b.txt')
  await ground.ok('sync', '--wait', '60')
  t.same((await readdir(ground.path(NAME))).sort(), ['Plans', 'a.txt', 'from a colleague.txt'], 'what a colleague does shows')
  t.equal(await readFile(ground.path(NAME, 'Plans', 'q2.txt'), 'utf8'), 'second')

  await ground.ok('pause')
  await ground.shell(`printf unsent > '${NAME}/a.txt'; rm '${NAME}/from a colleague.txt'`)
  const refused = await ground.cli('--json', 'storages', 'disconnect', NAME)
  t.equal(refused.code, 4, 'edits that were not sent are not dropped')
  const { unsent } = JSON.parse(refused.stdout) as { unsent: readonly { path: string }[] }
  t.same(unsent.map(({ path }) => path).sort(), [ground.path(NAME, 'a.txt'), ground.path(NAME, 'from a colleague.txt')].sort())
  t.ok((await shown(ground)).includes(NAME))
  await ground.ok('resume')
  await ground.ok('sync', '--wait', '60')
  const { cache } = await ground.json<{ cache: { usedBytes: number } }>('status')
  t.ok(cache.usedBytes > 0)

  const before = await companyPaths(ground)
  await ground.clearRequests()
  await ground.ok('pause')
  t.match(await ground.json('storages', 'disconnect', NAME), { name: NAME, disconnected: true, unsent: [] })
  t.same(await shown(ground), [])
  t.match(await ground.json('status'), { cache: { usedBytes: 0 }, pendingUploads: 0 }, 'what was cached of it is given back, also while nothing is sent')
  await ground.ok('resume')
  await ground.ok('sync', '--wait', '60')
  t.same(await changes(ground), [])
  t.same(await companyPaths(ground), before, 'the portal has all of it')
  t.equal((await ground.cli('storages', 'disconnect', NAME)).code, 1)
  await ground.killDaemon()
  await ground.mount()
  t.same(await shown(ground), [], 'nor after a kill')
})

// [S-39]
await t.test('deleted in the drive it is disconnected and never emptied, whichever program deletes it and whenever the daemon is killed', fuse, async (t) => {
  const ground = await start(t, undefined, { uploadDelay: '3600' })
  const before = await companyPaths(ground)
  await ground.ok('storages', 'connect', NAME)
  await ground.killDaemon()
  await ground.mount()
  t.equal(await ground.shell(`cat '${NAME}/a.txt' '${NAME}/Reports/q1.txt'`), 'onefirst', 'it survives a kill')
  await ground.clearRequests()
  t.match(await ground.attempt(`gio trash '${NAME}' || mkdir -p .Trash-$(id -u)/files && mv -T '${NAME}' .Trash-$(id -u)/files/x`), { code: 1 }, "the file manager's trash cannot have it, as with links")

  await ground.shell(`rm -r '${NAME}'`)
  await ground.killDaemon()
  await ground.mount()
  t.notOk((await shown(ground)).includes(NAME), 'deleted, though nothing has come of it yet')
  t.match((await ground.json<Listed>('storages')).storages, [{ connected: false }])
  t.match(await ground.json('storages', 'connect', NAME), { already: false, path: ground.path(NAME) }, 'connected again before anything has come of it')
  t.equal(await ground.shell(`cat '${NAME}/Reports/q1.txt'`), 'first')
  await ground.ok('sync', '--wait', '60')
  await ground.shell(`rmdir '${NAME}'`)
  await ground.ok('sync', '--wait', '60')
  t.notOk((await shown(ground)).includes(NAME))
  t.same(await changes(ground), [], 'no request changed anything')
  t.notMatch(JSON.stringify((await ground.requests()).log), /connected-/u, 'and none speaks of what only this computer knows')
  t.same(await companyPaths(ground), before)
  t.match(await ground.json('status'), { pendingUploads: 0, errors: [] })
})

// [S-35] [S-49]
await t.test('its name is kept here alone: renamed by no request, beside what has the name, giving way to what the portal calls so', fuse, async (t) => {
  const ground = await start(t)
  await ground.shell('mkdir "company DRIVE"')
  await ground.ok('sync', '--wait', '60')
  t.match(await ground.json('storages', 'connect', NAME), { path: ground.path(`${NAME} (2)`) }, 'a name that is taken is not taken away')
  await ground.clearRequests()
  const { ino } = await stat(ground.path(`${NAME} (2)`))
  await ground.shell(`mv '${NAME} (2)' Firm; cat Firm/a.txt`)
  await ground.ok('sync', '--wait', '60')
  t.same(await changes(ground), [])
  await t.rejects(rename(ground.path('Firm'), ground.path('company DRIVE', 'Firm')), { code: 'EPERM' }, 'it stays at the top')
  await t.rejects(rename(ground.path('company DRIVE'), ground.path('Firm')), { code: 'ENOTEMPTY' }, 'and nothing is put in its place')
  await ground.unmount()
  await ground.mount()
  t.equal((await stat(ground.path('Firm'))).ino, ino)

  await ground.act({ op: 'rights', storage: COLLEAGUE, path: '', level: 'edit' })
  await ground.act({ op: 'attach', name: 'chat.txt', content: 'said' })
  t.match(await ground.json<Listed>('storages'), { storages: [{ id: COMPANY }], people: 1 }, "other people's drives are left out, and counted")
  t.match((await ground.json<Listed>('storages', '--all')).storages, [{ id: COLLEAGUE, kind: 'user', connected: false }, { id: COMPANY }])
  await ground.ok('storages', 'connect', 'Борис Савельев')
  t.equal(await ground.shell("cat Борис*/Uploaded*/chat.txt"), 'said', 'folders that are special in the own drive are ordinary ones there')
  t.match(await ground.json<Listed>('storages'), { storages: [{ id: COLLEAGUE, connected: true }, { id: COMPANY }], people: 0 })
  await ground.ok('storages', 'disconnect', 'Борис Савельев')

  await ground.act({ as: 'owner', op: 'write', path: 'Firm/mine.txt', content: 'mine' })
  await ground.ok('sync', '--wait', '60')
  t.same(await shown(ground), ['Firm', 'Firm (2)', 'company DRIVE'])
  t.equal(await ground.shell(`cat Firm/mine.txt 'Firm (2)/a.txt'`), 'mineone')
  t.equal((await stat(ground.path('Firm (2)'))).ino, ino)
  await ground.ok('storages', 'disconnect', 'Firm (2)')
  t.match((await ground.tree()).map(({ path }) => path).sort(), ['Firm', 'Firm/mine.txt', 'company DRIVE'], 'and the own folders stay')
})

await t.test('one real folder is shown once, whichever of a connection and a link on the web came first', fuse, async (t) => {
  const ground = await start(t)
  await ground.ok('storages', 'connect', NAME)
  await company(ground, 'connect', '')
  await ground.shell(`ls '${NAME}' > /dev/null`)
  await company(ground, 'connect', 'Reports')
  await ground.ok('sync', '--wait', '60')
  t.same(await shown(ground), [NAME], 'links that come later are hidden, and take no name from it')
  t.equal(await readFile(ground.path(NAME, 'Reports', 'q1.txt'), 'utf8'), 'first')

  await ground.ok('storages', 'disconnect', NAME)
  t.same(await shown(ground), [NAME, 'Reports'], 'without it they are shown')
  t.match((await ground.json<Listed>('storages')).storages, [{ connected: true, by: 'portal' }])
  t.match(await ground.cli('storages', 'disconnect', NAME), { code: 1, stderr: /connected on the web/u })
  t.match(await ground.json('storages', 'connect', NAME), { path: ground.path(NAME), by: 'portal' }, 'connected here as well, it is shown as the link')
  t.match(await ground.json('storages', 'connect', `${NAME}/Reports`), { path: ground.path('Reports'), by: 'portal' })
  await ground.ok('sync', '--wait', '60')
  t.same(await shown(ground), [NAME, 'Reports'])
  t.equal(await ground.shell(`cat Reports/q1.txt '${NAME}/a.txt'; ls '${NAME}'`), 'firstonea.txt\n')

  const before = await companyPaths(ground)
  await ground.shell(`rm -r '${NAME}' Reports`)
  await ground.ok('sync', '--wait', '60')
  t.same(await companyPaths(ground), before, 'the links are disconnected, and nothing of what they led to is deleted')
  t.same(await shown(ground), [NAME, 'Reports'], 'and what was connected here is shown in their place')
  t.match((await ground.json<Listed>('storages')), { storages: [{ by: 'here', path: ground.path(NAME) }], folders: [{ name: `${NAME}/Reports`, path: ground.path('Reports') }] })
  t.equal(await ground.shell(`cat Reports/q1.txt '${NAME}/a.txt'; ls '${NAME}'`), 'firstonea.txt\n')
  await ground.ok('storages', 'disconnect', `${NAME}/Reports`)
  t.equal(await ground.shell(`cat '${NAME}/Reports/q1.txt'`), 'first', 'a folder in it is back in its place')
})

await t.test('C19, C20, C24: what may only be read is left as it is; access that is lost and a folder that is trashed there go here, and edits of them stay in the recovery folder', fuse, async (t) => {
  const ground = await start(t, { 'a.txt': 'one', 'Reports/q1.txt': 'first', 'Empty/x.txt': 'x', 'Rules/r.txt': 'rule', 'Rules/deep/d.txt': 'd' })
  await company(ground, 'rights', 'Rules', { level: 'read' })
  await ground.ok('storages', 'connect', `${NAME}/Rules`)
  await ground.ok('storages', 'connect', `${NAME}/Reports`)
  await ground.ok('storages', 'connect', `${NAME}/Empty`)
  await ground.ok('storages', 'connect', NAME)
  await ground.shell(`cat Reports/q1.txt '${NAME}/a.txt'; ls '${NAME}' Empty; printf mine > Rules/r.txt; mv Rules/deep Rules/other`)
  await company(ground, 'trash', 'Empty/x.txt')
  await ground.ok('sync', '--wait', '60')
  t.same(await shown(ground), [NAME, 'Empty', 'Recovered edits', 'Reports', 'Rules'])
  t.equal(await ground.shell(`cat Rules/r.txt Rules/deep/d.txt 'Recovered edits/r.txt'`), 'ruledmine')
  await ground.ok('pause')
  await ground.shell(`printf edited > Reports/q1.txt; printf edited > '${NAME}/a.txt'`)
  await company(ground, 'trash', 'Empty')
  await company(ground, 'trash', 'Reports')
  for (const path of ['', 'Rules']) await company(ground, 'rights', path, { level: 'none' })
  await ground.ok('resume')
  await ground.ok('sync', '--wait', '60')
  t.same(await shown(ground), ['Recovered edits'])
  t.equal(await ground.shell(`cat 'Recovered edits/q1.txt' 'Recovered edits/a.txt'`), 'editededited')
  t.same((await ground.tree()).map(({ path }) => path).sort(), ['Recovered edits', 'Recovered edits/a.txt', 'Recovered edits/q1.txt', 'Recovered edits/r.txt'])
  t.same(await ground.json<Listed>('storages'), { storages: [], folders: [], people: 0 })
  t.match(await ground.json('status'), { pendingUploads: 0, errors: [] })
})

// [S-36]
await t.test('mv between storages ends as a copy there and the original in the trash, whatever is moved', fuse, async (t) => {
  const ground = await start(t)
  await ground.ok('storages', 'connect', NAME)
  await ground.shell(`mkdir -p own/deep; printf here > own/deep/f.txt; printf alone > alone.txt; ls '${NAME}' > /dev/null`)
  await ground.ok('sync', '--wait', '60')
  const fileThere = await ground.item('alone.txt')
  for (const [from, to] of [['alone.txt', `${NAME}/alone.txt`], ['own', `${NAME}/own`], [`${NAME}/Reports`, 'Reports']] as const) {
    await t.rejects(rename(ground.path(from), ground.path(to)), { code: 'EXDEV' }, `${from} → ${to}`)
  }
  await ground.shell(`mkdir fresh; mv alone.txt fresh/`)
  await t.rejects(rename(ground.path('fresh'), ground.path(NAME, 'fresh')), { code: 'EXDEV' }, 'what the portal has, in a folder that it does not have yet')
  await ground.shell(`mv fresh/alone.txt .; rmdir fresh; mv alone.txt own '${NAME}/'; mv '${NAME}/Reports' '${NAME}/a.txt' .`)
  await ground.ok('sync', '--wait', '60')
  t.same(await companyPaths(ground), ['alone.txt', 'own', 'own/deep', 'own/deep/f.txt'])
  t.same((await ground.tree()).map(({ path }) => path).sort(), ['Reports', 'Reports/q1.txt', 'a.txt'])
  t.equal(await ground.shell(`cat '${NAME}/alone.txt' '${NAME}/own/deep/f.txt' Reports/q1.txt a.txt`), 'aloneherefirstone')
  const response = await fetch(`${ground.portal.webhook}disk.file.get?id=${fileThere?.id ?? ''}`)
  t.match(await response.json(), { result: { DELETED_TYPE: '3' } }, 'the original is in the trash')
  await ground.shell(`gio trash '${NAME}/own' '${NAME}/alone.txt'`)
  await ground.ok('sync', '--wait', '60')
  t.same(await companyPaths(ground), [])
})

await t.test('F2, F9, F10: the choice outlives disconnect and connect, and what lay below its name goes to that storage or stays where it lies', fuse, async (t) => {
  const ground = await start(t, { 'a.txt': 'one', 'Reports/q1.txt': 'first', 'Sales/s.txt': 'sold', 'Later/l.txt': 'unread' })
  await ground.ok('storages', 'connect', NAME)
  for (const name of ['Sales', 'Later']) await ground.ok('storages', 'connect', `${NAME}/${name}`)
  await ground.shell(`mv '${NAME}' Firm; cat Firm/a.txt Firm/Reports/q1.txt Sales/s.txt`)
  await ground.ok('disconnect')
  t.equal(await ground.shell('cat Firm/a.txt Firm/Reports/q1.txt Sales/s.txt'), 'onefirstsold', 'what was downloaded stays as ordinary files')
  await ground.shell('printf new > Firm/new.txt')
  await company(ground, 'rights', 'Sales', { level: 'none' })

  const { plan } = await ground.json<{ plan: Readonly<Record<string, unknown>> }>('connect', ground.portal.webhook, '--folder', ground.folder, '--dry-run')
  t.match(plan, { up: { paths: [ground.path('Firm', 'new.txt')] }, left: [{ path: ground.path('Sales'), why: 'not-connected' }] })
  await ground.connect()
  await ground.clearRequests()
  await ground.mount()
  await ground.ok('sync', '--wait', '60')
  t.same(await shown(ground), ['Firm', 'Later'], 'F1: also what nothing is here of')
  t.equal((await ground.requests()).methods.download ?? 0, 0)
  t.same(await companyPaths(ground), ['Later', 'Later/l.txt', 'Reports', 'Reports/q1.txt', 'Sales', 'Sales/s.txt', 'a.txt', 'new.txt'])
  t.same(await ground.tree(), [], 'and nothing of it is in the own drive')
  t.match((await ground.json<Listed>('storages')), { storages: [{ name: NAME, path: ground.path('Firm'), by: 'here' }], folders: [{ name: `${NAME}/Later`, path: ground.path('Later') }] })

  await ground.ok('folders', 'deselect', ground.path('Later'))
  t.match(await ground.cli('storages', 'connect', `${NAME}/Later`), { code: 1, stderr: /folders select/u })
  await ground.ok('disconnect')
  t.match(await ground.json('connect', ground.portal.webhook, '--folder', ground.folder, '--dry-run'), { plan: { up: { paths: [] }, left: [{ path: ground.path('Sales') }] } }, 'also the second time')
  await company(ground, 'rights', 'Sales', { level: 'read' })
  const other = `${ground.folder} again`
  await ground.ok('connect', ground.portal.webhook, '--folder', other)
  await ground.mount()
  t.same((await readdir(other)).sort(), ['Firm', 'Sales'], 'in another folder too, with what can be reached again, without what was left out')
  await ground.ok('folders', 'select', `${other}/Later`)
  t.same(await readdir(`${other}/Later`), ['l.txt'])
  await ground.ok('folders', 'deselect', `${other}/Later`)
  await ground.ok('storages', 'disconnect', 'Later')
  t.match((await ground.json<Listed>('storages')).folders, [{ name: `${NAME}/Sales` }])
})

await t.test('left out and then disconnected, it is shown again when it is connected again', fuse, async (t) => {
  const ground = await start(t)
  await ground.ok('storages', 'connect', NAME)
  await ground.ok('folders', 'deselect', ground.path(NAME))
  await ground.ok('storages', 'disconnect', NAME)
  t.match(await ground.json('storages', 'connect', NAME), { path: ground.path(NAME), by: 'here', already: false })
  t.same((await readdir(ground.path(NAME))).sort(), ['Reports', 'a.txt'])
})

await t.test('what is connected on the web and was left out is not told to be shown', fuse, async (t) => {
  const ground = await start(t)
  await ground.act({ op: 'connect', storage: COMPANY, path: 'Reports' })
  await ground.ok('sync', '--wait', '60')
  await ground.ok('folders', 'deselect', ground.path('Reports'))
  t.match(await ground.cli('storages', 'connect', `${NAME}/Reports`), { code: 1, stderr: /"Reports" of the drive, which was left out: .*folders select/u })
  t.match((await ground.json<Listed>('storages')).folders, { length: 0 }, 'and nothing is kept of it')
  await ground.ok('folders', 'select', ground.path('Reports'))
  t.match(await ground.json('storages', 'connect', `${NAME}/Reports`), { path: ground.path('Reports'), by: 'portal' })
})

await t.test('C20: what only programs name so keeps it connected, and is told what to do with', fuse, async (t) => {
  const ground = await start(t)
  await ground.ok('storages', 'connect', NAME)
  await ground.shell(`printf half > '${NAME}/film.part'`)
  await ground.ok('sync', '--wait', '60')
  t.match(await ground.cli('storages', 'disconnect', NAME), { code: 4, stderr: /film\.part[^]*move away what has a name that only programs use/u })
  await ground.shell(`mv '${NAME}/film.part' .`)
  await ground.ok('storages', 'disconnect', NAME)
  t.equal(await readFile(ground.path('film.part'), 'utf8'), 'half')
})
