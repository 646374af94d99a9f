// The main job, acceptance 6: what others do shows here, and what both did is kept twice.
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, until } from './playground.js'

const SHOWN_MS = 15_000

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

// [S-13]
await t.test("in a folder in use a colleague's changes show within 15 s", fuse, async (t) => {
  const ground = await Playground.start(t)
  for (const name of ['old.txt', 'moved.txt', 'gone.txt', 'changed.txt']) await ground.act({ op: 'write', path: name, content: `${name} of before` })
  await ground.act({ op: 'mkdir', path: 'sub' })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('ls . sub; cat changed.txt old.txt')
  const ids = await ground.shell('stat -c %i changed.txt old.txt')
  await ground.clearRequests()

  await ground.act({ op: 'write', path: 'changed.txt', content: 'changed by a colleague' })
  await ground.act({ op: 'rename', path: 'old.txt', name: 'new.txt' })
  await ground.act({ op: 'move', path: 'moved.txt', to: 'sub' })
  await ground.act({ op: 'trash', path: 'gone.txt' })
  await ground.act({ op: 'mkdir', path: 'made' })
  await ground.act({ op: 'write', path: 'fresh.txt', content: 'fresh' })
  const beganMs = performance.now()
  await until('all of it shows', async () => (await ground.shell('ls . sub')) === '.:\nchanged.txt\nfresh.txt\nmade\nnew.txt\nsub\n\nsub:\nmoved.txt\n' && (await ground.shell('cat changed.txt')) === 'changed by a colleague', SHOWN_MS)
  t.comment(`shown after ${Math.round(performance.now() - beganMs)} ms`)
  t.equal(await ground.shell('stat -c %i changed.txt new.txt'), ids, 'the items kept their inodes')
  t.equal((await ground.requests()).bytesDown, 'changed by a colleague'.length, 'the renamed file was not downloaded again')
  t.equal(await ground.shell('cat new.txt'), 'old.txt of before')
  t.equal((await ground.requests()).bytesDown, 'changed by a colleague'.length)
})

// [S-13]
await t.test('anywhere in the drive a change shows at once after sync', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:30x2x100' })
  const [file] = (await ground.shell('find . -type f | sort | tail -1')).trim().split('\n') as [string]
  await ground.shell(`cat '${file}'`)
  await ground.act({ op: 'rename', path: file.slice(2), name: 'renamed there.bin' })
  await ground.ok('sync', '--wait', '30')
  await ground.clearRequests()
  await ground.shell(`test ! -e '${file}'; cat "$(dirname '${file}')/renamed there.bin" > /dev/null`)
  t.equal((await ground.requests()).bytesDown, 0)
})

// [S-24]
await t.test('a file that is open when a colleague changes it keeps its old bytes; a new open has the new ones', fuse, async (t) => {
  const ground = await Playground.start(t)
  await ground.act({ op: 'write', path: 'a.txt', content: 'old bytes' })
  await ground.ok('sync', '--wait', '30')
  const act = JSON.stringify({ as: 'colleague', op: 'write', path: 'a.txt', content: 'NEW' })
  const read = await ground.shell(`
    exec 3< a.txt
    head -c 3 <&3
    '${process.execPath}' -e 'fetch(process.argv[1], { method: "POST", body: process.argv[2] }).then(({ ok }) => process.exit(ok ? 0 : 1))' '${ground.portal.hooks}/act' '${act}'
    ELASTIC_DRIVE_HOME='${ground.home}' '${process.execPath}' '${new URL('../../src/cli/main.js', import.meta.url).pathname}' sync --wait 30 > /dev/null
    cat <&3; echo; cat a.txt`)
  t.equal(read, 'old bytes\nNEW')
})

// [S-14]
await t.test('a file changed on both sides ends as two files, both on both sides (C7)', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '1' } })
  await ground.act({ as: 'owner', op: 'write', path: 'plan.txt', content: 'base' })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('cat plan.txt')
  await ground.ok('pause')
  await ground.shell('echo mine > plan.txt')
  await ground.act({ op: 'write', path: 'plan.txt', content: 'theirs' })
  await ground.ok('resume')
  await ground.ok('sync', '--wait', '30')
  const names = (await ground.shell('ls')).trim().split('\n')
  t.equal(names.length, 2)
  const copy = names.find((name) => name !== 'plan.txt') ?? ''
  t.match(copy, /^plan \(conflict .+ \d{4}-\d\d-\d\d \d\d-\d\d-\d\d\)\.txt$/)
  t.equal(await ground.shell('cat plan.txt'), 'theirs')
  t.equal(await ground.shell(`cat '${copy}'`), 'mine\n')
  const portal = new Map((await ground.tree()).map((item) => [item.path, item]))
  t.equal(portal.get('plan.txt')?.size, 'theirs'.length)
  t.equal(portal.get(copy)?.size, 'mine\n'.length)
})

