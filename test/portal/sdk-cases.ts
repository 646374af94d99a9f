/**
 * What the vendor's own SDK, unmodified, meets at a portal with TLS. Run by sdk.test.ts in a process of its own, which
 * trusts the portal's certificate; the address comes in the environment. Shapes are those of bitrix24-rest.md section 3.
 */
import { createHash } from 'node:crypto'
import { AjaxError, ApiVersion, B24Hook, B24OAuth, EnumAppStatus, LoggerFactory, ParamsFactory, SdkError, type RestrictionParams } from '@bitrix24/b24jssdk'
import t from 'tap'
import { Browser } from './oauth-browser.js'
import { text as textOfJson } from './json.js'

type Row = Readonly<Record<string, unknown>>

const webhook = process.env.PORTAL_WEBHOOK ?? ''
const hooks = process.env.PORTAL_HOOKS ?? ''
const storage = process.env.PORTAL_STORAGE ?? ''

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/u
const OBJECT_FIELDS = ['ID', 'NAME', 'CODE', 'STORAGE_ID', 'TYPE', 'PARENT_ID', 'DELETED_TYPE', 'CREATE_TIME', 'UPDATE_TIME', 'DELETE_TIME', 'CREATED_BY', 'UPDATED_BY', 'DELETED_BY', 'DETAIL_URL']
const FOLDER_FIELDS = [...OBJECT_FIELDS, 'REAL_OBJECT_ID'].sort()
const FILE_FIELDS = [...OBJECT_FIELDS, 'GLOBAL_CONTENT_VERSION', 'FILE_ID', 'SIZE', 'DOWNLOAD_URL'].sort()

function sdk(url = webhook, params: Partial<RestrictionParams> = {}): B24Hook {
  const made = B24Hook.fromWebhookUrl(url, { restrictionParams: { ...ParamsFactory.getDefault(), ...params } })
  made.setLogger(LoggerFactory.createNullLogger())
  made.offClientSideWarning()
  return made
}

const b24 = sdk()

async function call<T = Row>(method: string, params: Record<string, unknown> = {}): Promise<T> {
  const answer = await b24.actions.v2.call.make<T>({ method, params })
  if (!answer.isSuccess) throw new Error(answer.getErrorMessages().join('; '))
  return answer.getData()?.result as T
}

