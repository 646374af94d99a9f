// A safe first contact (DESIGN.md R21): the portal is tried in a scratch folder and remembered, and a read-only mount changes nothing on it.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, until } from './playground.js'

const fuse = skipWithout('fuse')
const CHANGES = /add|upload|rename|move|copy|delete|restore|share/u

t.setTimeout(180_000)

await t.test('"doctor --live" prints what held, trashes its folder, and the next mount asks for no ranges where there are none', fuse, async (t) => {
  const ground = await Playground.start(t, { mounted: false, seed: 'tree:1x1x9000000', portalArguments: ['--plan', 'self-hosted'] })
  await ground.hook('/traits', { rangeMode: 'D', emptyMultipartFile: 'refused' })
  await ground.connect()
  const before = await ground.tree({ sha256: false })
  t.match(await ground.ok('doctor'), /doctor --live/u, 'the ordinary doctor names it')
  const words = await ground.ok('doctor', '--live')
  t.match(words, /rangeMode +E-52 +"D"/u)
  t.match(words, /emptyMultipartFile +E-36 +"refused"/u)
  t.match(words, /moveIntoLink +E-42 +- +not tried/u)
  t.same(await ground.tree({ sha256: false }), before)
  t.match(await ground.ok('doctor'), /facts tried on \d{4}-/u)

  await ground.mount()
  await ground.clearRequests()
  await ground.shell('tail -c 1 folder-1/file-1.dat > /dev/null')
  const { log } = await ground.requests()
  t.equal(log.filter(({ method }) => method === 'download').length, 1, 'the whole at once')

  await writeFile(join(ground.home, 'state', 'default', 'portal-traits.json'), '{')
  const { code, stdout } = await ground.cli('doctor')
  t.equal(code, 1)
  t.match(stdout, /FAILED +portal .*doctor --live/u, 'a damaged record is named with what to do')
})

// [S-9]
await t.test('a read-only mount shows and reads everything, refuses changes, and sends nothing that waited', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:2x2x3000', settings: { uploadDelay: '0' } })
  await ground.shell('ls -R > /dev/null')
  await ground.ok('pause')
  await ground.shell('echo waiting > edit.txt; echo more >> folder-1/file-1.dat')
  await ground.unmount()
  const before = await ground.tree()

  await ground.mount('--read-only')
  await ground.ok('resume')
  await ground.clearRequests()
  t.match(await ground.ok('status'), /read-only/u)
  t.equal(await ground.shell('cat edit.txt; wc -c < folder-2/file-2.dat'), 'waiting\n3000\n')
  for (const attempt of ['echo no > no.txt', 'echo no >> edit.txt', 'mkdir no', 'mv edit.txt other.txt', 'rm edit.txt', 'touch folder-1', 'truncate -s 0 folder-1/file-1.dat', 'setfattr -n user.elastic.pin -v 1 folder-1 2>&1 | grep -q x']) {
    t.not((await ground.attempt(attempt)).code, 0, attempt)
  }
  await t.test('read-only → EROFS: the kernel says it before us', (t) => t.rejects(writeFile(ground.path('no.txt'), ''), { code: 'EROFS' }))
  const synced = await ground.cli('sync', '--wait', '20')
  t.equal(synced.code, 1)
  t.match(synced.stderr, /read-only: 2 edits/u)
  t.match(await ground.json('status'), { readOnly: true, pendingUploads: 2 })
  t.same(Object.keys((await ground.requests()).methods).filter((method) => CHANGES.test(method)), [])
  t.same(await ground.tree(), before)
  await ground.unmount()

  await ground.mount()
  await until('the edits are sent', async () => (await ground.item('edit.txt')) !== undefined)
  await ground.ok('sync', '--wait', '30')
  t.match(await ground.json('status'), { readOnly: false, pendingUploads: 0 })
})

