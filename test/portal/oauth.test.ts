import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { removeTree } from '../../scripts/checks/remove-tree.js'
import { startPortal, type PortalOptions } from '../../src/portal/portal.js'
import { portalFor, type TestPortal } from './drive-client.js'
import { text, type Json } from './json.js'
import { ask, Browser, type Exchange } from './oauth-browser.js'

type Test = Parameters<typeof portalFor>[0]

const DAY_MS = 86_400_000

async function withBrowser(t: Test, options: PortalOptions = {}): Promise<{ portal: TestPortal; browser: Browser }> {
  const portal = await portalFor(t, options)
  return { portal, browser: new Browser(portal.running) }
}

const form = (fields: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(fields) })
const bearer = (token: Json): RequestInit => ({ headers: { Authorization: `Bearer ${text(token)}` } })

void t.test('E-2: the redirect goes to the address of the card and hands the state back', async (t) => {
  const { browser } = await withBrowser(t)
  const { memberId } = await browser.card({ redirectUri: 'http://127.0.0.1:9/back?kept=1' })
  const { status, location } = await browser.authorize({ state: 'my&state', redirect_uri: 'http://127.0.0.1:9/elsewhere' })
  const host = new URL(browser.url).host
  t.equal(status, 302)
  t.equal(location?.origin, 'http://127.0.0.1:9')
  t.equal(location?.pathname, '/back', 'what the client passes is ignored')
  const { code, ...rest } = Object.fromEntries(location?.searchParams ?? [])
  t.match(code, /^\w{30,}$/)
  t.same(rest, { kept: '1', state: 'my&state', domain: host, member_id: memberId, scope: 'disk,user_brief', server_domain: host })
  t.notOk((await browser.authorize()).location?.searchParams.has('state'), 'no state is made up')
})

void t.test('E-2: a card without a redirect shows the code on a page (1.3)', async (t) => {
  const { browser } = await withBrowser(t)
  const { status, location, text: page } = await browser.authorize({ state: 's' })
  t.equal(status, 200)
  t.equal(location, undefined)
  const code = /<code>(\w+)<\/code>/.exec(page)?.[1] ?? ''
  t.equal((await browser.token({ grant_type: 'authorization_code', code })).status, 200)
})

void t.test('E-2: an authorization that fails shows a page and does not redirect', async (t) => {
  const { browser } = await withBrowser(t)
  await browser.card({ redirectUri: 'http://127.0.0.1:9/' })
  const foreign = await browser.authorize({ client_id: 'local.0000.1' })
  t.equal(foreign.location, undefined)
  t.match(foreign.text, /^<!doctype html>/)
  await browser.card({ installed: false })
  t.equal((await browser.authorize()).location, undefined)
})

void t.test('1.3: a card takes a loopback http address, or only https where the trait says so', async (t) => {
  const { portal, browser } = await withBrowser(t, { traits: { redirectAddress: 'https-only' } })
  await t.rejects(browser.card({ redirectUri: 'http://127.0.0.1:9/' }), /https/)
  t.equal((await browser.card({ redirectUri: 'https://example.org/x' })).redirectUri, 'https://example.org/x')
  await portal.hook('traits', { redirectAddress: 'loopback-http' })
  t.equal((await browser.card({ redirectUri: 'http://localhost:9/' })).redirectUri, 'http://localhost:9/')
  await t.rejects(browser.card({ redirectUri: 'http://example.org/' }), /https/)
})

void t.test('E-2: a code becomes tokens once, by GET and by a form, within 30 s', async (t) => {
  const { portal, browser } = await withBrowser(t)
  const { memberId } = await browser.card()
  for (const way of ['GET', 'POST'] as const) {
    const code = await browser.code()
    const first = await browser.token({ grant_type: 'authorization_code', code }, way)
    t.equal(first.status, 200, way)
    const { access_token: access, refresh_token: refresh, ...rest } = first.json as unknown as Record<string, unknown>
    t.match(access, /^[0-9a-f]{70}$/)
    t.match(refresh, /^[0-9a-f]{70}$/)
    const endpoint = `${browser.url}/rest/`
    t.same(rest, { expires_in: 3600, domain: new URL(browser.url).host, server_endpoint: endpoint, client_endpoint: endpoint, member_id: memberId, scope: 'disk,user_brief', status: 'L' })
    const again = await browser.token({ grant_type: 'authorization_code', code }, way)
    t.match([again.status, again.json.error], [400, 'invalid_grant'])
  }
  const late = await browser.code()
  await portal.hook('clock', { offsetMs: 30_000 })
  t.equal((await browser.token({ grant_type: 'authorization_code', code: late })).json.error, 'invalid_grant')
  await portal.hook('traits', { deadCodeError: 'bad_verification_code' })
  t.equal((await browser.token({ grant_type: 'authorization_code', code: 'never' })).json.error, 'bad_verification_code')
  const json = await ask(`${browser.url}/oauth/token/`, { method: 'POST', body: '{"grant_type":"refresh_token"}', headers: { 'Content-Type': 'application/json' } })
  t.match([json.status, json.json.error], [400, 'invalid_request'], 'JSON is no form')
})

