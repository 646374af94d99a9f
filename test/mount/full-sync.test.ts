/**
 * `sync --full` (R11) on a mount that stays: the F-rows of bitrix24-desktop-sync.md 11.2, the article's word on it, what a
 * dry run tells, and what is left of one that the portal or a kill cuts short. More of its rows, and each step at which it may die, are
 * in test/daemon/full-sync.test.ts.
 */
import { open, stat } from 'node:fs/promises'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, until } from './playground.js'
import { COLLEAGUE, COMPANY, playRows, type Row } from './row-play.js'

const fuse = skipWithout('fuse')

t.setTimeout(180_000) // a loaded machine is slow, not wrong

const ROWS: readonly Row[] = [
  {
    promise: 'F1: deleted here and not sent, and new there: it is shown, under the same ids',
    files: { 'cached.txt': '1', 'listed.txt': '2', 'tree/deep/cached.txt': '3' },
    here: 'rm cached.txt listed.txt; rm -r tree',
    there: (stage) => stage.act('write', 'new.txt', { content: '4' }),
    ends: {
      'cached.txt': { is: 'cached.txt', holds: '1', versions: 0, state: 'placeholder' },
      'listed.txt': { is: 'listed.txt', holds: '2', versions: 0, state: 'placeholder' },
      'new.txt': { is: 'new', holds: '4' },
      tree: { is: 'tree' },
      'tree/deep': { is: 'tree/deep' },
      'tree/deep/cached.txt': { is: 'tree/deep/cached.txt', holds: '3' },
    },
  },
  {
    promise: 'F2: deleted there, with a folder and edited here: what is here whole is uploaded again',
    files: { 'cached.txt': '1', 'cached edited.txt': '2', 'tree/deep/cached.txt': '3', 'tree/listed.txt': '4' },
    here: "printf mine > 'cached edited.txt'; printf made > tree/made.txt",
    there: async (stage) => {
      for (const path of ['cached.txt', 'cached edited.txt', 'tree']) await stage.act('trash', path)
    },
    ends: {
      'cached.txt': { is: 'new', holds: '1', state: 'cached' },
      'cached edited.txt': { is: 'new', holds: 'mine' },
      tree: { is: 'new' },
      'tree/deep': { is: 'new' },
      'tree/deep/cached.txt': { is: 'new', holds: '3', state: 'cached' },
      'tree/made.txt': { is: 'new', holds: 'made' },
    },
  },
  ...([COMPANY, COLLEAGUE] as const).map((storage): Row => ({
    promise: `F2: deleted in a ${storage === COMPANY ? 'connected folder of the company' : 'folder that a colleague shares'}: everybody there sees it again`,
    storage,
    files: { 'cached.txt': '1', 'listed.txt': '2', 'stays.txt': '3' },
    there: async (stage) => {
      for (const path of ['cached.txt', 'listed.txt']) await stage.act('trash', path)
    },
    ends: { 'cached.txt': { is: 'new', holds: '1', state: 'cached' }, 'stays.txt': { is: 'stays.txt', holds: '3' } },
  })),
  {
    promise: 'F3: deleted there and not here whole: it goes, and nothing is uploaded',
    files: { 'listed.txt': '1', 'tree/listed.txt': '2', 'stays.txt': '3' },
    there: async (stage) => {
      for (const path of ['listed.txt', 'tree']) await stage.act('trash', path)
    },
    ends: { 'stays.txt': { is: 'stays.txt', holds: '3' } },
  },
  {
    promise: 'F4: deleted on both sides it stays gone',
    files: { 'cached.txt': '1', 'tree/cached.txt': '2', 'stays.txt': '3' },
    here: 'rm -r cached.txt tree',
    there: async (stage) => {
      for (const path of ['cached.txt', 'tree']) await stage.act('trash', path)
    },
    ends: { 'stays.txt': { is: 'stays.txt', holds: '3' } },
  },
  {
    promise: 'F5: the same bytes on both sides are one file, and what is known to be the same is not even compared',
    files: { 'cached.txt': '1', 'cached edited.txt': '2', 'made again.txt': '3' },
    here: "printf same > 'cached edited.txt'; printf 'by chance' > made.txt; rm 'made again.txt'; printf 3 > 'made again.txt'",
    there: async (stage) => {
      await stage.act('write', 'cached edited.txt', { content: 'same' })
      await stage.act('write', 'made.txt', { content: 'by chance' })
    },
    ends: {
      'cached.txt': { is: 'cached.txt', holds: '1', versions: 0, state: 'cached' },
      'cached edited.txt': { is: 'cached edited.txt', holds: 'same', versions: 1, state: 'cached' },
      'made.txt': { is: 'new', holds: 'by chance', state: 'cached' },
      'made again.txt': { is: 'made again.txt', holds: '3', versions: 0, state: 'cached' },
    },
    compared: 3,
  },
  {
    promise: 'F6: different bytes on both sides are both kept, whichever side changed',
    files: { 'cached here.txt': '1', 'cached there.txt': '2', 'cached both.txt': '3', 'listed.txt': '4' },
    here: "printf mine > 'cached here.txt'; printf 'mine too' > 'cached both.txt'; printf made > made.txt",
    there: async (stage) => {
      for (const path of ['cached there.txt', 'cached both.txt', 'listed.txt', 'made.txt']) await stage.act('write', path, { content: `theirs ${path}` })
    },
    ends: {
      'cached both (conflict).txt': { is: 'new', holds: 'mine too' },
      'cached both.txt': { is: 'cached both.txt', holds: 'theirs cached both.txt' },
      'cached here (conflict).txt': { is: 'new', holds: 'mine' },
      'cached here.txt': { is: 'cached here.txt', holds: '1', versions: 0 },
      'cached there (conflict).txt': { is: 'new', holds: '2' },
      'cached there.txt': { is: 'cached there.txt', holds: 'theirs cached there.txt' },
      'listed.txt': { is: 'listed.txt', holds: 'theirs listed.txt' },
      'made (conflict).txt': { is: 'new', holds: 'made' },
      'made.txt': { is: 'new', holds: 'theirs made.txt' },
    },
  },
  {
    promise: 'F7: folders of the same name are one',
    files: { 'tree/cached.txt': '1' },
    here: 'mkdir made; printf here > made/here.txt; rm -r tree; mkdir tree; printf here > tree/here.txt',
    there: async (stage) => {
      await stage.act('mkdir', 'made')
      await stage.act('write', 'made/there.txt', { content: 'there' })
    },
    ends: {
      made: { is: 'new' },
      'made/here.txt': { is: 'new', holds: 'here' },
      'made/there.txt': { is: 'new', holds: 'there' },
      tree: { is: 'tree' },
      'tree/cached.txt': { is: 'tree/cached.txt', holds: '1' },
      'tree/here.txt': { is: 'new', holds: 'here' },
    },
  },
  {
    promise: 'F8: a file against a folder: the one that is here gets another name',
    files: { 'cached kind': '1' },
    here: 'printf made > made; mkdir folder; printf in > folder/in.txt',
    there: async (stage) => {
      await stage.act('trash', 'cached kind')
      for (const path of ['cached kind', 'made']) await stage.act('mkdir', path)
      await stage.act('write', 'folder', { content: 'a file' })
    },
    ends: {
      'cached kind': { is: 'new' },
      'cached kind (conflict)': { is: 'new', holds: '1' },
      folder: { is: 'new', holds: 'a file' },
      'folder (conflict)': { is: 'new' },
      'folder (conflict)/in.txt': { is: 'new', holds: 'in' },
      made: { is: 'new' },
      'made (conflict)': { is: 'new', holds: 'made' },
    },
  },
  {
    promise: 'F5: renamed and moved on either side it is the same object, with its bytes and its inode',
    files: { 'cached there.txt': '1', 'cached here.txt': '2', 'cached stays.txt': '3', 'inner/listed.txt': '4' },
    here: "mv 'cached here.txt' inner/here.txt",
    there: async (stage) => {
      await stage.act('rename', 'cached there.txt', { name: 'there.txt' })
      await stage.act('rename', 'inner', { name: 'outer' })
    },
    ends: {
      'cached stays.txt': { is: 'cached stays.txt', holds: '3', state: 'cached' },
      outer: { is: 'inner' },
      'outer/here.txt': { is: 'cached here.txt', holds: '2', state: 'cached' },
      'outer/listed.txt': { is: 'inner/listed.txt', holds: '4', state: 'placeholder' },
      'there.txt': { is: 'cached there.txt', holds: '1', state: 'cached' },
    },
    keepsInodes: true,
  },
]

