import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { asRemoteId, asStorageId } from '../../src/base/ids.js'
import { isAlive, readLiveDaemon, removeDaemonRecord, writeDaemonRecord } from '../../src/daemon/daemon-record.js'
import { prepareDirectories, profilePaths, type ProfilePaths } from '../../src/daemon/paths.js'
import { readProfile, requireProfile, writeProfile, type Profile } from '../../src/daemon/profile.js'
import { writeFileAtomic } from '../../src/daemon/record-file.js'
import { fileSecrets } from '../../src/daemon/secrets.js'

const uid = process.getuid?.() ?? 0

const PROFILE: Profile = {
  portal: 'acme.bitrix24.com',
  userId: '1',
  userName: 'Ada Byron',
  storageId: asStorageId('11'),
  rootFolderId: asRemoteId('31'),
  folder: '/home/ada/Bitrix24',
  folderMode: 0o755,
  connectedAt: '2026-01-01T00:00:00.000Z',
  mode: 'elastic',
}

async function profile(test: Test): Promise<ProfilePaths> {
  const home = await mkdtemp(join(tmpdir(), 'elastic-profile-'))
  test.teardown(() => rm(home, { recursive: true, force: true }))
  const paths = profilePaths('default', { env: { ELASTIC_DRIVE_HOME: home }, homeDirectory: home, temporaryDirectory: home, uid, workingDirectory: home })
  await prepareDirectories(paths, uid)
  return paths
}

await t.test('a profile record is read as it was written', async (t) => {
  const paths = await profile(t)
  t.equal(await readProfile(paths), undefined)
  await t.rejects(requireProfile(paths), { code: 'not-connected', message: /elastic-drive connect/ })
  await writeProfile(paths, PROFILE)
  t.same(await requireProfile(paths), PROFILE)
  t.same(await readdir(paths.configDirectory), ['profile.json'], 'nothing is left beside it')
})

await t.test('a damaged profile record is told, with the next step', async (t) => {
  const paths = await profile(t)
  for (const text of ['', '{"format":1', '[]', '{"format":2,"mode":"elastic"}', JSON.stringify({ format: 1, ...PROFILE, storageId: 11 }), JSON.stringify({ format: 1, ...PROFILE, folder: 'F' })]) {
    await writeFile(paths.profilePath, text)
    await t.rejects(readProfile(paths), { code: 'profile-damaged' }, text)
  }
})

await t.test('a write that fails leaves the old text and nothing beside it', async (t) => {
  const paths = await profile(t)
  const path = join(paths.configDirectory, 'no', 'such')
  await t.rejects(writeFileAtomic(path, 'x'), { code: 'ENOENT' })
  t.same(await readdir(paths.configDirectory), [])
})

await t.test('the webhook is kept for its owner alone, and its absence says how to go on', async (t) => {
  const paths = await profile(t)
  const secrets = fileSecrets(paths)
  await t.rejects(secrets.readWebhook(), { code: 'not-connected' })
  await secrets.writeWebhook('https://acme.bitrix24.com/rest/1/abcdefgh/')
  t.equal((await stat(paths.webhookPath)).mode & 0o777, 0o600)
  await chmod(paths.webhookPath, 0o644)
  t.equal(await secrets.readWebhook(), 'https://acme.bitrix24.com/rest/1/abcdefgh/')
  t.equal((await stat(paths.webhookPath)).mode & 0o777, 0o600)
  await secrets.removeWebhook()
  await t.rejects(secrets.readWebhook(), { code: 'not-connected' })
})

await t.test('the daemon of a record is known by more than its process id', async (t) => {
  const paths = await profile(t)
  t.equal(await readLiveDaemon(paths), undefined)
  await writeDaemonRecord(paths, process.pid)
  const live = await readLiveDaemon(paths)
  t.match(live, { pid: process.pid, socketPath: paths.socketPath })
  t.ok(live !== undefined && (await isAlive(live)))
  t.notOk(await isAlive({ ...live!, startTicks: '1' }), 'another process with the same id')
  t.notOk(await isAlive({ ...live!, bootId: 'other' }), 'a process of before the last boot')
  for (const text of ['', '{}', 'null', '{"pid":1}']) {
    await writeFile(paths.daemonRecordPath, text)
    t.equal(await readLiveDaemon(paths), undefined, text)
  }
  await removeDaemonRecord(paths)
  t.equal(await readLiveDaemon(paths), undefined)
})
