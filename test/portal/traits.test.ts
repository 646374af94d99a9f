/** Doubtful facts that have no test beside their item's: each told both ways. */
import { createGunzip } from 'node:zlib'
import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import type { Traits } from '../../src/portal/traits.js'
import { portalFor, type TestPortal } from './drive-client.js'
import { text, type Json } from './json.js'

const set = (portal: TestPortal, traits: Partial<Traits>): Promise<Json> => portal.hook('traits', traits)

void t.test('E-8: answers without `time`, and with whole seconds in it', async (t) => {
  const portal = await portalFor(t)
  t.type((await portal.call('profile')).json.time.finish, 'number')
  await set(portal, { wholeSeconds: true })
  const { time } = (await portal.call('profile')).json
  for (const moment of [time.start, time.finish]) t.equal(Number(moment) % 1, 0)
  await set(portal, { envelopeTime: 'absent' })
  t.equal((await portal.call('profile')).json.time, undefined)
  t.equal((await portal.call('batch', { cmd: { a: 'profile' } })).json.time, undefined)
})

void t.test('2.3: fields that no document names stand in rows, envelopes and errors', async (t) => {
  const portal = await portalFor(t)
  const keys = async (): Promise<boolean[]> => {
    const row = await portal.call('disk.folder.get', { id: 31 })
    const error = await portal.call('disk.folder.get', { id: 1 })
    return [row.json.result, row.json, error.json].map((each) => 'unheardOf' in each)
  }
  t.same(await keys(), [false, false, false])
  await set(portal, { unheardOfFields: 'present' })
  t.same(await keys(), [true, true, true])
})

void t.test('E-10: a portal that was deleted says so with one of three statuses', async (t) => {
  const portal = await portalFor(t)
  await portal.hook('account', { isDeleted: true })
  for (const portalDeletedStatus of [403, 500, 410] as const) {
    await set(portal, { portalDeletedStatus })
    t.match(await portal.call('profile'), { status: portalDeletedStatus, json: { error: 'PORTAL_DELETED' } })
  }
})

void t.test('E-13: by trait, the time a body takes counts for the minute of the request', async (t) => {
  const clock = new FakeClock()
  const portal = await portalFor(t, { clock })
  const slowly = async (): Promise<number> => {
    await portal.hook('faults', { method: 'upload', kind: 'slow', bytesPerSecond: 1 })
    const step = await portal.result('disk.folder.uploadFile', { id: 31 })
    const posting = portal.post(text(step.uploadUrl), `${clock.nowMs()}.txt`, 'x')
    let status: number | undefined
    void posting.then((answer) => (status = answer.status))
    while (status === undefined) {
      await clock.advance(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return status
  }
  t.equal(await slowly(), 200)
  await set(portal, { slowBodies: 'counted' })
  t.equal(await slowly(), 504)
})

void t.test('E-20: `total` counts what may be seen, or what is there; a folder that may not be read lists nothing, or is refused', async (t) => {
  const portal = await portalFor(t)
  const folder = await portal.folder('31', 'Plans')
  for (const name of ['seen.txt', 'hidden.txt']) await portal.act('write', { path: `Plans/${name}`, content: name })
  await portal.act('rights', { path: 'Plans/hidden.txt', level: 'none' })
  const list = (): Promise<Json> => portal.call('disk.folder.getChildren', { id: folder.ID }).then(({ json }) => json)
  t.match(await list(), { total: 1, result: [{ NAME: 'seen.txt' }] })
  await set(portal, { totalCounts: 'all' })
  const all = await list()
  t.match(all, { total: 2, next: 1 })
  t.equal(all.result.length, 1)
  await portal.act('rights', { path: 'Plans', level: 'none' })
  t.same((await list()).result.map(({ NAME }) => text(NAME)), [])
  await set(portal, { listingWithoutRight: 'denied' })
  t.equal((await list()).error, 'ACCESS_DENIED')
})

void t.test('E-24: numbers of rows are texts, or numbers, whatever was just set', async (t) => {
  const portal = await portalFor(t)
  const types = async (traits: Partial<Traits>): Promise<string[]> => {
    await set(portal, traits)
    const made = await portal.file('31', `${JSON.stringify(traits).length}.txt`)
    const read = await portal.result('disk.file.get', { id: made.ID })
    return [made.ID, made.SIZE, read.ID, read.SIZE].map((value) => typeof value)
  }
  t.same(await types({}), ['number', 'string', 'string', 'string'])
  t.same(await types({ valueTypes: 'texts' }), ['string', 'string', 'string', 'string'])
  t.same(await types({ valueTypes: 'numbers' }), ['number', 'number', 'number', 'number'])
  t.equal((await portal.result('disk.folder.get', { id: 31 })).PARENT_ID, null)
})

void t.test('E-26: the zone of dates differs between portals, the moment does not', async (t) => {
  const portal = await portalFor(t)
  const made = async (zoneMinutes: Traits['zoneMinutes']): Promise<string> => {
    await set(portal, { zoneMinutes })
    return text((await portal.result('disk.folder.get', { id: 31 })).CREATE_TIME)
  }
  const shown = [await made(180), await made(0), await made(-300), await made(345)]
  t.same(shown.map((date) => date.slice(-6)), ['+03:00', '+00:00', '-05:00', '+05:45'])
  t.equal(new Set(shown.map((date) => Date.parse(date))).size, 1)
})

void t.test('E-29: collations of newer databases: accents told apart, trailing blanks counted', async (t) => {
  const portal = await portalFor(t)
  await portal.folder('31', 'Café')
  const statusOf = async (name: string): Promise<number> => (await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: name } })).status
  t.equal(await statusOf('cafe'), 400)
  t.equal(await statusOf('café '), 400)
  await set(portal, { nameCollation: 'mysql-0900' })
  t.equal(await statusOf('cafe'), 400)
  t.equal(await statusOf('café '), 200)
  await set(portal, { nameCollation: 'mysql-accents' })
  t.equal(await statusOf('CAFÉ'), 400)
  t.equal(await statusOf('cafe'), 200)
})