// [S-82]
await t.test('each F-row, "Full synchronization" instead of the end of a pause', fuse, (t) => playRows(t, ROWS, 'paused', 'full'))

const READING = /^(batch|disk\.(folder|file)\.get|disk\.folder\.getchildren)$/u

// [S-82]
await t.test('the article: deleted by colleagues during a pause, "Full synchronization" uploads it again; a dry run tells, and what is open stays open', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  for (const path of ['cached.txt', 'listed.txt', 'same.txt', 'deleted.txt', 'edited.txt', 'size.txt']) await ground.act({ op: 'write', path, content: `first ${path}` })
  for (const path of ['plan.txt', 'stays.txt']) await ground.act({ op: 'write', storage: COLLEAGUE, path: `Team/${path}`, content: path })
  await ground.act({ op: 'share', storage: COLLEAGUE, path: 'Team' })
  await ground.ok('sync', '--wait', '60')
  await ground.shell('cat cached.txt same.txt edited.txt size.txt Team/* > /dev/null')
  await ground.ok('pause')
  for (const path of ['cached.txt', 'listed.txt']) await ground.act({ op: 'trash', path })
  await ground.act({ op: 'trash', storage: COLLEAGUE, path: 'Team/plan.txt' })
  await ground.act({ op: 'write', path: 'new there.txt', content: 'new' })
  await ground.shell('rm deleted.txt; printf "new here" > new.txt; printf mine > edited.txt; printf "FIRST size.txt" > size.txt')
  const handle = await open(ground.path('cached.txt'))
  t.teardown(() => handle.close())
  const { ino } = await handle.stat()
  const before = await ground.everything()

  t.match(await ground.cli('sync', '--full'), { code: 3, stderr: /paused.*resume.*sync --full --yes/u })
  t.match(await ground.cli('sync', '--dry-run'), { code: 2 })
  await ground.clearRequests()
  const { dryRun, plan } = await ground.json<{ dryRun: boolean; plan: Readonly<Record<string, unknown>> & { up: { paths: readonly string[] } } }>('sync', '--full', '--dry-run')
  t.equal(dryRun, true)
  t.match({ ...plan, up: { ...plan.up, paths: [...plan.up.paths].sort() } }, {
    up: { files: 3, folders: 0, bytes: 'first cached.txt'.length + 'plan.txt'.length + 'new here'.length, paths: [ground.path('Team', 'plan.txt'), ground.path('cached.txt'), ground.path('new.txt')] },
    reappears: [ground.path('Team', 'plan.txt')],
    down: 2,
    merged: { files: 2, folders: 1, bytes: 'first same.txt'.length + 'stays.txt'.length },
    compare: [ground.path('size.txt')],
    conflicts: [ground.path('edited.txt')],
    dropped: 1,
    uncompared: [],
  })
  t.match(await ground.ok('sync', '--full', '--dry-run'), /^Would drop[^]*Nothing was changed[^]*Reappears {2}1 item of these[^]*Team\/plan\.txt[^]*Conflicts/u)
  t.same(Object.keys((await ground.requests()).methods).filter((method) => !READING.test(method)), [], 'it only asks')
  await ground.fault({ method: 'disk.folder.getchildren', kind: 'status', status: 500, times: 1_000 })
  t.match(await ground.cli('sync', '--full', '--yes'), { code: 1, stderr: /./u })
  await ground.clearFaults()
  t.match(await ground.json('status'), { connection: 'paused', pendingUploads: 4 }, 'what the portal did not tell changes nothing')
  t.same(await ground.everything(), before)

  await ground.clearRequests()
  t.match(await ground.json('sync', '--full', '--yes', '--wait', '60'), { outcome: 'done', pendingUploads: 0, plan: { reappears: [ground.path('Team', 'plan.txt')], dropped: 1 } })
  const { methods } = await ground.requests()
  t.match(methods, { 'disk.folder.uploadfile': 5, download: 1 }, 'three that are only here and two conflict copies; one of equal size is compared')
  t.same(Object.keys(methods).filter((method) => /delete|restore|version/u.test(method)), [], 'nothing is trashed, and nobody gets a version')
  const after = await ground.everything()
  const idIn = (tree: typeof after, path: string): string | undefined => tree.find((item) => item.path === path)?.id
  for (const path of ['cached.txt', 'Team/plan.txt']) t.not(idIn(after, path) ?? idIn(before, path), idIn(before, path), `${path} is uploaded again, and everybody sees it`)
  for (const path of ['same.txt', 'deleted.txt', 'edited.txt', 'size.txt', 'Team/stays.txt']) t.equal(idIn(after, path), idIn(before, path), path)
  t.equal(idIn(after, 'listed.txt'), undefined)
  t.equal(await ground.shell('cat deleted.txt "new there.txt" "edited (conflict "*'), 'first deleted.txtnewmine')
  t.equal((await handle.readFile()).toString(), 'first cached.txt')
  t.equal((await stat(ground.path('cached.txt'))).ino, ino, 'the same inode')
  t.match(await ground.json('status'), { connection: 'online', errors: [] })
})

