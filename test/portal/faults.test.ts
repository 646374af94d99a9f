import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { portalFor, type TestPortal } from './drive-client.js'
import { text } from './json.js'

const fault = (portal: TestPortal, order: object): Promise<unknown> => portal.hook('faults', order)

void t.test('E-10: a status by its number, with a code or a body of its own', async (t) => {
  const portal = await portalFor(t)
  await fault(portal, { method: 'profile', kind: 'status', status: 503 })
  await fault(portal, { method: 'profile', kind: 'status', status: 400, error: 'DISK_OBJ_22000' })
  await fault(portal, { method: 'profile', kind: 'status', status: 500, body: 'plain words' })
  t.equal((await portal.call('profile')).json.error, 'QUERY_LIMIT_EXCEEDED')
  t.equal((await portal.call('profile')).json.error, 'DISK_OBJ_22000')
  const body = await portal.call('profile')
  t.same([body.status, body.text], [500, 'plain words'])
  t.equal((await portal.call('profile')).status, 200)
  t.equal((await portal.hook('requests')).limited, 1)
})

void t.test('E-10: after and times count calls of the method, and the oldest that fits wins', async (t) => {
  const portal = await portalFor(t)
  await fault(portal, { method: 'profile', after: 1, times: 2, kind: 'status', status: 500 })
  await fault(portal, { method: '*', times: 2, kind: 'status', status: 502 })
  const statuses: number[] = []
  for (let index = 0; index < 5; index += 1) statuses.push((await portal.call('profile')).status)
  t.same(statuses, [502, 500, 500, 502, 200])
})

void t.test('E-10: DELETE takes all faults away', async (t) => {
  const portal = await portalFor(t)
  await fault(portal, { method: '*', times: 99, kind: 'reset' })
  await portal.hook('faults', undefined, 'DELETE')
  t.equal((await portal.call('profile')).status, 200)
})

void t.test('E-10: HTML instead of JSON', async (t) => {
  const portal = await portalFor(t)
  await fault(portal, { method: 'disk.storage.getlist', kind: 'html', status: 504 })
  const answer = await portal.call('disk.storage.getList')
  t.equal(answer.status, 504)
  t.match(answer.headers.get('content-type'), /text\/html/)
  t.match(answer.text, /nginx/)
})

void t.test('E-10: a reset connection did nothing', async (t) => {
  const portal = await portalFor(t)
  await fault(portal, { method: 'disk.folder.addsubfolder', kind: 'reset' })
  await t.rejects(portal.folder('31', 'a'))
  t.same(await portal.names('31'), [])
})

void t.test('E-47: a lost answer did everything', async (t) => {
  const portal = await portalFor(t)
  await fault(portal, { method: 'disk.folder.addsubfolder', kind: 'lost-answer' })
  await t.rejects(portal.folder('31', 'a'))
  t.same(await portal.names('31'), ['a'])
  await fault(portal, { method: 'upload', kind: 'lost-answer' })
  await t.rejects(portal.upload('31', 'b.txt', 'b'))
  t.same(await portal.names('31'), ['a', 'b.txt'])
})

void t.test('E-55: a body cut short promises more than comes', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt', '0123456789'.repeat(1000))
  await fault(portal, { method: 'download', kind: 'truncate', bytes: 4321 })
  const response = await fetch(text(file.DOWNLOAD_URL))
  t.equal(response.headers.get('content-length'), '10000')
  let received = 0
  await t.rejects(async () => {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) received += chunk.length
  })
  t.equal(received, 4321)
  t.equal((await portal.hook('requests')).bytesDown, 4321)
})

void t.test('E-55: a stalled body comes when the time has passed, and others are answered meanwhile', async (t) => {
  const clock = new FakeClock()
  const portal = await portalFor(t, { clock })
  const file = await portal.file('31', 'a.txt', '0123456789')
  await fault(portal, { method: 'download', kind: 'stall', ms: 60_000, bytes: 4 })
  const response = await fetch(text(file.DOWNLOAD_URL))
  const reader = response.body!.getReader()
  t.equal(Buffer.from((await reader.read()).value).toString(), '0123')
  t.equal((await portal.call('profile')).status, 200)
  const rest = reader.read()
  await clock.advance(60_000)
  t.equal(Buffer.from((await rest).value).toString(), '456789')
})

void t.test('E-55: a slow body keeps its rate', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt', 'x'.repeat(1000))
  await fault(portal, { method: 'download', kind: 'slow', bytesPerSecond: 5000 })
  const startMs = performance.now()
  t.equal((await portal.fetch(text(file.DOWNLOAD_URL))).text.length, 1000)
  t.ok(performance.now() - startMs >= 190)
})

void t.test('half a page: the first half of the items, with the total of before or one that fits', async (t) => {
  const portal = await portalFor(t)
  for (const name of ['a', 'b', 'c', 'd', 'e']) await portal.upload('31', `${name}.txt`, name)
  await fault(portal, { method: 'disk.folder.getchildren', kind: 'half' })
  await fault(portal, { method: 'disk.folder.getchildren', kind: 'half', total: 'short' })
  const page = async (): Promise<readonly unknown[]> => {
    const { json } = await portal.call('disk.folder.getchildren', { id: 31 })
    return [(json.result as readonly unknown[]).length, json.total]
  }
  t.same([await page(), await page(), await page()], [[2, 5], [2, 2], [5, 5]])
  await t.rejects(fault(portal, { method: '*', kind: 'half', total: 'other' }), /total must be kept or short/)
})

void t.test('an empty list hits only where there were items, inside a batch too', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:2x2' })
  await fault(portal, { method: 'disk.folder.getchildren', kind: 'empty', times: 2 })
  t.same(await portal.names('32'), [], 'empty anyway: the fault waits')
  t.same(await portal.names('31'), [])
  const { result, result_total } = (await portal.call('batch', { cmd: { a: 'disk.folder.getchildren?id=31', b: 'disk.folder.getchildren?id=100' } })).json.result
  t.same(result.a, [])
  t.equal(result_total.a, 0)
  t.equal(result.b.length, 2)
})

void t.test('E-10: calls inside a batch are met by name: a status in their slot, a reset for the whole answer', async (t) => {
  const portal = await portalFor(t)
  await fault(portal, { method: 'disk.folder.get', after: 1, kind: 'status', status: 403, error: 'ACCESS_DENIED' })
  const cmd = { a: 'disk.folder.get?id=31', b: 'disk.folder.get?id=31', c: 'disk.folder.get?id=31' }
  const { result, result_error } = (await portal.call('batch', { cmd })).json.result
  t.same(Object.keys(result), ['a', 'c'])
  t.equal(result_error.b.error, 'ACCESS_DENIED')
  await fault(portal, { method: 'disk.folder.get', kind: 'reset' })
  await t.rejects(portal.call('batch', { cmd }))
  t.equal((await portal.call('batch', { cmd })).status, 200)
})

void t.test('E-46: result:false with 200, and nothing said', async (t) => {
  const portal = await portalFor(t)
  const folder = await portal.folder('31', 'a')
  await fault(portal, { method: 'disk.folder.deletetree', kind: 'result-false' })
  const answer = await portal.call('disk.folder.deleteTree', { id: folder.ID })
  t.same([answer.status, answer.json.result], [200, false])
})

void t.test('an order that makes no sense is refused with words', async (t) => {
  const portal = await portalFor(t)
  for (const order of [{ kind: 'reset' }, { method: 'profile', kind: 'sulk' }, { method: 'profile', kind: 'status' }]) await t.rejects(fault(portal, order), /400/)
})
