import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { portalFor, type TestPortal } from './drive-client.js'
import { text, type Json } from './json.js'

const ids = (rows: Json): string[] => rows.map((row) => text(row.ID))

async function listed(portal: TestPortal, filter: object, folderId = '31'): Promise<string[]> {
  return portal.names(folderId, { filter })
}

void t.test('E-15: pages have 50 rows from any offset, with total, and next while more remain', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:1x120' })
  const page = async (start: unknown): Promise<Json> => (await portal.call('disk.folder.getChildren', { id: 100, order: { ID: 'ASC' }, start, limit: 10 })).json
  const first = await page(0)
  t.equal(first.result.length, 50)
  t.equal(first.total, 120)
  t.equal(first.next, 50)
  const odd = await page(33)
  t.equal(text(odd.result[0]!.ID), text(first.result[33]!.ID))
  t.equal(odd.next, 83)
  const last = await page(100)
  t.equal(last.result.length, 20)
  t.notOk('next' in last)
  t.same((await page(500)).result, [])
})

void t.test('E-15: start=-1 is the first page, with total', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:1x60' })
  const { json } = await portal.call('disk.folder.getChildren', { id: 100, order: { ID: 'ASC' }, start: -1 })
  t.equal(json.result.length, 50)
  t.equal(json.total, 60)
  t.equal(json.result[0]!.ID, '101')
})

void t.test('E-15: by trait, start=-1 does not count', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:1x60', traits: { negativeStart: 'has-no-total' } })
  const { json } = await portal.call('disk.folder.getChildren', { id: 100, order: { ID: 'ASC' }, start: -1 })
  t.equal(json.result.length, 50)
  t.notOk('total' in json || 'next' in json)
})

void t.test('E-16: without order the sequence differs from call to call', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:1x200' })
  const first = ids(await portal.result('disk.folder.getChildren', { id: 100 }))
  const second = ids(await portal.result('disk.folder.getChildren', { id: 100 }))
  t.notSame(first, second)
  await portal.hook('traits', { unorderedListing: 'by-id' })
  t.same(ids(await portal.result('disk.folder.getChildren', { id: 100 })).slice(0, 2), ['101', '102'])
})

void t.test('E-17: order takes visible columns and SYNC_UPDATE_TIME; a wrong column is an error, or ignored by trait', async (t) => {
  const clock = new FakeClock()
  const portal = await portalFor(t, { clock })
  for (const name of ['b.txt', 'a.txt', 'c.txt']) {
    await portal.file('31', name, name.repeat(name.charCodeAt(0) - 96))
    await clock.advance(1000)
  }
  t.same(await portal.names('31', { order: { NAME: 'DESC' } }), ['c.txt', 'b.txt', 'a.txt'])
  t.same(await portal.names('31', { order: { SIZE: 'ASC' } }), ['a.txt', 'b.txt', 'c.txt'])
  t.same(await portal.names('31', { order: { SYNC_UPDATE_TIME: 'DESC' } }), ['c.txt', 'a.txt', 'b.txt'])
  await portal.hook('traits', { syncTimeOrder: 'unknown' })
  t.equal((await portal.call('disk.folder.getChildren', { id: 31, order: { SYNC_UPDATE_TIME: 'ASC' } })).status, 400)
  const wrong = await portal.call('disk.folder.getChildren', { id: 31, order: { COLOUR: 'ASC' } })
  t.equal(wrong.status, 400)
  await portal.hook('traits', { unknownOrderColumn: 'ignored' })
  t.equal((await portal.call('disk.folder.getChildren', { id: 31, order: { COLOUR: 'ASC' } })).status, 200)
})

void t.test('E-18: strings by every operator', async (t) => {
  const portal = await portalFor(t)
  for (const name of ['Report.txt', 'report_1.txt', 'reportX1.txt', '100', 'Ёлка.txt']) await portal.file('31', name)
  t.same(await listed(portal, { NAME: 'REPORT.TXT' }), ['Report.txt'], 'bare: case-insensitive')
  t.same(await listed(portal, { NAME: 'report_1.txt' }), ['report_1.txt', 'reportX1.txt'], 'bare: wildcards are alive')
  t.same(await listed(portal, { NAME: 'rep%' }), ['Report.txt', 'report_1.txt', 'reportX1.txt'])
  t.same(await listed(portal, { NAME: '100' }), ['100'], 'pure digits: equality')
  t.same(await listed(portal, { '=NAME': 'report_1.txt' }), ['report_1.txt'], '= has no wildcards')
  t.same(await listed(portal, { '=name': 'елка.TXT' }), ['Ёлка.txt'], 'keys in any case, collation of the column')
  t.same(await listed(portal, { '!NAME': 'rep%' }), ['100', 'Ёлка.txt'])
  t.same(await listed(portal, { '!=NAME': 'report.txt' }), ['report_1.txt', 'reportX1.txt', '100', 'Ёлка.txt'])
  t.same(await listed(portal, { '%NAME': 'port_' }), ['report_1.txt'], 'a substring escapes its wildcards')
  t.same(await listed(portal, { '!%NAME': 'port' }), ['100', 'Ёлка.txt'])
  t.same(await listed(portal, { NAME: ['100', 'report.txt'] }), ['Report.txt', '100'], 'an array is IN')
  t.same(await listed(portal, { '=NAME': ['100'] }), ['100'])
  t.same(await listed(portal, { '<NAME': 'r' }), ['100'])
})