await t.test('F9, F10: what does not synchronize is left alone, and what may not be sent stays here and is told', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  for (const path of ['rule.txt', 'stays.txt']) await ground.act({ op: 'write', storage: COMPANY, path: `Rules/${path}`, content: path })
  await ground.act({ op: 'connect', storage: COMPANY, path: 'Rules' })
  await ground.act({ op: 'rights', storage: COMPANY, path: 'Rules', level: 'read' })
  await ground.act({ as: 'owner', op: 'attach', name: 'chat.txt', content: 'from a chat' })
  await ground.act({ op: 'write', path: 'Not wanted/file.txt', content: 'there' })
  await ground.act({ op: 'write', storage: COMPANY, path: 'Open/plan.txt', content: 'plan.txt' })
  await ground.ok('storages', 'connect', 'Company drive/Open')
  await ground.ok('sync', '--wait', '60')
  await ground.shell('cat "Not wanted/file.txt" Open/plan.txt')
  await ground.ok('folders', 'deselect', ground.path('Not wanted'))
  await ground.shell('cat Rules/* > /dev/null; printf lock > .~lock.a.odt#')
  await ground.ok('pause')
  for (const path of ['Rules/rule.txt', 'Open/plan.txt']) await ground.act({ op: 'trash', storage: COMPANY, path })
  await ground.ok('sync', '--full', '--yes')
  const told = await until('what may not be sent is told', async () => {
    const { errors } = await ground.json<{ errors: readonly { path: string; code: string }[] }>('status')
    return errors.length > 0 && errors
  })
  t.match(told, [{ path: ground.path('Rules', 'rule.txt'), code: 'forbidden' }], 'F10: reported')
  t.equal(await ground.shell('cat Rules/rule.txt Rules/stays.txt .~lock.a.odt#'), 'rule.txtstays.txtlock', 'F10: kept here')
  t.same((await ground.everything()).map(({ path }) => path).filter((path) => /rule|lock/u.test(path)), [], 'F9, F10: not on the portal')
  t.equal(await ground.shell('ls'), 'Open\nRules\n', 'F9: "Uploaded files" and what is not wanted here are not shown either')
  t.match(await ground.item('Not wanted/file.txt'), { version: 1 }, 'F9: and stay there')
  await until('it is uploaded again', async () => (await ground.tree({ storage: COMPANY })).some(({ path }) => path === 'Open/plan.txt')) // F2, in a folder that was connected here
})

