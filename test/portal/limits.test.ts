import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { base64, portalFor } from './drive-client.js'
import { text } from './json.js'

void t.test('E-11: fifty requests at once pass, the next is 503 without Retry-After, two more fit each second', async (t) => {
  const clock = new FakeClock()
  const portal = await portalFor(t, { clock, keepLimits: true })
  for (let index = 0; index < 50; index += 1) t.equal((await portal.call('profile')).status, 200)
  const refused = await portal.call('profile')
  t.equal(refused.status, 503)
  t.equal(refused.json.error, 'QUERY_LIMIT_EXCEEDED')
  t.equal(refused.headers.get('retry-after'), null)
  await clock.advance(1000)
  t.equal((await portal.call('profile')).status, 200)
  t.equal((await portal.call('profile')).status, 200)
  t.equal((await portal.call('profile')).status, 503)
  t.equal((await portal.hook('requests')).limited, 2)
})

void t.test('E-11: enterprise has 250, self-hosted has no bucket', async (t) => {
  const clock = new FakeClock()
  const enterprise = await portalFor(t, { clock, plan: 'enterprise', keepLimits: true })
  for (let index = 0; index < 250; index += 1) await enterprise.call('profile')
  t.equal((await enterprise.call('profile')).status, 503)
  const own = await portalFor(t, { clock, plan: 'self-hosted', keepLimits: true })
  for (let index = 0; index < 300; index += 1) await own.call('profile')
  t.equal((await own.call('profile')).status, 200)
})

void t.test('E-11: downloads and the posts of uploads count for the bucket', async (t) => {
  const clock = new FakeClock()
  const portal = await portalFor(t, { clock, keepLimits: true })
  const rootId = await portal.rootId()
  const file = (await portal.upload(rootId, 'a.txt', 'a')).json.result
  await portal.hook('limits', { burst: 2, perSecond: 1 })
  t.equal((await portal.fetch(text(file.DOWNLOAD_URL))).status, 200)
  t.equal((await portal.fetch(text(file.DOWNLOAD_URL))).status, 200)
  const refused = await portal.fetch(text(file.DOWNLOAD_URL))
  t.equal(refused.status, 503)
  t.equal(refused.json.error, 'QUERY_LIMIT_EXCEEDED')
})

void t.test('E-12: operating grows with writes, blocks that method alone with 429, and leaves after ten minutes', async (t) => {
  const clock = new FakeClock()
  const portal = await portalFor(t, { clock })
  const rootId = await portal.rootId()
  const { ID } = await portal.file(rootId, 'a.txt')
  await portal.hook('limits', { operatingSeconds: 1, costs: { 'disk.file.uploadVersion': 0.6 } })
  const version = { id: ID, fileContent: ['a.txt', base64('again')] }
  const first = await portal.call('disk.file.uploadVersion', version)
  t.equal(first.json.time.operating, 0.6)
  await portal.result('disk.file.uploadVersion', version)
  const blocked = await portal.call('disk.file.uploadVersion', version)
  t.equal(blocked.status, 429)
  t.equal(blocked.json.error, 'OPERATION_TIME_LIMIT')
  t.equal((await portal.call('disk.file.get', { id: ID })).status, 200)
  const resetAt = Number(first.json.time.operating_reset_at)
  t.ok(resetAt * 1000 - clock.nowMs() <= 600_000)
  await clock.advance(resetAt * 1000 - clock.nowMs())
  t.equal((await portal.call('disk.file.uploadVersion', version)).status, 200)
})

void t.test('E-12: listings are below what is counted', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:5x5' })
  for (let index = 0; index < 20; index += 1) await portal.call('disk.folder.getChildren', { id: 31 })
  t.equal((await portal.call('disk.folder.getChildren', { id: 31 })).json.time.operating, 0)
})

void t.test('E-14: calls inside a batch are free for the bucket and counted for operating', async (t) => {
  const clock = new FakeClock()
  const portal = await portalFor(t, { clock, keepLimits: true })
  await portal.hook('limits', { burst: 1, perSecond: 1, costs: { 'disk.folder.get': 0.3 } })
  const cmd = Array.from({ length: 10 }, () => 'disk.folder.get?id=31')
  const { result_time, result_error } = (await portal.call('batch', { cmd })).json.result
  t.same(result_error, [])
  t.equal(result_time[9]!.operating, 3)
})

void t.test('E-13: above the body limit the front end says 413, above PHP’s the file of a form is lost', async (t) => {
  const portal = await portalFor(t)
  await portal.hook('limits', { postMaxBytes: 2000, clientMaxBytes: 5000 })
  t.equal((await portal.upload('31', 'fits.bin', 'x'.repeat(1000))).status, 200)
  const lost = await portal.upload('31', 'lost.bin', 'x'.repeat(3000))
  t.same([lost.status, lost.json.error], [400, 'DISK_BASE_SERVICE_22001'])
  const refused = await portal.upload('31', 'large.bin', 'x'.repeat(6000))
  t.equal(refused.status, 413)
  t.match(refused.text, /nginx/)
  t.same(await portal.names('31'), ['fits.bin'])
})

void t.test('E-13: an upload that breaks off leaves nothing behind', async (t) => {
  const portal = await portalFor(t)
  const { uploadUrl } = await portal.result('disk.folder.uploadFile', { id: 31 })
  const url = new URL(text(uploadUrl))
  const { connect } = await import('node:net')
  const socket = connect(Number(url.port), '127.0.0.1', () => {
    socket.write(`POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 100000\r\n\r\n`)
    socket.write('--B\r\nContent-Disposition: form-data; name="file"; filename="half.bin"\r\n\r\nhalf of it', () => socket.destroy())
  })
  await new Promise((resolve) => socket.once('close', resolve))
  while (Number((await portal.hook('requests')).total) < 2);
  t.equal((await portal.call('profile')).status, 200)
  t.same(await portal.names('31'), [])
})