void t.test('E-29: a folder whose name another request has just taken: one code, or its own', async (t) => {
  const portal = await portalFor(t)
  await portal.folder('31', 'a')
  const error = async (): Promise<unknown> => (await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: 'a' } })).json.error
  t.equal(await error(), 'DISK_OBJ_22000')
  await set(portal, { lostNameRace: 'DISK_ONS_22001' })
  t.equal(await error(), 'DISK_ONS_22001')
  await portal.hook('clock', { offsetMs: 10_000 })
  t.equal(await error(), 'DISK_OBJ_22000', 'ten seconds later it is an ordinary clash')
})

void t.test('E-31: marks that nobody sees are invalid in names, or accepted', async (t) => {
  const portal = await portalFor(t)
  const name = 'a\u202eb'
  t.equal((await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: name } })).json.error, 'DISK_MO_28000')
  t.equal((await portal.file('31', name)).NAME, 'a_b', 'uploads repair it')
  await set(portal, { unsafeMarks: 'accepted' })
  t.equal((await portal.folder('31', name)).NAME, name)
})

void t.test('E-32: an empty name is the number 0 or the text "0"', async (t) => {
  const portal = await portalFor(t)
  const { ID } = await portal.folder('31', 'a')
  const error = async (): Promise<unknown> => (await portal.call('disk.folder.rename', { id: ID, newName: '' })).json.error
  t.equal(await error(), 0)
  await set(portal, { emptyNameCode: '0' })
  t.equal(await error(), '0')
})

void t.test('E-36: an uploadUrl is good for ever, or for once', async (t) => {
  const portal = await portalFor(t)
  const twice = async (): Promise<number[]> => {
    const url = text((await portal.result('disk.folder.uploadFile', { id: 31, generateUniqueName: true })).uploadUrl)
    return [(await portal.post(url, 'a.txt', 'a')).status, (await portal.post(url, 'a.txt', 'a')).status]
  }
  t.same(await twice(), [200, 200])
  await set(portal, { uploadTokens: 'once' })
  t.same(await twice(), [200, 403])
})

void t.test('E-36: a body without a length is taken, or 411', async (t) => {
  const portal = await portalFor(t)
  const chunked = (): Promise<number> =>
    portal.fetch(`${portal.running.webhook}profile`, { method: 'POST', body: new Blob(['{}']).stream(), duplex: 'half', headers: { 'Content-Type': 'application/json' } }).then(({ status }) => status)
  t.equal(await chunked(), 200)
  await set(portal, { chunkedBodies: 'refused' })
  t.equal(await chunked(), 411)
  t.equal((await portal.call('profile')).status, 200)
})

