/** Redirects: a portal that was renamed, and bodies of downloads on another host. Both hosts are names of this machine. */
import { request, type IncomingHttpHeaders } from 'node:http'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { portalFor, type TestPortal } from './drive-client.js'
import { text } from './json.js'

interface Raw {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** One request, redirects not followed. */
function raw(url: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: options.method ?? 'GET', headers: options.headers ?? {} }, (response) => {
      buffer(response).then((body) => {
        resolve({ status: response.statusCode, headers: response.headers, body: body.toString() })
      }, reject)
    })
    sent.once('error', reject)
    sent.end(options.body)
  })
}

async function downloadUrl(portal: TestPortal, content: string): Promise<string> {
  const { ID } = await portal.file('31', 'a.txt', content)
  return text((await portal.result('disk.file.get', { id: ID })).DOWNLOAD_URL)
}

void t.test('E-9: a renamed portal answers 302 to the new host, with path and query, and does nothing', async (t) => {
  const portal = await portalFor(t)
  await portal.hook('host', { renamedTo: 'localhost' })
  const old = `${portal.running.webhook}disk.folder.addSubFolder?x=1`
  const answer = await raw(old, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"id":31,"data":{"NAME":"a"}}' })
  t.equal(answer.status, 302)
  t.equal(answer.headers.location, old.replace('127.0.0.1', 'localhost'))
  t.match(answer.headers['content-type'], /text\/html/)
  t.same(await portal.hook('tree'), [], 'nothing was done')
  t.equal((await portal.hook('requests')).total, 0, 'nor counted')
  const again = await raw(String(answer.headers.location), { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"id":31,"data":{"NAME":"a"}}' })
  t.equal(again.status, 200)
})

void t.test('E-9: the new name is in every address the portal gives, and old addresses lead there', async (t) => {
  const portal = await portalFor(t)
  const before = await downloadUrl(portal, 'content')
  await portal.hook('host', { renamedTo: 'localhost' })
  const moved = await raw(before)
  t.equal(moved.status, 302)
  t.equal((await raw(String(moved.headers.location))).body, 'content')
  const row = (await portal.fetch(`${portal.running.webhook.replace('127.0.0.1', 'localhost')}disk.folder.get?id=31`)).json.result
  t.match(text(row.DETAIL_URL), /^http:\/\/localhost:/)
  await portal.hook('host', { renamedTo: 'https://new.example' })
  t.match((await raw(before)).headers.location, /^https:\/\/new\.example\/rest\//)
  await portal.hook('host', { renamedTo: null })
  t.equal((await raw(before)).body, 'content', 'the rename taken back')
})

void t.test('E-58: by trait, the body comes from another host at a signed address, by ranges too', async (t) => {
  const portal = await portalFor(t)
  const url = await downloadUrl(portal, '0123456789')
  t.equal((await raw(url)).status, 200)
  await portal.hook('traits', { downloadRedirect: 'other-host' })
  const answer = await raw(url, { headers: { Range: 'bytes=2-4' } })
  t.equal(answer.status, 302)
  const location = new URL(String(answer.headers.location))
  t.not(location.hostname, new URL(url).hostname)
  t.notOk(location.href.includes(portal.running.webhook.split('/')[5]!), 'no secret is in it')
  const part = await raw(location.href, { headers: { Range: 'bytes=2-4' } })
  t.same([part.status, part.body, part.headers['content-range']], [206, '234', 'bytes 2-4/10'])
  t.equal((await raw(location.href.replace(location.hostname, '127.0.0.1'))).status, 404, 'the portal itself has no such address')
})

void t.test('E-58: the other host refuses whoever brings auth, and an address that it did not sign', async (t) => {
  const portal = await portalFor(t, { traits: { downloadRedirect: 'other-host' } })
  const location = String((await raw(await downloadUrl(portal, 'x'))).headers.location)
  t.equal((await raw(location, { headers: { Authorization: 'Bearer secret' } })).status, 400)
  t.equal((await raw(`${location}&auth=secret`)).status, 400)
  t.equal((await raw(location.replace(/blobs\/..../, 'blobs/0000'))).status, 403)
  t.equal((await raw(location)).status, 200)
  await portal.hook('clock', { offsetMs: 3_600_000 })
  t.equal((await raw(location)).status, 403, 'after an hour')
})

void t.test('E-58: the portal still judges who may read, and faults of the body happen where the body is', async (t) => {
  const portal = await portalFor(t, { traits: { downloadRedirect: 'other-host' } })
  const url = await downloadUrl(portal, 'content')
  await portal.hook('faults', { method: 'download', kind: 'truncate', bytes: 3 })
  const { status, headers } = await raw(url)
  t.equal(status, 302)
  await t.rejects(raw(String(headers.location)))
  t.equal((await raw(String(headers.location))).body, 'content', 'once')
  await portal.hook('account', { revoked: true })
  t.equal((await raw(url)).status, 401)
})
