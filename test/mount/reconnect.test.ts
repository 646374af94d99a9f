// R11: connecting again to the folder that a disconnect has left, by the F-rows of bitrix24-desktop-sync.md 11.2.
import { chmod, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readStamp } from '../../src/daemon/folder-scan.js'
import { skipWithout } from '../support/skip.js'
import { Playground, until } from './playground.js'

const fuse = skipWithout('fuse')

t.setTimeout(180_000)

interface Plan {
  readonly up: { readonly files: number; readonly folders: number; readonly bytes: number; readonly paths: readonly string[] }
  readonly down: number
  readonly merged: { readonly files: number; readonly folders: number; readonly bytes: number }
  readonly compare: readonly string[]
  readonly conflicts: readonly string[]
  readonly localOnly: readonly string[]
  readonly left: readonly { readonly path: string; readonly why: string }[]
}

async function planOf(ground: Playground): Promise<Plan> {
  return (await ground.json<{ plan: Plan }>('connect', ground.portal.webhook, '--dry-run')).plan
}

/** Connected to the same folder again, mounted, and everything sent and listed. */
async function reconnect(ground: Playground): Promise<void> {
  await ground.ok('connect', ground.portal.webhook)
  await ground.mount()
  await ground.ok('sync', '--wait', '60')
}

await t.test('each F-row: the plan of a dry run, and what comes of it', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  await ground.act({ op: 'mkdir', path: 'plans' })
  const shared = ['same.txt', 'plans/same.txt', 'gone there.txt', 'gone here.txt', 'gone both.txt', 'edited here.txt', 'edited there.txt', 'kind.txt', 'touched.txt']
  for (const path of [...shared, 'placeholder.txt', 'unread.txt']) await ground.act({ op: 'write', path, content: `first ${path}` })
  await ground.ok('sync', '--wait', '30')
  await ground.shell(shared.map((path) => `cat '${path}' > /dev/null`).join('\n'))
  await ground.ok('disconnect')

  for (const path of ['gone there.txt', 'gone both.txt', 'placeholder.txt', 'kind.txt']) await ground.act({ op: 'trash', path })
  await ground.act({ op: 'mkdir', path: 'kind.txt' })
  await ground.act({ op: 'write', path: 'edited there.txt', content: 'second edited there.txt' })
  await ground.act({ op: 'write', path: 'new there.txt', content: 'new' })
  await ground.act({ as: 'owner', op: 'write', path: 'by chance.txt', content: 'the same by chance' })
  for (const name of ['gone here.txt', 'gone both.txt']) await rm(ground.path(name))
  await writeFile(ground.path('edited here.txt'), 'FIRST edited here.txt')
  await utimes(ground.path('touched.txt'), 1, 1)
  await mkdir(ground.path('new here', 'empty'), { recursive: true })
  await writeFile(ground.path('new here', 'a.txt'), 'only here')
  await writeFile(ground.path('by chance.txt'), 'the same by chance')
  await writeFile(ground.path('.~lock.a.odt#'), 'lock')
  await symlink('same.txt', ground.path('link'))
  const before = { there: await ground.tree(), here: await readdir(ground.folder, { recursive: true }) }
  const idOf = (path: string): string | undefined => before.there.find((item) => item.path === path)?.id

  const plan = await planOf(ground)
  const at = (names: readonly string[]): readonly string[] => names.map((name) => ground.path(name)).sort()
  t.same([...plan.up.paths].sort(), at(['gone there.txt', 'new here', 'new here/a.txt', 'new here/empty']), 'F2, and not F3 and F4')
  t.equal(plan.down, 3, 'F1: gone here, new there, unread')
  t.match(plan.merged, { files: 3, folders: 1 }, 'F5: same, plans/same, touched; F7: plans')
  t.same(plan.compare, at(['by chance.txt']), 'F5: of equal size, and nobody knows')
  t.same([...plan.conflicts].sort(), at(['edited here.txt', 'edited there.txt', 'kind.txt']), 'F6, F8')
  t.same(plan.localOnly, at(['.~lock.a.odt#']))
  t.same(plan.left, [{ path: ground.path('link'), why: 'unsupported' }])
  t.match(await ground.ok('connect', ground.portal.webhook, '--dry-run'), /Would connect[^]*Nothing was changed[^]*new here\/a\.txt/u)
  t.same(await ground.tree(), before.there, 'a dry run changes nothing there')
  t.same(await readdir(ground.folder, { recursive: true }), before.here, 'nor here')
  t.equal((await ground.cli('status')).code, 3)

  await reconnect(ground)
  t.equal(await ground.shell('cat "gone here.txt" "gone there.txt" "new there.txt" unread.txt same.txt plans/same.txt "new here/a.txt"'), 'first gone here.txtfirst gone there.txtnewfirst unread.txtfirst same.txtfirst plans/same.txtonly here', 'F1, and the article: deleted here, it is listed again')
  const after = await ground.tree()
  const names = after.map(({ path }) => path)
  for (const path of ['gone there.txt', 'new here/a.txt', 'new here/empty']) t.ok(names.includes(path), `F2, and the article: deleted there, ${path} is uploaded again`)
  for (const path of ['placeholder.txt', 'gone both.txt', '.~lock.a.odt#', 'link']) t.notOk(names.includes(path), `F3, F4, and the article: deleted on both sides, there is no ${path}`)
  for (const path of ['same.txt', 'plans', 'plans/same.txt', 'touched.txt', 'by chance.txt', 'gone here.txt']) t.equal(after.find((item) => item.path === path)?.id, idOf(path), `F5, F7: ${path} is the same item`)
  t.same(after.filter(({ path }) => path === 'same.txt' || path === 'by chance.txt').map(({ version }) => version), [1, 1], 'and no version was made')
  t.equal(await ground.shell('cat "edited there.txt" "edited here.txt"'), 'second edited there.txtfirst edited here.txt', 'F6: the portal keeps the name')
  t.equal(await ground.shell('cat "edited there (conflict "*.txt "edited here (conflict "*.txt'), 'first edited there.txtFIRST edited here.txt', 'F6: and what was here is beside it')
  t.equal(await ground.shell('test -d kind.txt; cat "kind (conflict "*.txt'), 'first kind.txt', 'F8')
  t.same(names.filter((path) => path.includes('(conflict ')).length, 3, 'both are on the portal')
  t.equal(await ground.shell('test ! -e placeholder.txt -a ! -e "gone both.txt"; cat .~lock.a.odt#'), 'lock')
  t.match(await ground.json('status'), { pendingUploads: 0, errors: [] })
})