await t.test('kill -9 while it compares: it is not in effect; after its answer: it goes on; an unsent edit is there both times', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
  for (const path of ['one.txt', 'two.txt', 'edited.txt']) await ground.act({ op: 'write', path, content: `first ${path}` })
  await ground.ok('sync', '--wait', '60')
  await ground.shell('cat * > /dev/null')
  await ground.ok('pause')
  await ground.shell('printf mine > edited.txt')
  await ground.act({ op: 'trash', path: 'one.txt' })
  await ground.fault({ method: 'disk.folder.getchildren', kind: 'stall', ms: 60_000, times: 1 })
  const cut = ground.cli('sync', '--full', '--yes')
  await until('it waits for a listing', async () => (await ground.faults()).length === 0)
  await ground.killDaemon()
  t.not((await cut).code, 0)
  await ground.mount()
  t.match(await ground.json('status'), { connection: 'paused', pendingUploads: 1 })
  await ground.ok('resume')
  await ground.ok('sync', '--wait', '60')
  t.same((await ground.tree()).map(({ path, version }) => [path, version]).sort(), [['edited.txt', 2], ['two.txt', 1]], 'history is kept: what was deleted there is gone, and the edit is a version')

  await ground.shell('cat two.txt') // a daemon that was killed has not written down what it had fetched
  await ground.ok('pause')
  await ground.shell('printf "mine again" > edited.txt')
  await ground.act({ op: 'trash', path: 'two.txt' })
  await ground.fault({ method: 'disk.folder.uploadfile', kind: 'status', status: 500, times: 1_000 })
  await ground.ok('sync', '--full', '--yes')
  await ground.killDaemon()
  await ground.clearFaults()
  await ground.mount()
  await ground.ok('sync', '--wait', '60')
  t.same((await ground.tree()).map(({ path }) => path.replace(/ \(.*\)/u, ' (conflict)')).sort(), ['edited (conflict).txt', 'edited.txt', 'two.txt'])
  t.equal(await ground.shell('cat two.txt edited.txt "edited (conflict "*'), 'first two.txtminemine again')
  t.match(await ground.json('status'), { pendingUploads: 0, errors: [] })
})