async function hook<T = Row>(name: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${hooks}/${name}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`hook ${name}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as T
}

async function ajaxError(promise: Promise<unknown>): Promise<AjaxError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof AjaxError) return error
    throw error
  }
  throw new Error('the call succeeded')
}

const text = (value: unknown): string => {
  if (typeof value !== 'string' && typeof value !== 'number') throw new Error(`neither text nor number: ${JSON.stringify(value)}`)
  return String(value)
}

const root = text((await call('disk.storage.get', { id: storage })).ROOT_OBJECT_ID)

await t.test('single calls: profile, scope, server.time and the documented fields of a storage (E-1, E-8, E-24)', async (t) => {
  t.ok(await b24.tools.healthCheck.make(), 'the SDK finds the portal healthy')
  t.ok((await b24.tools.ping.make()) >= 0)
  t.match(await call('profile'), { ID: /^\d+$/u, ADMIN: Boolean, NAME: String, LAST_NAME: String, TIME_ZONE: String })
  t.ok((await call<readonly string[]>('scope')).includes('disk'))
  t.match(await call<string>('server.time'), DATE)
  const own = await call('disk.storage.get', { id: storage })
  t.same(Object.keys(own).sort(), ['CODE', 'ENTITY_ID', 'ENTITY_TYPE', 'ID', 'MODULE_ID', 'NAME', 'ROOT_OBJECT_ID'])
  t.match(own, { ID: storage, MODULE_ID: 'disk', ENTITY_TYPE: 'user', CODE: null })

  const answer = await b24.actions.v2.call.make<Row>({ method: 'disk.storage.get', params: { id: storage } })
  t.match(answer.getData()?.time, { start: Number, finish: Number, duration: Number, processing: Number, date_start: DATE, date_finish: DATE, operating: Number })
})

await t.test('folders and files have exactly the documented fields, text from the database and numbers when just set (E-24 to E-27)', async (t) => {
  const made = await call('disk.folder.addsubfolder', { id: root, data: { NAME: 'Shapes' } })
  t.same(Object.keys(made).sort(), FOLDER_FIELDS)
  t.match(made, { ID: Number, REAL_OBJECT_ID: Number, DELETED_TYPE: Number, TYPE: 'folder', NAME: 'Shapes', CODE: null, CREATE_TIME: DATE, DELETE_TIME: null })
  const read = await call('disk.folder.get', { id: made.ID })
  t.same(Object.keys(read).sort(), FOLDER_FIELDS)
  t.match(read, { ID: text(made.ID), REAL_OBJECT_ID: text(made.ID), PARENT_ID: root, DELETED_TYPE: '0', STORAGE_ID: storage, CREATED_BY: String })

  const file = await call('disk.folder.uploadfile', { id: made.ID, data: { NAME: 'plan.txt' }, fileContent: ['plan.txt', Buffer.from('one').toString('base64')] })
  t.same(Object.keys(file).sort(), FILE_FIELDS)
  t.match(file, { ID: Number, FILE_ID: Number, GLOBAL_CONTENT_VERSION: 1, DELETED_TYPE: Number, TYPE: 'file' })
  const again = await call('disk.file.get', { id: file.ID })
  t.same(Object.keys(again).sort(), FILE_FIELDS)
  t.match(again, { ID: text(file.ID), SIZE: '3', GLOBAL_CONTENT_VERSION: '1', UPDATE_TIME: DATE, DETAIL_URL: /^https:\/\/.*plan\.txt$/u })
  t.notOk('REAL_OBJECT_ID' in again, 'a file has none')
  t.not((await call('disk.file.get', { id: file.ID })).DOWNLOAD_URL, again.DOWNLOAD_URL, 'another address on each read')
})

await t.test('upload, new version, versions and download bring the bytes back (E-35, E-36, E-38, E-40, E-51)', async (t) => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 31) % 251))
  const file = await call('disk.folder.uploadfile', { id: root, data: { NAME: 'bytes.bin' }, fileContent: ['bytes.bin', bytes.toString('base64')] })
  t.equal(await digestOf(text(file.DOWNLOAD_URL)), sha256(bytes))

  const second = Buffer.concat([bytes, Buffer.from('more')])
  const version = await call('disk.file.uploadversion', { id: file.ID, fileContent: ['bytes.bin', second.toString('base64')] })
  t.match(version, { ID: text(file.ID), GLOBAL_CONTENT_VERSION: 2 })
  t.equal(await digestOf(text((await call('disk.file.get', { id: file.ID })).DOWNLOAD_URL)), sha256(second))

  const versions = await call<readonly Row[]>('disk.file.getversions', { id: file.ID })
  t.ok(versions.length >= 1)
  for (const each of versions) t.same(Object.keys(each).sort(), ['CREATED_BY', 'CREATE_TIME', 'DOWNLOAD_URL', 'GLOBAL_CONTENT_VERSION', 'ID', 'NAME', 'OBJECT_ID', 'SIZE'])

  const { field, uploadUrl } = await call<{ field: string; uploadUrl: string }>('disk.folder.uploadfile', { id: root })
  const form = new FormData()
  form.append(field, new Blob([bytes]), 'form.bin')
  const uploaded = (await (await fetch(uploadUrl, { method: 'POST', body: form })).json()) as { result: Row }
  t.match(uploaded.result, { NAME: 'form.bin', SIZE: '300000' })
  t.equal(await digestOf(text(uploaded.result.DOWNLOAD_URL)), sha256(bytes))
})

await t.test('paged lists over 500 items by every helper, each item once (E-15, E-16, E-18)', async (t) => {
  const folders = Array.from({ length: 520 }, (_, at) => `n${at}`)
  const holder = await call('disk.folder.addsubfolder', { id: root, data: { NAME: 'Many' } })
  const made = await b24.actions.v2.batchByChunk.make({ calls: folders.map((name) => ['disk.folder.addsubfolder', { id: holder.ID, data: { NAME: name } }]), options: { isHaltOnError: true } })
  t.ok(made.isSuccess, made.getErrorMessages().join('; '))

  const list = await b24.actions.v2.callList.make<Row>({ method: 'disk.folder.getchildren', params: { id: holder.ID } })
  t.same(names(list.getData() ?? []), [...folders].sort())
  const fetched: Row[] = []
  for await (const page of b24.actions.v2.fetchList.make<Row>({ method: 'disk.folder.getchildren', params: { id: holder.ID } })) fetched.push(...page)
  t.same(names(fetched), [...folders].sort())

  const paged: Row[] = []
  let page = await b24.actions.v2.call.make<readonly Row[]>({ method: 'disk.folder.getchildren', params: { id: holder.ID, order: { ID: 'ASC' } } })
  t.equal(page.getTotal(), 520)
  for (let next: typeof page | false | null = page; next !== false && next !== null; ) {
    page = next
    paged.push(...(page.getData()?.result ?? []))
    t.ok((page.getData()?.result ?? []).length <= 50)
    next = page.isMore() ? await page.fetchNext(b24.getHttpClient(ApiVersion.v2)) : false
  }
  t.same(names(paged), [...folders].sort())
})

await t.test('batch: named and listed commands, references, errors in their slots (E-22, E-14)', async (t) => {
  const named = await b24.actions.v2.batch.make({
    calls: { own: ['disk.storage.get', { id: storage }], top: ['disk.folder.get', { id: '$result[own][ROOT_OBJECT_ID]' }], missing: ['disk.file.get', { id: 999_999_999 }] },
    options: { isHaltOnError: false, returnAjaxResult: true },
  })
  t.notOk(named.isSuccess)
  const results = named.getData() as Readonly<Record<string, { isSuccess: boolean; getData(): { result: Row } | undefined; getErrors(): Iterable<Error> }>>
  t.match(results.own?.getData()?.result, { ID: storage })
  t.match(results.top?.getData()?.result, { ID: root, PARENT_ID: null })
  t.match(JSON.stringify([...named.getErrors()].map((error) => (error as { code?: unknown }).code)), 'ERROR_NOT_FOUND')

  const listed = await b24.actions.v2.batch.make({ calls: [['server.time', {}], ['profile', {}]], options: { isHaltOnError: true, returnAjaxResult: false } })
  t.ok(listed.isSuccess)
  const halted = await b24.actions.v2.batch.make({ calls: [['disk.file.get', { id: 999_999_999 }], ['disk.folder.addsubfolder', { id: root, data: { NAME: 'never' } }]], options: { isHaltOnError: true, returnAjaxResult: false } })
  t.notOk(halted.isSuccess)
  t.notOk((await hook<readonly Row[]>('tree?sha256=0')).some(({ path }) => path === 'never'), 'halt ends it at the first error')
})

await t.test('errors come as the class and the codes that the SDK knows (E-1, E-4, E-5, E-7)', async (t) => {
  await hook('limits', { off: true }) // each failure comes once, and at once
  const once = sdk(webhook, { maxRetries: 1 })
  const failure = (method: string, params: Record<string, unknown>, client = once): Promise<AjaxError> => ajaxError(client.actions.v2.call.make({ method, params }))
  t.match(await failure('disk.file.get', { id: 999_999_999 }), { code: 'ERROR_NOT_FOUND', status: 400 })
  t.match(await failure('disk.file.get', {}), { code: 'ERROR_ARGUMENT', status: 400 })
  t.match(await failure('disk.no.such.method', {}), { code: 'ERROR_METHOD_NOT_FOUND', status: 404 })
  t.match(await failure('disk.folder.addsubfolder', { id: root, data: { NAME: 'Shapes' } }), { code: 'DISK_OBJ_22000', status: 400 })
  t.match(await failure('profile', {}, sdk(webhook.replace(/[^/]+\/$/u, 'wrongcode0000/'), { maxRetries: 1 })), { code: 'INVALID_CREDENTIALS', status: 401 })
  await hook('account', { scopes: ['user_brief'] })
  t.match(await failure('disk.storage.getlist', {}), { code: 'insufficient_scope', status: 401 })
  await hook('account', { scopes: ['disk', 'user_brief'] })
  await hook('faults', { method: 'profile', kind: 'html', status: 502 })
  t.match(await failure('profile', {}), { status: 502 }, 'a page of the front end is an error too')
  t.throws(() => sdk(webhook.replace('https:', 'http:')), SdkError, 'and the SDK would not even begin without TLS')
})

await t.test('by OAuth the SDK renews what has expired and goes on, also with calls made together (E-2, E-3)', async (t) => {
  const browser = new Browser({ url: new URL(webhook).origin, hooks })
  const { clientId, clientSecret } = await browser.card({ accessSeconds: 2, signedIn: 'owner' })
  const first = await browser.signIn()
  const field = (name: 'access_token' | 'refresh_token' | 'member_id' | 'expires_in' | 'scope' | 'client_endpoint' | 'server_endpoint'): string => textOfJson(first[name])
  const app = new B24OAuth(
    {
      applicationToken: '',
      userId: 1,
      memberId: field('member_id'),
      accessToken: field('access_token'),
      refreshToken: field('refresh_token'),
      expires: Math.floor(Date.now() / 1000) + 3600, // it trusts its own clock: so the portal's word is what tells it
      expiresIn: Number(field('expires_in')),
      scope: field('scope'),
      domain: new URL(webhook).host,
      clientEndpoint: field('client_endpoint'),
      serverEndpoint: field('server_endpoint'),
      status: EnumAppStatus.Local,
    },
    { clientId, clientSecret },
  )
  app.setLogger(LoggerFactory.createNullLogger())
  app.offClientSideWarning()
  const renewed: string[] = []
  app.setCallbackRefreshAuth(({ b24OAuthParams }) => Promise.resolve(void renewed.push(b24OAuthParams.refreshToken)))
  const whoAmI = async (): Promise<unknown> => (await app.actions.v2.call.make<Row>({ method: 'profile' })).getData()?.result.ID
  t.equal(await whoAmI(), '1')
  t.same(renewed, [])
  await hook('clock', { offsetMs: 10_000 })
  t.equal(await whoAmI(), '1')
  t.equal(renewed.length, 1)
  t.not(renewed[0], field('refresh_token'), 'the refresh token is another one now')
  await hook('clock', { offsetMs: 20_000 })
  t.same(await Promise.all([whoAmI(), whoAmI(), whoAmI()]), ['1', '1', '1'], 'and again, with what came of the first time')
  await hook('clock', { offsetMs: 0 })
})

await t.test('the SDK waits out the limit of requests and gets its answer (E-11)', async (t) => {
  await hook('limits', { burst: 2, perSecond: 1 })
  await fetch(`${hooks}/requests`, { method: 'DELETE' })
  for (let at = 0; at < 5; at += 1) t.match(await call('profile'), { ID: String })
  t.ok(Number((await hook('requests')).limited) > 0, 'it was told 503 meanwhile')
  await hook('limits', { burst: 50, perSecond: 2 })
})

function names(rows: readonly Row[]): readonly string[] {
  return rows.map(({ NAME }) => text(NAME)).sort()
}

async function digestOf(url: string): Promise<string> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`download: ${answer.status}`)
  return sha256(Buffer.from(await answer.arrayBuffer()))
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