void t.test('E-2: the first answer has `expires` and `user_id` only where the trait says so, a refresh always', async (t) => {
  const { portal, browser } = await withBrowser(t)
  const pair = await browser.signIn()
  t.equal(pair.user_id, undefined)
  const { json } = await browser.refresh(pair.refresh_token)
  t.equal(json.user_id, 1)
  t.ok(Math.abs(Number(json.expires) - Date.now() / 1000 - 3600) < 60)
  await portal.hook('traits', { firstTokenHasUser: true })
  await browser.card({ signedIn: 'colleague' })
  t.equal((await browser.signIn()).user_id, 2)
})

void t.test('E-2: each refresh gives a new pair and the old refresh token dies; the old access token lives to its end, or not', async (t) => {
  const { portal, browser } = await withBrowser(t)
  const one = await browser.signIn()
  const two = (await browser.refresh(one.refresh_token)).json
  t.notSame(two.refresh_token, one.refresh_token)
  const dead = await browser.refresh(one.refresh_token)
  t.match([dead.status, dead.json.error], [400, 'invalid_grant'])
  t.equal((await ask(`${browser.url}/rest/profile`, bearer(one.access_token))).status, 200)
  await portal.hook('traits', { accessOutlivesRefresh: false })
  const three = (await browser.refresh(two.refresh_token)).json
  t.equal((await ask(`${browser.url}/rest/profile`, bearer(two.access_token))).json.error, 'expired_token')
  t.equal((await ask(`${browser.url}/rest/profile`, bearer(three.access_token))).status, 200)
})

void t.test('E-2: a refresh token lives 180 days by the portal’s clock', async (t) => {
  const { portal, browser } = await withBrowser(t)
  const pair = await browser.signIn()
  await portal.hook('clock', { offsetMs: 179 * DAY_MS })
  const next = await browser.refresh(pair.refresh_token)
  t.equal(next.status, 200, 'and is renewed by that')
  await portal.hook('clock', { offsetMs: 358 * DAY_MS })
  const third = await browser.refresh(next.json.refresh_token)
  t.equal(third.status, 200)
  await portal.hook('clock', { offsetMs: 538 * DAY_MS })
  t.equal((await browser.refresh(third.json.refresh_token)).json.error, 'invalid_grant')
})

void t.test('E-2: the errors of the authorization server, with their statuses', async (t) => {
  const { portal, browser } = await withBrowser(t)
  const pair = await browser.signIn()
  const refresh = { grant_type: 'refresh_token', refresh_token: text(pair.refresh_token) }
  const is = ({ status, json }: Exchange, wantedStatus: number, code: string): void => {
    t.match([status, json.error], [wantedStatus, code])
    t.type(json.error_description, 'string')
  }
  is(await browser.token({ grant_type: 'password' }), 400, 'invalid_request')
  is(await browser.token({ grant_type: 'refresh_token' }), 400, 'invalid_request')
  is(await browser.token({ ...refresh, client_secret: 'wrong' }), 400, 'invalid_client')
  is(await browser.token({ ...refresh, client_id: 'local.1' }), 400, 'invalid_client')
  is(await browser.token({ ...refresh, refresh_token: 'garbage' }), 400, 'invalid_grant')
  is(await browser.token({ ...refresh, scope: 'disk,crm' }), 403, 'invalid_scope')
  await portal.hook('traits', { wrongClientCode: 'WRONG_CLIENT' })
  is(await browser.token({ ...refresh, client_secret: 'wrong' }), 200, 'WRONG_CLIENT')
  await portal.hook('traits', { oauthErrorCase: 'lower' })
  is(await browser.token({ ...refresh, client_secret: 'wrong' }), 200, 'wrong_client')
  await browser.card({ paid: false })
  is(await browser.token(refresh), 401, 'payment_required')
  await portal.hook('traits', { oauthErrorCase: 'upper' })
  await browser.card({ paid: true, endRefresh: true })
  is(await browser.token(refresh), 400, 'INVALID_GRANT')
  await browser.card({ installed: false })
  is(await browser.token(refresh), 401, 'NOT_INSTALLED')
  await browser.card({ installed: true })
  is(await browser.token(refresh), 400, 'INVALID_GRANT')
  t.equal((await browser.signIn()).status, 'L', 'and can be let in again')
})

