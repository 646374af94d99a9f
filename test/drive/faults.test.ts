/** What a portal does wrong: ranges in four ways, cut and silent bodies, lost answers, storms of 503. */
import { inspect } from 'node:util'
import t from 'tap'
import { hasCode } from '../../src/base/errors.js'
import { bytesOf, driveFor, hastyClock, patterned, person, source, textSource, upload } from './portal-drive.js'

for (const rangeMode of ['A', 'B', 'C', 'D'] as const) {
  t.test(`portals of way ${rangeMode} give the right bytes for every range`, async (t) => {
    const under = await driveFor(t, { plan: 'self-hosted', traits: { rangeMode } })
    const { drive } = under
    const bytes = patterned(50_000)
    const file = await upload(under, 'a.bin', bytes)
    for (const [start, end] of [[10, 20], [0, 1], [0, 2], [0, 50_000], [49_999, 50_000], [1, 50_000], [0, 49_999], [30_000, 30_001], [5, 5]] as const) {
      const download = await drive.download(await drive.getFile(file.id, person), { start, end }, person)
      const wanted = rangeMode === 'A' || rangeMode === 'B' || start === end ? { start, end } : { start: 0, end: 50_000 }
      t.same(download.range, wanted)
      t.ok((await bytesOf(download)).equals(bytes.subarray(wanted.start, wanted.end)), `${start}-${end}`)
    }
    await t.rejects(drive.download(file, { start: 10, end: 50_001 }, person), { code: 'range' })
    const tiny = await upload(under, 'b.bin', patterned(1))
    t.ok((await bytesOf(await drive.download(tiny, { start: 0, end: 1 }, person))).equals(patterned(1)))
  })
}

t.test('a portal that ignores ranges is remembered', async (t) => {
  const under = await driveFor(t, { traits: { rangeMode: 'C' } })
  const file = await upload(under, 'a.bin', patterned(50_000))
  await under.hook('requests', undefined, 'DELETE')
  for (let each = 0; each < 3; each += 1) await bytesOf(await under.drive.download(file, { start: 10, end: 20 }, person))
  t.match(await under.calls(), { methods: { download: 4 } }, 'one in vain, then three whole ones')
})

t.test('leaving a download early closes it', async (t) => {
  const under = await driveFor(t, { traits: { rangeMode: 'A' } })
  const file = await upload(under, 'a.bin', patterned(5_000_000))
  await under.hook('requests', undefined, 'DELETE')
  const { body } = await under.drive.download(file, undefined, person)
  for await (const piece of body) {
    t.ok(piece.byteLength > 0)
    break
  }
  t.equal((await bytesOf(await under.drive.download(await under.drive.getFile(file.id, person), { start: 5, end: 10 }, person))).byteLength, 5, 'and the next is not disturbed')
})

t.test('a body cut short is bad-answer, with what came before it', async (t) => {
  const under = await driveFor(t)
  const bytes = patterned(100_000)
  const file = await upload(under, 'a.bin', bytes)
  await under.fault({ method: 'download', kind: 'truncate', bytes: 60_000 })
  const download = await under.drive.download(file, undefined, person)
  const pieces: Uint8Array[] = []
  await t.rejects(
    (async () => {
      for await (const piece of download.body) pieces.push(piece)
    })(),
    { code: 'bad-answer' },
  )
  const came = Buffer.concat(pieces)
  t.ok(came.byteLength <= 60_000 && bytes.subarray(0, came.byteLength).equals(came), `${came.byteLength} good bytes`)
})

t.test('a body that stands still fails with deadline, a slow one goes on', async (t) => {
  const under = await driveFor(t, {}, { stallDeadlineMs: 400 })
  const file = await upload(under, 'a.bin', patterned(20_000))
  await under.fault({ method: 'download', kind: 'stall', ms: 5_000, bytes: 5_000 })
  await t.rejects(async () => bytesOf(await under.drive.download(file, undefined, person)), { code: 'deadline' })
  await under.fault({ method: 'download', kind: 'slow', bytesPerSecond: 20_000 })
  t.equal((await bytesOf(await under.drive.download(await under.drive.getFile(file.id, person), undefined, person))).byteLength, 20_000)
})