void t.test('E-18: numbers, types and between', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:12x3' })
  const inFolder = async (filter: object): Promise<string[]> => ids(await portal.result('disk.folder.getChildren', { id: 100, order: { ID: 'ASC' }, filter }))
  t.same(await inFolder({ TYPE: 'folder' }), ['110', '111'])
  t.same(await inFolder({ TYPE: 'file' }), ['112', '113', '114'])
  t.same(await inFolder({ '!TYPE': 'file' }), ['110', '111'])
  t.same(await inFolder({ '>ID': 112 }), ['113', '114'])
  t.same(await inFolder({ '>=ID': '112', '<ID': '114' }), ['112', '113'])
  t.same(await inFolder({ ID: [110, '114', 5] }), ['110', '114'])
  t.same(await inFolder({ '!ID': [110, 111] }), ['112', '113', '114'])
  t.same(await inFolder({ '><ID': [111, 113] }), ['111', '112', '113'])
  t.same(await inFolder({ '!><ID': [111, 113] }), ['110', '114'])
})

void t.test('E-18: dates are read with their offset', async (t) => {
  const clock = new FakeClock(Date.UTC(2026, 5, 1, 12))
  const portal = await portalFor(t, { clock })
  await portal.file('31', 'old.txt')
  await clock.advance(3_600_000)
  await portal.file('31', 'new.txt')
  t.same(await listed(portal, { '>=UPDATE_TIME': '2026-06-01T13:00:00+00:00' }), ['new.txt'])
  t.same(await listed(portal, { '>=UPDATE_TIME': '2026-06-01T15:00:00+02:00' }), ['new.txt'])
  t.same(await listed(portal, { '>UPDATE_TIME': '2026-06-01T16:00:00+03:00' }), [])
  t.same(await listed(portal, { '<UPDATE_TIME': '2026-06-01 16:00:00' }), ['old.txt'], 'without an offset: the portal’s zone')
})

void t.test('E-18: unknown fields and the operators @ !@ =% %= are dropped, unless the trait honours them', async (t) => {
  const portal = await portalFor(t)
  for (const name of ['a.txt', 'b.txt']) await portal.file('31', name)
  t.same(await listed(portal, { SIZE: 1, COLOUR: 'red', '@NAME': ['a.txt'], '=%NAME': 'a%', '%=NAME': 'a%' }), ['a.txt', 'b.txt'])
  await portal.hook('traits', { listOperators: 'honoured' })
  t.same(await listed(portal, { '@NAME': ['a.txt'] }), ['a.txt'])
  t.same(await listed(portal, { '!@NAME': ['a.txt'] }), ['b.txt'])
  t.same(await listed(portal, { '=%NAME': 'a%' }), ['a.txt'])
})

void t.test('E-19: what is in the trash is never listed, whatever the filter says', async (t) => {
  const portal = await portalFor(t)
  const { ID } = await portal.file('31', 'a.txt')
  await portal.file('31', 'b.txt')
  await portal.result('disk.file.markDeleted', { id: ID })
  t.same(await listed(portal, {}), ['b.txt'])
  t.same(await listed(portal, { DELETED_TYPE: 3 }), ['b.txt'])
})

void t.test('E-20: children are filtered by rights; no access is an empty list with 200', async (t) => {
  const portal = await portalFor(t)
  await portal.act('write', { as: 'colleague', storage: '12', path: 'open/a.txt', content: 'a' })
  await portal.act('write', { as: 'colleague', storage: '12', path: 'open/b.txt', content: 'b' })
  const { id } = await portal.act('rights', { storage: '12', path: 'open', level: 'read' })
  const root = await portal.call('disk.folder.getChildren', { id: 32 })
  t.equal(root.status, 200)
  t.equal(root.json.total, 1)
  await portal.act('rights', { storage: '12', path: 'open/a.txt', level: 'none' })
  t.same(await portal.names(text(id)), ['b.txt'])
  await portal.act('rights', { storage: '12', path: 'open', level: 'none' })
  const none = await portal.call('disk.folder.getChildren', { id })
  t.equal(none.status, 200)
  t.same(none.json.result, [])
  t.equal(none.json.total, 0)
})

void t.test('E-21: offset paging is no snapshot: what is removed in between shifts the next page', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:1x60' })
  const page = async (start: number): Promise<string[]> => ids(await portal.result('disk.folder.getChildren', { id: 100, order: { ID: 'ASC' }, start }))
  const first = await page(0)
  await portal.result('disk.file.markDeleted', { id: first[0] })
  const second = await page(50)
  t.equal(second.length, 9)
  t.notOk(second.includes('151'), 'the row after the first page was skipped')
})

void t.test('2.4: a storage list drops what may not be read after the page was cut', async (t) => {
  const portal = await portalFor(t)
  const { json } = await portal.call('disk.storage.getlist', { order: { ID: 'ASC' } })
  t.same(ids(json.result), ['11', '13'])
  t.equal(json.total, 3)
  const own = await portal.result('disk.storage.getlist', { filter: { ENTITY_TYPE: 'user', ENTITY_ID: 1 } })
  t.same(ids(own), ['11'])
})