void t.test('E-3: a token as `auth` or `access_token`, in the query, in any body, and as a Bearer header', async (t) => {
  const { portal, browser } = await withBrowser(t)
  const { access_token: access } = await browser.signIn()
  const token = text(access)
  const url = `${browser.url}/rest/profile`
  const multipart = new FormData()
  multipart.set('auth', token)
  const jsonBody = { method: 'POST', body: JSON.stringify({ auth: token }), headers: { 'Content-Type': 'application/json' } }
  const answers = [ask(`${url}?auth=${token}`), ask(`${url}.json?access_token=${token}`), ask(url, form({ auth: token })), ask(url, { method: 'POST', body: multipart }), ask(url, jsonBody), ask(`${url}/`, bearer(access))]
  for (const { status, json } of await Promise.all(answers)) t.match([status, json.result.ID], [200, '1'])
  const { log } = await portal.hook('requests')
  t.notMatch(JSON.stringify(log), token, 'no token in the log of requests')
  await portal.hook('traits', { bearerHeader: 'ignored' })
  t.equal((await ask(url, bearer(access))).json.error, 'NO_AUTH_FOUND')
})

void t.test('E-3: expired, garbage, nothing, removed, not paid: each its own 401', async (t) => {
  const { portal, browser } = await withBrowser(t)
  await browser.card({ accessSeconds: 5 })
  const pair = await browser.signIn()
  const url = `${browser.url}/rest/disk.storage.getlist`
  const is = async (token: string | Json, code: string, status = 401): Promise<void> => {
    const { status: given, json } = await ask(`${url}?auth=${text(token as Json)}`)
    t.match([given, json.error], [status, code])
  }
  t.equal((await ask(`${url}?auth=${text(pair.access_token)}`)).status, 200)
  await portal.hook('clock', { offsetMs: 5_000 })
  await is(pair.access_token, 'expired_token')
  const { json: next } = await browser.refresh(pair.refresh_token)
  t.equal((await ask(`${url}?auth=${text(next.access_token)}`)).status, 200)
  await browser.card({ endAccess: true })
  await is(next.access_token, 'expired_token')
  await is('garbage', 'invalid_token')
  await is(text(next.access_token).replace(/.$/, (last) => (last === '0' ? '1' : '0')), 'invalid_token')
  await is(next.refresh_token, 'invalid_token')
  await is('', 'NO_AUTH_FOUND')
  await portal.hook('traits', { unknownTokenCode: 'NO_AUTH_FOUND' })
  await is('garbage', 'NO_AUTH_FOUND')
  const { access_token: last } = await browser.signIn()
  await portal.hook('account', { restOnPlan: false })
  await is(last, 'ACCESS_DENIED', 403)
  await portal.hook('account', { restOnPlan: true })
  await browser.card({ paid: false })
  await is(last, 'PAYMENT_REQUIRED')
  await browser.card({ paid: true, installed: false })
  await is(last, 'APPLICATION_NOT_FOUND')
  await portal.hook('traits', { removedApplicationCode: 'ERROR_OAUTH' })
  await is(last, 'ERROR_OAUTH')
})

void t.test('E-4: an application has its own scopes and says so', async (t) => {
  const { portal, browser } = await withBrowser(t)
  await browser.card({ scopes: ['user_brief'] })
  const { access_token: access } = await browser.signIn()
  const answer = await ask(`${browser.url}/rest/disk.storage.getlist`, bearer(access))
  t.match([answer.status, answer.json.error], [401, 'insufficient_scope'])
  t.match(answer.json.error_description, /provided by the access token/)
  t.same((await ask(`${browser.url}/rest/scope`, bearer(access))).json.result, ['user_brief'])
  t.equal((await portal.call('disk.storage.getlist')).status, 200, 'the webhook has others')
})

void t.test('E-3: a token acts as the person who let the application in', async (t) => {
  const { portal, browser } = await withBrowser(t)
  await portal.hook('account', { isAdmin: true })
  await browser.card({ signedIn: 'colleague' })
  const { access_token: access } = await browser.signIn()
  const { json } = await ask(`${browser.url}/rest/profile`, bearer(access))
  t.match([json.result.ID, json.result.ADMIN], ['2', false])
  const made = await portal.act('write', { path: 'private.txt', content: 'a' })
  t.equal((await ask(`${browser.url}/rest/disk.file.get?id=${text(made.id)}`, bearer(access))).status, 403)
})