void t.test('E-40: a plan keeps all versions of a file, or the newest three', async (t) => {
  const portal = await portalFor(t, { traits: { versionsAreJoined: false } })
  const { ID } = await portal.file('31', 'a.txt', 'first')
  const write = async (count: number): Promise<number> => {
    for (let turn = 0; turn < count; turn += 1) await portal.result('disk.file.uploadVersion', { id: ID, fileContent: ['a', Buffer.from(`turn ${turn}`).toString('base64')] })
    return (await portal.result('disk.file.getVersions', { id: ID })).length
  }
  t.equal(await write(4), 5)
  await set(portal, { keptVersions: 'three' })
  t.equal(await write(1), 3)
  t.equal((await portal.result('disk.file.get', { id: ID })).GLOBAL_CONTENT_VERSION, '6')
})

void t.test('E-42: a link moves within its storage, or answers false', async (t) => {
  const portal = await portalFor(t)
  await portal.act('mkdir', { storage: '13', path: 'Sales' })
  const link = await portal.act('connect', { storage: '13', path: 'Sales' })
  const [one, two] = [await portal.folder('31', 'one'), await portal.folder('31', 'two')]
  t.equal((await portal.result('disk.folder.moveTo', { id: link.id, targetFolderId: one.ID })).PARENT_ID, one.ID)
  await set(portal, { moveOfLink: 'result-false' })
  t.equal(await portal.result('disk.folder.moveTo', { id: link.id, targetFolderId: two.ID }), false)
  t.same(await portal.names(text(one.ID)), ['Sales'])
})

void t.test('E-53: with weak validators If-Range never fits, and the whole file comes', async (t) => {
  const portal = await portalFor(t, { traits: { downloadValidators: 'strong' } })
  const { ID } = await portal.file('31', 'a.txt', '0123456789')
  const url = text((await portal.result('disk.file.get', { id: ID })).DOWNLOAD_URL)
  const ranged = async (): Promise<string> => {
    const tag = (await portal.fetch(url)).headers.get('etag') ?? ''
    return (await portal.fetch(url, { headers: { Range: 'bytes=2-4', 'If-Range': tag } })).text
  }
  t.equal(await ranged(), '234')
  await set(portal, { downloadValidators: 'weak' })
  t.match((await portal.fetch(url)).headers.get('etag'), /^W\//)
  t.equal(await ranged(), '0123456789')
})

void t.test('E-54: a front end that compresses does so for who accepts it, without length and ranges', async (t) => {
  const portal = await portalFor(t)
  const { ID } = await portal.file('31', 'a.txt', 'content')
  const url = text((await portal.result('disk.file.get', { id: ID })).DOWNLOAD_URL)
  const get = (encoding: string): Promise<{ status: number | undefined; headers: Readonly<Record<string, unknown>>; body: string }> =>
    new Promise((resolve, reject) => {
      request(url, { headers: { 'Accept-Encoding': encoding, Range: 'bytes=0-2' } })
        .on('response', (response) => {
          const body = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
          buffer(body).then((bytes) => {
            resolve({ status: response.statusCode, headers: response.headers, body: bytes.toString() })
          }, reject)
        })
        .end()
    })
  t.match(await get('gzip'), { status: 206, body: 'con' })
  await set(portal, { compression: 'gzip' })
  t.match(await get('identity'), { status: 206, body: 'con' }, 'who does not accept it is left alone')
  const packed = await get('gzip')
  t.match(packed, { status: 200, body: 'content', headers: { 'content-encoding': 'gzip' } })
  t.equal(packed.headers['content-length'], undefined)
})

void t.test('E-62: what may not be read is refused, or is not there', async (t) => {
  const portal = await portalFor(t)
  const { id } = await portal.act('write', { as: 'colleague', storage: '12', path: 'secret.txt', content: 'x' })
  t.match(await portal.call('disk.file.get', { id }), { status: 403, json: { error: 'ACCESS_DENIED' } })
  await set(portal, { missingRight: 'not-found' })
  t.match(await portal.call('disk.file.get', { id }), { status: 400, json: { error: 'ERROR_NOT_FOUND' } })
  await portal.act('rights', { storage: '12', path: 'secret.txt', level: 'read' })
  t.match(await portal.call('disk.file.rename', { id, newName: 'x' }), { status: 403 }, 'who may read is still told that he may not more')
})
