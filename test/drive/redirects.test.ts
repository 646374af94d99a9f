/** The client on a portal that was renamed, and where bodies of downloads come from another host. */
import t from 'tap'
import { bytesOf, driveFor, person, textSource, upload, patterned } from './portal-drive.js'

await t.test('E-9: a renamed portal is followed: calls, uploads, versions and downloads go to the new host, each once', async (t) => {
  const drive = await driveFor(t)
  await drive.hook('limits', { off: true })
  const before = await upload(drive, 'a.txt', Buffer.from('one'))
  await drive.hook('host', { renamedTo: 'localhost' })
  const folder = await drive.drive.createFolder(drive.rootId, 'Made', person)
  const file = await drive.drive.uploadNew(folder.id, 'b.txt', textSource('two'), person)
  const version = await drive.drive.uploadVersion(before.id, textSource('one again'), person)
  t.equal(version.version, 2)
  t.equal((await bytesOf(await drive.drive.download(await drive.drive.getFile(file.id, person), undefined, person))).toString(), 'two')
  const tree = (await drive.hook('tree?sha256=0')) as readonly { path: string }[]
  t.same(tree.map(({ path }) => path).sort(), ['Made', 'Made/b.txt', 'a.txt'])
  t.match(drive.rest.access.origin, /^http:\/\/localhost:/, 'and the new address is kept')
})

await t.test('E-9: an address from before the rename still leads to the bytes', async (t) => {
  const drive = await driveFor(t)
  const file = await upload(drive, 'a.txt', Buffer.from('content'))
  await drive.hook('host', { renamedTo: 'localhost' })
  t.equal((await bytesOf(await drive.drive.download(file, undefined, person))).toString(), 'content')
})

await t.test('E-9: a host that may not have the secret does not get it', async (t) => {
  const drive = await driveFor(t)
  await drive.hook('host', { renamedTo: 'https://elsewhere.example' })
  await t.rejects(drive.drive.account(person), { code: 'portal-gone', message: /elsewhere\.example/ })
  t.match(drive.rest.access.origin, /127\.0\.0\.1/)
  const code = drive.portal.webhook.split('/')[5]!
  t.notOk(drive.logged.join('').includes(code))
})

await t.test('E-58: bodies from another host come whole and by ranges, and no secret goes there', async (t) => {
  const drive = await driveFor(t, { traits: { downloadRedirect: 'other-host', rangeMode: 'A' } })
  await drive.hook('limits', { off: true })
  const bytes = patterned(300_000)
  const file = await upload(drive, 'a.bin', bytes)
  // The other host answers 400 to any auth, so that bytes arrive at all is the proof.
  t.ok((await bytesOf(await drive.drive.download(file, undefined, person))).equals(bytes))
  const part = await drive.drive.download(await drive.drive.getFile(file.id, person), { start: 100_000, end: 200_000 }, person)
  t.ok((await bytesOf(part)).equals(bytes.subarray(100_000, 200_000)))
})