void t.test('E-51: by parameter the download address carries the token and dies with it', async (t) => {
  const { portal, browser } = await withBrowser(t)
  const pair = await browser.signIn()
  const file = await portal.act('write', { path: 'a.txt', content: 'content' })
  const get = async (token: Json): Promise<string> => text((await ask(`${browser.url}/rest/disk.file.get?id=${text(file.id)}&auth=${text(token)}`)).json.result.DOWNLOAD_URL)
  const url = await get(pair.access_token)
  t.ok(url.startsWith(`${browser.url}/rest/download.json?auth=${text(pair.access_token)}&token=`))
  t.equal((await ask(url)).text, 'content')
  const { json: next } = await browser.refresh(pair.refresh_token)
  const swapped = await ask(url.replace(text(pair.access_token), text(next.access_token)))
  t.match([swapped.status, swapped.json.error], [403, 'ACCESS_DENIED'], 'it is bound to the token it was made for')
  await browser.card({ endAccess: true })
  t.match((await ask(url)).json.error, 'expired_token')
})

void t.test('E-51: by header it carries none, needs the header, and survives a refresh; or not, where the trait says so', async (t) => {
  const { portal, browser } = await withBrowser(t)
  const pair = await browser.signIn()
  const file = await portal.act('write', { path: 'a.txt', content: 'content' })
  const get = async (token: Json): Promise<string> => text((await ask(`${browser.url}/rest/disk.file.get?id=${text(file.id)}`, bearer(token))).json.result.DOWNLOAD_URL)
  const url = await get(pair.access_token)
  t.notMatch(url, /auth=/)
  t.equal((await ask(url)).json.error, 'NO_AUTH_FOUND')
  const { json: next } = await browser.refresh(pair.refresh_token)
  t.equal((await ask(url, bearer(next.access_token))).text, 'content')
  await portal.hook('traits', { bearerLinks: 'with-auth' })
  t.match(await get(next.access_token), new RegExp(`auth=${text(next.access_token)}&`))
})

void t.test('E-36: the upload address of a token works the same way', async (t) => {
  const { portal, browser } = await withBrowser(t)
  const { access_token: access } = await browser.signIn()
  const step = await ask(`${browser.url}/rest/disk.folder.uploadfile?id=31&auth=${text(access)}`)
  t.match(text(step.json.result.uploadUrl), /\/rest\/upload\.json\?auth=/)
  const { json } = await portal.post(text(step.json.result.uploadUrl), 'new.txt', 'new')
  t.equal(json.result.NAME, 'new.txt')
  t.equal(String(json.result.CREATED_BY), '1')
})

void t.test('E-11: the authorization server is outside of the portal’s bucket and count', async (t) => {
  const { portal, browser } = await withBrowser(t)
  await portal.hook('limits', { burst: 1, perSecond: 0.001 })
  await portal.hook('requests', undefined, 'DELETE')
  let pair = await browser.signIn()
  for (let times = 0; times < 3; times += 1) pair = (await browser.refresh(pair.refresh_token)).json
  const counted = (await portal.hook('requests')) as unknown as { total: number; methods: Record<string, number> }
  t.equal(counted.total, 0)
  t.equal(counted.methods['oauth.token'], 4)
  t.equal((await ask(`${browser.url}/rest/profile`, bearer(pair.access_token))).status, 200)
  t.equal((await ask(`${browser.url}/rest/profile`, bearer(pair.access_token))).status, 503, 'calls by token are in it')
})

void t.test('E-10: faults meet the authorization server by its own names', async (t) => {
  const { portal, browser } = await withBrowser(t)
  const pair = await browser.signIn()
  await portal.hook('faults', { method: 'oauth.token', kind: 'html', status: 502 })
  t.equal((await browser.refresh(pair.refresh_token)).status, 502)
  await portal.hook('faults', { method: '*', kind: 'html', status: 502 })
  await portal.hook('faults', { method: 'oauth.token', kind: 'lost-answer' })
  await t.rejects(browser.refresh(pair.refresh_token))
  t.equal((await browser.refresh(pair.refresh_token)).json.error, 'invalid_grant', 'it was carried out')
})

void t.test('E-2: card, member id and tokens survive a restart', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'elastic-oauth-'))
  t.teardown(() => removeTree(dataDir))
  const first = await startPortal({ dataDir })
  const before = new Browser(first)
  const card = await before.card({ accessSeconds: 1_000 })
  const pair = await before.signIn()
  await first.close()
  const second = await startPortal({ dataDir })
  t.teardown(() => second.close())
  const after = new Browser(second)
  t.match(await after.card(), { ...card, grants: 1 })
  t.equal((await ask(`${second.url}/rest/profile`, bearer(pair.access_token))).status, 200)
  t.equal((await after.refresh(pair.refresh_token)).status, 200)
})
