import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { base64, portalFor, type TestPortal } from './drive-client.js'
import { text, type Json } from './json.js'

/** A drive with folder P (and S, with a file, in it), folder Q and a file in P; a minute passes before each change. */
async function scene(t: Parameters<typeof portalFor>[0]): Promise<{
  portal: TestPortal
  ids: Record<'P' | 'Q' | 'S' | 'file' | 'inner', string>
  /** Which of the objects got a new UPDATE_TIME by the change. */
  touched: (change: (portal: TestPortal) => Promise<unknown>) => Promise<string[]>
}> {
  const clock = new FakeClock()
  const portal = await portalFor(t, { clock })
  const id = async (made: Promise<Json>): Promise<string> => String(Number((await made).ID))
  const P = await id(portal.folder('31', 'P'))
  const S = await id(portal.folder(P, 'S'))
  const ids = { P, S, Q: await id(portal.folder('31', 'Q')), file: await id(portal.file(P, 'a.txt')), inner: await id(portal.file(S, 'b.txt')) }
  const times = async (): Promise<Record<string, string>> => {
    const rows = await Promise.all(Object.entries({ root: '31', ...ids }).map(async ([name, each]) => [name, await stampOf(portal, each)] as const))
    return Object.fromEntries(rows)
  }
  const touched = async (change: (portal: TestPortal) => Promise<unknown>): Promise<string[]> => {
    const before = await times()
    await clock.advance(60_000)
    await change(portal)
    const after = await times()
    return Object.keys(after).filter((name) => after[name] !== before[name]).sort()
  }
  return { portal, ids, touched }
}

async function stampOf(portal: TestPortal, id: string): Promise<string> {
  const folder = await portal.call('disk.folder.get', { id })
  const { json } = folder.status === 200 ? folder : await portal.call('disk.file.get', { id })
  return folder.status === 200 || 'result' in json ? text(json.result.UPDATE_TIME) : 'gone'
}

void t.test('E-48: creation and new content reach the folder above and no further', async (t) => {
  const { ids, touched } = await scene(t)
  t.same(await touched((portal) => portal.file(ids.S, 'new.txt')), ['S'])
  t.same(await touched((portal) => portal.folder(ids.P, 'new')), ['P'])
  t.same(await touched((portal) => portal.upload(ids.P, 'two.txt', 'x')), ['P'])
  t.same(await touched((portal) => portal.result('disk.file.uploadVersion', { id: ids.inner, fileContent: base64('new') })), ['S', 'inner'])
  t.same(await touched((portal) => portal.result('disk.file.copyTo', { id: ids.file, targetFolderId: ids.Q })), ['Q'])
})

void t.test('E-48: a rename sets the parent’s time, and its own unless the trait follows the source', async (t) => {
  const { portal, ids, touched } = await scene(t)
  t.same(await touched((each) => each.result('disk.file.rename', { id: ids.file, newName: 'c.txt' })), ['P', 'file'])
  await portal.hook('traits', { renameSetsUpdateTime: false })
  t.same(await touched((each) => each.result('disk.file.rename', { id: ids.file, newName: 'd.txt' })), ['P'])
})

void t.test('E-48: a move sets the target’s time only', async (t) => {
  const { ids, touched } = await scene(t)
  t.same(await touched((portal) => portal.result('disk.file.moveTo', { id: ids.file, targetFolderId: ids.Q })), ['Q'])
  t.same(await touched((portal) => portal.result('disk.folder.moveTo', { id: ids.S, targetFolderId: ids.Q })), ['Q'])
})

void t.test('E-48: trashing sets nothing, a restore sets the object’s own time', async (t) => {
  const { portal: ours, ids, touched } = await scene(t)
  t.same(await touched((portal) => portal.result('disk.file.markDeleted', { id: ids.file })), [])
  t.same(await touched((portal) => portal.result('disk.file.restore', { id: ids.file })), ['file'])
  await ours.result('disk.file.markDeleted', { id: ids.file })
  await ours.hook('traits', { restoreSetsParentTime: true })
  t.same(await touched((portal) => portal.result('disk.file.restore', { id: ids.file })), ['P', 'file'])
  t.same(await touched((portal) => portal.result('disk.file.delete', { id: ids.file })), ['file'], 'gone, and nobody else noticed')
})

void t.test('E-49: nothing propagates upward, and a link’s time is its own', async (t) => {
  const { portal, ids, touched } = await scene(t)
  await portal.act('mkdir', { storage: '13', path: 'Sales' })
  const link = await portal.act('connect', { storage: '13', path: 'Sales' })
  const before = await stampOf(portal, text(link.id))
  t.same(await touched((each) => each.file(ids.S, 'deep.txt')), ['S'])
  t.same(await touched((each) => each.act('write', { storage: '13', path: 'Sales/x.txt', content: 'x' })), [])
  t.equal(await stampOf(portal, text(link.id)), before)
  t.not(await stampOf(portal, text(link.target)), before)
})

void t.test('E-50: the portal’s clock can differ from the client’s', async (t) => {
  const portal = await portalFor(t, { clock: new FakeClock(Date.UTC(2026, 0, 1)) })
  await portal.hook('clock', { offsetMs: -3_600_000 })
  t.equal(await portal.result('server.time'), '2026-01-01T02:00:00+03:00')
})
