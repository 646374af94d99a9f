import t from 'tap'
import { readFile } from 'node:fs/promises'
import { FakeClock, type Clock } from '../../src/base/clock.js'
import { startPortal } from '../../src/portal/portal.js'
import { TRAIT_SPECS } from '../../src/portal/traits.js'
import { portalFor } from './drive-client.js'
import { text } from './json.js'

void t.test('tree lists every live object with path, size, hash and version, and leaves hashes out when told', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.act('write', { path: 'P/a.txt', content: 'hello' })
  const items = await portal.hook('tree')
  t.same(items, [
    { storage: '11', path: 'P', id: file.parentId, type: 'folder', size: null, sha256: null, version: null, parentId: '31' },
    { storage: '11', path: 'P/a.txt', id: file.id, type: 'file', size: 5, sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824', version: 1, parentId: file.parentId },
  ])
  t.notOk('sha256' in (await portal.hook('tree?sha256=0'))[0]!)
})

void t.test('requests counts HTTP requests, calls inside batches, and bytes; hooks are not counted; DELETE clears', async (t) => {
  const portal = await portalFor(t)
  await portal.hook('requests', undefined, 'DELETE')
  await portal.call('batch', { cmd: { a: 'disk.folder.get?id=31', b: 'disk.folder.get?id=31' } })
  const file = await portal.file('31', 'a.txt', '12345')
  await portal.fetch(text(file.DOWNLOAD_URL), { headers: { Range: 'bytes=1-3' } })
  const report = await portal.hook('requests')
  t.equal(report.total, 3)
  t.same(report.methods, { batch: 1, 'disk.folder.get': 2, 'disk.folder.uploadfile': 1, download: 1 })
  t.same([report.bytesUp, report.bytesDown, report.limited, report.peakPerSecond], [5, 3, 0, 3])
  t.same(report.log.map((each) => [each.method, each.status]), [['batch', 200], ['disk.folder.uploadfile', 200], ['download', 206]])
  t.notMatch(JSON.stringify(report.log), /MTIzNDU=/, 'bodies are left out')
  await portal.hook('requests', undefined, 'DELETE')
  t.equal((await portal.hook('requests')).total, 0)
})

void t.test('latency is added to each answer and blocks nobody else', async (t) => {
  const clock = new FakeClock()
  const armed: number[] = []
  const watched: Clock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer(delayMs, callback) {
      armed.push(delayMs)
      return clock.setTimer(delayMs, callback)
    },
  }
  const portal = await portalFor(t, { clock: watched })
  await portal.hook('latency', { ms: 5000 })
  const both = Promise.all([portal.call('profile'), portal.call('profile')])
  while (armed.length < 2) await portal.hook('requests')
  await clock.advance(5000)
  t.same((await both).map((answer) => answer.status), [200, 200])
  t.same(armed, [5000, 5000])
})

void t.test('rate is of one line that all answers share', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt', 'x'.repeat(100_000))
  const url = text(file.DOWNLOAD_URL)
  await portal.hook('rate', { bytesPerSecond: 1_000_000 })
  const startMs = performance.now()
  const both = await Promise.all([1, 2].map(async () => (await portal.fetch(url)).text))
  const tookMs = performance.now() - startMs
  t.same(both.map(({ length }) => length), [100_000, 100_000])
  t.ok(tookMs >= 190, `${tookMs} ms`)
  await portal.hook('rate', { bytesPerSecond: 0 })
  t.equal((await portal.fetch(url)).text.length, 100_000)
})

void t.test('acts: write makes and changes, rename, move, trash, restore and purge answer the item as in tree', async (t) => {
  const portal = await portalFor(t)
  const made = await portal.act('write', { path: 'a.txt', contentBase64: 'aGVsbG8=' })
  t.match(made, { path: 'a.txt', type: 'file', size: 5, version: 1 })
  t.match(await portal.act('write', { as: 'colleague', path: 'a.txt', content: '' }), { id: made.id, size: 0, version: 2 })
  t.equal((await portal.result('disk.file.get', { id: made.id })).UPDATED_BY, '2')
  t.match(await portal.act('rename', { path: 'a.txt', name: 'b.txt' }), { id: made.id, path: 'b.txt' })
  await portal.act('mkdir', { path: 'P' })
  t.match(await portal.act('move', { path: 'b.txt', to: 'P' }), { id: made.id, path: 'P/b.txt' })
  t.match(await portal.act('move', { path: 'P/b.txt', to: '' }), { path: 'b.txt' })
  t.match(await portal.act('trash', { path: 'b.txt' }), { id: made.id })
  t.match(await portal.act('restore', { id: made.id }), { id: made.id, path: 'b.txt' })
  const moved = await portal.act('move', { path: 'b.txt', toStorage: '13', to: '' })
  t.match(moved, { storage: '13', path: 'b.txt' })
  t.not(moved.id, made.id, 'another storage means another id')
  await portal.act('purge', { id: moved.id })
  t.equal((await portal.call('disk.file.get', { id: moved.id })).json.error, 'ERROR_NOT_FOUND')
})

void t.test('an act that does not fit is refused with words and changes nothing', async (t) => {
  const portal = await portalFor(t)
  for (const order of [{ op: 'dance' }, { op: 'trash', path: 'nothing' }, { op: 'write', path: 'a:b', content: '' }, { op: 'rename', path: '' }, { op: 'write', as: 'nobody', path: 'a', content: '' }]) {
    await t.rejects(portal.hook('act', order), /400/)
  }
  t.same(await portal.hook('tree'), [])
})

void t.test('traits are listed, changed one by one, and an unknown one is refused', async (t) => {
  const portal = await portalFor(t, { traits: { rangeMode: 'B' } })
  t.equal((await portal.hook('traits')).traits.rangeMode, 'B')
  await portal.hook('traits', { rangeMode: 'D' })
  t.equal((await portal.hook('traits')).traits.rangeMode, 'D')
  await t.rejects(portal.hook('traits', { rangeMode: 'Z' }), /400/)
  await t.rejects(portal.hook('traits', { colour: 'red' }), /400/)
})

void t.test('several portals run at once, and close ends busy connections', async (t) => {
  const first = await portalFor(t)
  const second = await startPortal()
  t.not(first.running.url, second.url)
  await first.hook('latency', { ms: 60_000 })
  const waiting = first.call('profile')
  while (Number((await first.hook('requests')).total) < 1);
  const refused = t.rejects(waiting)
  await first.running.close()
  await refused
  await second.close()
})

void t.test('an unknown seed is refused', async (t) => {
  await t.rejects(startPortal({ seed: 'forest' }), { code: 'usage' })
})

void t.test('the README names every trait, every hook and every kind of fault', async (t) => {
  const readme = await readFile(new URL('../../../src/portal/README.md', import.meta.url), 'utf8')
  for (const name of Object.keys(TRAIT_SPECS)) t.ok(readme.includes(`\`${name}\``), name)
  for (const hook of ['tree', 'requests', 'act', 'faults', 'limits', 'latency', 'rate', 'clock', 'traits', 'account', 'application', 'host', 'sharings']) t.ok(readme.includes(`$HOOKS/${hook}`), hook)
  for (const kind of ['status', 'html', 'reset', 'stall', 'truncate', 'lost-answer', 'slow', 'empty', 'range-mode', 'result-false', 'rival', 'partial', 'replaced']) t.ok(readme.includes(`\`${kind}\``), kind)
})