await t.test('disconnected and connected again with nothing changed: no byte that is here moves', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:3x4x300000', settings: { uploadDelay: '0' } })
  await ground.shell('cat */* > /dev/null; echo mine > mine.txt')
  await ground.ok('sync', '--wait', '60')
  const before = await ground.tree()
  await ground.ok('disconnect')
  await ground.clearRequests()
  t.match(await planOf(ground), { up: { files: 0, folders: 0 }, merged: { files: 13, folders: 3, bytes: 3_600_005 }, compare: [], conflicts: [], down: 0 })
  await reconnect(ground)
  t.equal((await ground.shell('cat */* mine.txt | wc -c')).trim(), '3600005')
  const { bytesUp, bytesDown, methods } = await ground.requests()
  t.ok(bytesUp < 100_000, `${bytesUp} bytes up`)
  t.ok(bytesDown < 300_000, `${bytesDown} bytes down, less than one file`)
  t.notOk(methods.download, 'not even asked for')
  t.same(await ground.tree(), before)
  t.equal(await ground.stateOf('folder-1', (await readdir(ground.path('folder-1')))[0] ?? 'none'), 'cached')
  await ground.unmount()
  t.same(await readdir(ground.folder), ['.elastic-drive'], 'nothing lies below the mount')

  // As by a connect that died before it had taken the last name out of the folder.
  await chmod(ground.folder, 0o755)
  await writeFile(ground.path('left.txt'), 'left')
  const { connectedAt } = JSON.parse(await readFile(join(ground.home, 'config', 'default', 'profile.json'), 'utf8')) as { connectedAt: string }
  const record = { format: 1, connectedAt, files: [{ names: ['left.txt'], stamp: await readStamp(ground.path('left.txt')), content: 1 }], folders: [] }
  await writeFile(join(ground.home, 'state', 'default', 'reconnect.json'), JSON.stringify(record))
  await ground.mount()
  await ground.unmount()
  t.same(await readdir(ground.folder), ['.elastic-drive'], 'the mount does the rest')
})

await t.test('F2, F9, F10: a colleague sees again what was deleted in a shared folder; what may not be sent stays here', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  for (const path of ['Team/plan.txt', 'Team/stays.txt']) await ground.act({ op: 'write', storage: '12', path, content: path })
  for (const path of ['Rules/rule.txt', 'Rules/other.txt']) await ground.act({ op: 'write', storage: '12', path, content: path })
  await ground.act({ op: 'share', storage: '12', path: 'Team' })
  await ground.act({ op: 'share', storage: '12', path: 'Rules', level: 'read' })
  await ground.act({ as: 'owner', op: 'attach', name: 'chat.txt', content: 'from a chat' })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('cat Team/* Rules/* > /dev/null')
  await ground.ok('disconnect')
  await ground.act({ op: 'trash', storage: '12', path: 'Team/plan.txt' })
  await ground.act({ op: 'trash', storage: '12', path: 'Rules/rule.txt' })
  await mkdir(ground.path('Uploaded files'))
  await writeFile(ground.path('Uploaded files', 'note.txt'), 'mine')

  t.same((await planOf(ground)).left, [{ path: ground.path('Uploaded files'), why: 'excluded' }], 'F9')
  await ground.ok('connect', ground.portal.webhook)
  await ground.mount()
  const told = await until('what may not be sent is told', async () => {
    const { errors } = await ground.json<{ errors: readonly { path: string; code: string }[] }>('status')
    return errors.length > 0 && errors
  })
  t.match(told, [{ path: ground.path('Rules', 'rule.txt'), code: 'forbidden' }], 'F10: reported')
  await until('the colleague sees it again', async () => (await ground.everything()).some(({ path }) => path === 'Team/plan.txt'))
  const theirs = (await ground.everything()).filter(({ storage }) => storage === '12').map(({ path }) => path)
  t.notOk(theirs.includes('Rules/rule.txt'), 'F10')
  t.notOk((await ground.everything()).some(({ path }) => path.endsWith('note.txt')), 'F9: not sent')
  t.equal(await ground.shell('cat Team/plan.txt Team/stays.txt Rules/other.txt'), 'Team/plan.txtTeam/stays.txtRules/other.txt')
  t.equal(await ground.shell('cat Rules/rule.txt'), 'Rules/rule.txt', 'F10: kept here')
  await ground.ok('disconnect', '--yes')
  t.equal(await readFile(ground.path('Uploaded files', 'note.txt'), 'utf8'), 'mine', 'F9: left alone')
})