t.test('a download is cancelled in the middle', async (t) => {
  const under = await driveFor(t)
  const file = await upload(under, 'a.bin', patterned(50_000))
  await under.fault({ method: 'download', kind: 'stall', ms: 60_000, bytes: 5_000 })
  const abort = new AbortController()
  const { body } = await under.drive.download(file, undefined, { ...person, signal: abort.signal })
  await t.rejects(
    (async () => {
      for await (const piece of body) if (piece.byteLength > 0) abort.abort()
    })(),
    { code: 'cancelled' },
  )
})

t.test('a dead address is renewed once, and oftener where a token in it may have ended again', async (t) => {
  const under = await driveFor(t)
  const bytes = patterned(1_000)
  const file = await upload(under, 'a.bin', bytes)
  for (const status of [401, 403, 404]) {
    await under.fault({ method: 'download', kind: 'html', status })
    t.ok((await bytesOf(await under.drive.download(file, undefined, person))).equals(bytes), String(status))
  }
  t.ok((await bytesOf(await under.drive.download({ ...file, downloadUrl: '' }, undefined, person))).equals(bytes), 'and fetched where none was given')
  await under.fault({ method: 'download', kind: 'html', status: 404, times: 2 })
  await t.rejects(under.drive.download(file, undefined, person), { code: 'portal-error' }, 'a front end\'s 404 is never "deleted"')
  await under.fault({ method: 'download', kind: 'html', status: 401, times: 3 })
  t.ok((await bytesOf(await under.drive.download(file, undefined, person))).equals(bytes))
  await under.fault({ method: 'download', kind: 'html', status: 401, times: 4 })
  await t.rejects(under.drive.download(file, undefined, person), { code: 'portal-error' }, 'in the end it is told')
})

t.test('a file that changed between listing and download is no download of the old one', async (t) => {
  const under = await driveFor(t, { traits: { versionsAreJoined: false } })
  const file = await upload(under, 'a.bin', patterned(1_000))
  await under.drive.uploadVersion(file.id, source(patterned(2_000)), person)
  await t.rejects(async () => bytesOf(await under.drive.download(file, undefined, person)), { code: 'bad-answer' })
  await t.rejects(async () => bytesOf(await under.drive.download(file, { start: 10, end: 20 }, person)), { code: 'bad-answer' })
  await under.fault({ method: 'download', kind: 'html', status: 403 })
  await t.rejects(under.drive.download(file, undefined, person), { code: 'bad-answer' })
})

t.test('a write whose answer is lost is not sent again, and has happened', async (t) => {
  const under = await driveFor(t)
  const { drive, rootId, fault, calls, hook } = under
  const file = await upload(under, 'a.bin', patterned(100))
  await hook('requests', undefined, 'DELETE')
  await fault({ method: 'upload', kind: 'lost-answer' })
  await t.rejects(drive.uploadNew(rootId, 'b.bin', textSource('hello'), person), { code: 'lost-answer' })
  await fault({ method: 'disk.file.uploadversion', kind: 'lost-answer' })
  await t.rejects(drive.uploadVersion(file.id, textSource('hello'), person), { code: 'lost-answer' })
  await fault({ method: 'disk.folder.addsubfolder', kind: 'lost-answer' })
  await t.rejects(drive.createFolder(rootId, 'new', person), { code: 'lost-answer' })
  t.match(await calls(), { methods: { upload: 1, 'disk.file.uploadversion': 1, 'disk.folder.addsubfolder': 1 } })
  t.equal((await drive.getFile(file.id, person)).version, 2)
  t.equal((await drive.childrenNamed(rootId, 'b.bin', person)).length, 1)
  t.equal((await drive.childrenNamed(rootId, 'new', person)).length, 1)
})

t.test('renames, moves and deletions are repeated over a lost answer, because twice is once', async (t) => {
  const under = await driveFor(t, {}, { clock: hastyClock })
  const { drive, rootId, fault } = under
  const file = await upload(under, 'a.bin', patterned(100))
  const folder = await drive.createFolder(rootId, 'f', person)
  await fault({ method: 'disk.file.rename', kind: 'lost-answer' })
  t.match(await drive.rename(file, 'b.bin', person), { id: file.id, name: 'b.bin' })
  await fault({ method: 'disk.file.moveto', kind: 'lost-answer' })
  t.match(await drive.move(file, folder.id, person), { parentId: folder.id })
  await fault({ method: 'disk.file.markdeleted', kind: 'lost-answer' })
  await drive.trash(file, person)
  t.match(await drive.itemStates([file], person), [{ state: 'trashed' }])
})

