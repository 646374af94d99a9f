import t from 'tap'
import { portalFor } from './drive-client.js'
import { text } from './json.js'

void t.test('E-1: a method is found under any case, with a suffix, with a trailing slash', async (t) => {
  const portal = await portalFor(t)
  for (const path of ['profile', 'PROFILE', 'profile.json', 'profile/', 'Profile.json/']) {
    const answer = await portal.fetch(portal.running.webhook + path)
    t.equal(answer.status, 200, path)
    t.equal(answer.json.result.ID, '1', path)
    t.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8', path)
  }
})

void t.test('E-1: a wrong code is INVALID_CREDENTIALS with 401, or 403 where the trait says so', async (t) => {
  const portal = await portalFor(t)
  const wrong = `${portal.running.url}/rest/1/wrongcode/profile`
  const first = await portal.fetch(wrong)
  t.equal(first.status, 401)
  t.equal(first.json.error, 'INVALID_CREDENTIALS')
  await portal.hook('traits', { invalidCredentialsStatus: 403 })
  t.equal((await portal.fetch(wrong)).status, 403)
})

void t.test('E-1: a revoked webhook is refused, and works again when it is given back', async (t) => {
  const portal = await portalFor(t)
  await portal.hook('account', { revoked: true })
  t.equal((await portal.call('profile')).json.error, 'INVALID_CREDENTIALS')
  await portal.hook('account', { revoked: false })
  t.equal((await portal.call('profile')).status, 200)
})

void t.test('1.1: a plan without REST answers 403 ACCESS_DENIED', async (t) => {
  const portal = await portalFor(t)
  await portal.hook('account', { restOnPlan: false })
  const answer = await portal.call('profile')
  t.equal(answer.status, 403)
  t.equal(answer.json.error, 'ACCESS_DENIED')
  t.match(text(answer.json.error_description), /commercial plans/)
})

void t.test('E-4: a missing scope is insufficient_scope, but what needs no scope works', async (t) => {
  const portal = await portalFor(t)
  await portal.hook('account', { scopes: ['user_brief'] })
  const answer = await portal.call('disk.storage.getlist')
  t.equal(answer.status, 401)
  t.equal(answer.json.error, 'insufficient_scope')
  t.match(text(answer.json.error_description), /than provided by the webhook token/)
  t.equal((await portal.call('profile')).status, 200)
  t.same(await portal.result('scope'), ['user_brief'])
  await portal.hook('traits', { insufficientScopeStatus: 403 })
  t.equal((await portal.call('disk.storage.getlist')).status, 403)
})

void t.test('E-5: an unknown method is 404, and so is the history where the plan has none', async (t) => {
  const portal = await portalFor(t)
  const unknown = await portal.call('disk.nothing')
  t.equal(unknown.status, 404)
  t.equal(unknown.json.error, 'ERROR_METHOD_NOT_FOUND')
  t.equal((await portal.result('method.get', { name: 'disk.file.getVersions' })).isAvailable, true)
  await portal.hook('traits', { fileHistory: false })
  for (const method of ['disk.file.getVersions', 'disk.file.restoreFromVersion']) {
    const hidden = await portal.call(method, { id: 1, versionId: 1 })
    t.equal(hidden.status, 404, method)
    t.equal(hidden.json.error, 'ERROR_METHOD_NOT_FOUND', method)
  }
  t.equal((await portal.result('method.get', { name: 'disk.file.getVersions' })).isExisting, false)
})

void t.test('E-6: parameters come by query, form, multipart and JSON, and the body wins', async (t) => {
  const portal = await portalFor(t)
  const rootId = await portal.rootId()
  const url = `${portal.running.webhook}disk.folder.get`
  const form = (body: string): RequestInit => ({ method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })
  t.equal((await portal.fetch(`${url}?id=${rootId}`)).json.result.ID, rootId)
  t.equal((await portal.fetch(url, form(`id=${rootId}`))).json.result.ID, rootId)
  t.equal((await portal.fetch(`${url}?id=999999`, form(`id=${rootId}`))).json.result.ID, rootId)
  const multipart = new FormData()
  multipart.set('id', rootId)
  t.equal((await portal.fetch(url, { method: 'POST', body: multipart })).json.result.ID, rootId)
  const json = { method: 'POST', body: JSON.stringify({ id: rootId }), headers: { 'Content-Type': 'application/json; charset=utf-8' } }
  t.equal((await portal.fetch(url, json)).json.result.ID, rootId)
})

void t.test('E-6: malformed JSON, and JSON under another media type, are no parameters', async (t) => {
  const portal = await portalFor(t)
  const url = `${portal.running.webhook}disk.folder.get`
  const broken = await portal.fetch(url, { method: 'POST', body: '{"id": 31', headers: { 'Content-Type': 'application/json' } })
  t.equal(broken.json.error, 'ERROR_ARGUMENT')
  const other = await portal.fetch(url, { method: 'POST', body: '{"id": 31}', headers: { 'Content-Type': 'text/json' } })
  t.equal(other.json.error, 'ERROR_ARGUMENT')
})

void t.test('E-6: brackets nest as in PHP', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:12x0' })
  const rootId = await portal.rootId()
  const answer = await portal.fetch(`${portal.running.webhook}disk.folder.getChildren?id=${rootId}&order%5BID%5D=DESC&filter%5B%3EID%5D=107`)
  t.same(
    answer.json.result.map((row) => row.ID),
    ['109', '108'],
  )
})

void t.test('E-7: a missing required parameter is ERROR_ARGUMENT with its place, an unknown one is ignored', async (t) => {
  const portal = await portalFor(t)
  const missing = await portal.call('disk.folder.moveTo', { id: 31 })
  t.equal(missing.status, 400)
  t.equal(missing.json.error, 'ERROR_ARGUMENT')
  t.equal(missing.json.error_description, 'Invalid value of parameter { Parameter #1 [ <required> $targetFolderId ] }.')
  t.equal((await portal.call('disk.folder.get', { id: await portal.rootId(), colour: 'red' })).status, 200)
})

void t.test('E-8: the envelope has time with operating, and without it on a self-hosted portal', async (t) => {
  const cloud = await portalFor(t)
  const { time } = (await cloud.call('profile')).json
  t.type(time.start, 'number')
  t.type(time.operating, 'number')
  t.type(time.operating_reset_at, 'number')
  const own = await portalFor(t, { plan: 'self-hosted' })
  const answer = (await own.call('profile')).json
  t.type(answer.time.finish, 'number')
  t.notOk('operating' in answer.time)
})

void t.test('1.6: server.time and methods need no scope', async (t) => {
  const portal = await portalFor(t)
  t.match(text(await portal.result('server.time')), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+03:00$/)
  t.ok((await portal.result('methods')).map(text).includes('disk.folder.getChildren'))
})