await t.test('a deletion made elsewhere during a pause is applied on resume, not undone (C14)', fuse, async (t) => {
  const ground = await Playground.start(t)
  await ground.act({ op: 'write', path: 'here.txt', content: 'bytes' })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('cat here.txt')
  await ground.ok('pause')
  t.equal((await ground.json<{ connection: string }>('status')).connection, 'paused')
  t.equal((await ground.cli('sync')).code, 3)
  await ground.act({ op: 'trash', path: 'here.txt' })
  t.equal(await ground.shell('cat here.txt'), 'bytes')
  await ground.ok('resume')
  await until('the deletion is applied', async () => (await ground.attempt('test ! -e here.txt')).code === 0)
  t.same(await ground.tree().then((items) => items.filter(({ type }) => type === 'file')), [])
})

// [S-5]
await t.test('a pause stops uploads, and reading goes on', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x1x1000', settings: { uploadDelay: '0' } })
  const path = (await ground.shell('find . -type f')).trim()
  await ground.ok('pause')
  await ground.clearRequests()
  await ground.shell(`echo written > new.txt; cat '${path}' > /dev/null`)
  const { methods } = await ground.requests()
  t.notOk(methods['disk.folder.uploadfile'])
  t.equal(methods.download, 1)
  t.equal((await ground.json<{ pendingUploads: number }>('status')).pendingUploads, 1)
  await ground.ok('resume')
  await ground.ok('sync', '--wait', '30')
  t.ok(await ground.item('new.txt'))
})

const LIST = 'disk.folder.getchildren'
const BAD_SWEEPS: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> = {
  '500 for every list': [{ method: LIST, kind: 'status', status: 500 }],
  '500 for every request': [{ method: 'batch', kind: 'status', status: 500 }, { method: LIST, kind: 'status', status: 500 }],
  '403 for every list': [{ method: LIST, kind: 'status', status: 403, error: 'ACCESS_DENIED' }],
  '403 for every list and folder': [LIST, 'disk.folder.get'].map((method) => ({ method, kind: 'status', status: 403, error: 'ACCESS_DENIED' })),
  'empty lists': [{ method: LIST, kind: 'empty' }],
  '404 for the root and everything below': [LIST, 'disk.folder.get'].map((method) => ({ method, kind: 'status', status: 404, error: 'ERROR_NOT_FOUND' })),
  'half pages': [{ method: LIST, kind: 'half' }],
  'half pages with a total that fits them': [{ method: LIST, kind: 'half', total: 'short' }],
  'pages that break off': [{ method: 'batch', kind: 'truncate', bytes: 300 }, { method: LIST, kind: 'truncate', bytes: 300 }],
}

// [S-14]
await t.test('whatever a portal answers a sweep with, nothing is deleted here or sent as deleted; a real deletion still arrives', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:4x30' })
  const names = async (): Promise<string> => ground.shell('find . | sort')
  const before = await names()
  await ground.shell('cat folder-1/* > /dev/null; echo mine > folder-2/unsent.txt')
  await ground.ok('sync', '--wait', '30')
  let withMine = await names()
  t.equal(withMine.split('\n').length, before.split('\n').length + 1)
  for (const [name, faults] of Object.entries(BAD_SWEEPS)) {
    await ground.clearRequests()
    for (const fault of faults) await ground.fault({ ...fault, times: 1_000 })
    await ground.cli('sync', '--wait', '3')
    t.ok((await ground.faults()).some(({ times }) => times < 1_000), `${name}: met`)
    await ground.clearFaults()
    t.equal(await names(), withMine, name)
    const { methods } = await ground.requests()
    t.same(Object.keys(methods).filter((method) => method.includes('markdeleted')), [], `${name}: nothing is sent as deleted`)
    const gone = `folder-3/${(await ground.shell('ls folder-3')).split('\n')[0] ?? ''}`
    await ground.act({ as: 'colleague', op: 'trash', path: gone })
    await ground.ok('sync', '--wait', '30')
    t.notOk((await names()).includes(`./${gone}\n`), `${name}: then a real deletion arrives`)
    withMine = await names()
  }
  t.equal((await ground.tree()).length + 1, (await names()).trim().split('\n').length)
})