t.test('reads go on over resets, HTML and cut answers', async (t) => {
  const under = await driveFor(t, {}, { clock: hastyClock })
  const { drive, rootId, fault } = under
  for (const order of [{ kind: 'reset' }, { kind: 'html', status: 502 }, { kind: 'truncate', bytes: 20 }, { kind: 'status', status: 500, error: 'INTERNAL_SERVER_ERROR' }]) {
    await fault({ method: 'disk.folder.get', ...order })
    t.equal((await drive.getFolder(rootId, person)).id, rootId, inspect(order))
    await fault({ method: 'batch', ...order })
    t.match(await drive.itemStates([{ id: rootId, kind: 'folder' }], person), [{ state: 'live' }], inspect(order))
  }
})

t.test('a storm of 503 is sat out by everybody, and the plan\'s rate is kept afterwards', async (t) => {
  const under = await driveFor(t)
  const { drive, rootId, hook, calls } = under
  await hook('limits', { burst: 3, perSecond: 2 })
  await hook('requests', undefined, 'DELETE')
  const startMs = performance.now()
  const folders = await Promise.all(Array.from({ length: 9 }, () => drive.getFolder(rootId, person)))
  t.equal(folders.length, 9)
  const { limited, total } = await calls()
  t.ok(limited >= 1 && limited <= 8, `${limited} refused`)
  t.equal(total - limited, 9)
  t.ok((performance.now() - startMs) / 1000 >= (9 - 3) / 2 - 0.5)
  t.ok(under.rest.budget().limited >= 1)
})

t.test('the plan\'s own burst and rate meet no 503', async (t) => {
  const under = await driveFor(t)
  const { drive, rootId, calls } = under
  await Promise.all(Array.from({ length: 52 }, () => drive.getFolder(rootId, person)))
  t.match(await calls(), { limited: 0 })
})

t.test('no secret leaves with any failure of the drive, nor with its log', async (t) => {
  const under = await driveFor(t, {}, { clock: hastyClock, stallDeadlineMs: 20_000 })
  const { drive, portal, fault, rootId } = under
  const [, , , secret = ''] = new URL(portal.webhook).pathname.split('/')
  t.ok(secret.length > 5)
  const file = await upload(under, 'a.bin', patterned(10_000))
  const kinds = [{ kind: 'reset', times: 9 }, { kind: 'html', status: 500, times: 9 }, { kind: 'truncate', bytes: 10, times: 9 }, { kind: 'status', status: 400, error: 'ODD', times: 9 }, { kind: 'stall', ms: 3_000, bytes: 0, times: 9 }]
  for (const order of kinds) {
    const tries = [
      async () => bytesOf(await drive.download(file, undefined, person)),
      () => drive.uploadNew(rootId, 'b.bin', source(patterned(1_000)), person),
      () => drive.uploadVersion(file.id, source(patterned(1_000)), person),
      () => drive.getFile(file.id, person),
    ]
    for (const attempt of tries) {
      await fault({ method: '*', ...order })
      const error: unknown = await attempt().catch((failure: unknown) => failure)
      t.ok(error instanceof Error && !hasCode(error, 'internal'), inspect(error))
      t.notOk(inspect(error, { depth: 20, showHidden: true, getters: true }).includes(secret))
      await under.hook('faults', undefined, 'DELETE')
      await under.rest.probe()
    }
  }
  t.notOk(under.logged.join('').includes(secret))
})

t.test('a method that has used up its execution time tells people and makes services wait', async (t) => {
  const under = await driveFor(t)
  const { drive, rootId, hook } = under
  await hook('limits', { operatingSeconds: 2, costs: { 'disk.folder.get': 3 } })
  await drive.getFolder(rootId, person)
  await t.rejects(drive.getFolder(rootId, person), { code: 'operating-limit' })
  await hook('requests', undefined, 'DELETE')
  await t.rejects(drive.getFolder(rootId, person), { code: 'operating-limit' })
  t.match(await under.calls(), { total: 0 }, 'nobody asks in vain')
  t.match(await drive.itemStates([{ id: rootId, kind: 'folder' }], { priority: 'background', signal: AbortSignal.timeout(200) }).catch((error: unknown) => error), { code: 'cancelled' })
  t.match(await drive.account(person), { userId: '1' }, 'other methods go on')
})
