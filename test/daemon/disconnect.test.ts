// A disconnect that dies at any step, and is run again: every file that was here whole is in the folder, once.
import { cp, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { removeTree } from '../../scripts/checks/remove-tree.js'
import { systemClock } from '../../src/base/clock.js'
import { asRemoteId, asStorageId } from '../../src/base/ids.js'
import { readBootId } from '../../src/daemon/daemon-record.js'
import { disconnectProfile, type Disconnected } from '../../src/daemon/disconnect.js'
import { readFormerProfile } from '../../src/daemon/former-profile.js'
import { fileGrants } from '../../src/daemon/grant-store.js'
import { writeMarker } from '../../src/daemon/marker.js'
import { profilePaths, type ProfilePaths } from '../../src/daemon/paths.js'
import { readProfile, requireProfile, writeProfile, type Profile } from '../../src/daemon/profile.js'
import { fileSecrets } from '../../src/daemon/secrets.js'
import { WholeClient } from '../support/whole-client.js'
import { onDyingDisk, type DyingDisk } from './dying-disk.js'

t.setTimeout(120_000)

const KEPT: Readonly<Record<string, string>> = { 'read.txt': 'remote read', 'sub/read.txt': 'remote sub', 'mine.txt': 'mine', 'new/deep.txt': 'deep', 'zero.txt': '' }

interface Place {
  readonly directory: string
  readonly paths: ProfilePaths
  readonly profile: Profile
}

const pathsIn = (directory: string): ProfilePaths =>
  profilePaths('default', { env: { ELASTIC_DRIVE_HOME: directory }, homeDirectory: directory, temporaryDirectory: directory, uid: 0, workingDirectory: directory })

const profileIn = (directory: string): Profile => ({
  portal: 'acme.bitrix24.com', userId: '1', userName: 'Ada', storageId: asStorageId('11'), rootFolderId: asRemoteId('31'),
  folder: join(directory, 'Bitrix24'), folderMode: 0o750, connectedAt: '2026-11-27T00:00:00.000Z', mode: 'elastic',
})

/** A drive that was worked with and unmounted; each test takes copies of it. */
async function workedWith(t: Pick<Test, 'teardown'>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-parting-'))
  t.teardown(() => removeTree(directory))
  const ends: (() => unknown)[] = []
  const client = await WholeClient.start({ teardown: (end) => ends.unshift(end) }, {}, { directory: join(directory, 'home'), portalDirectory: join(directory, 'portal'), bootId: await readBootId(), uploadDelay: 36_000 })
  await client.act('mkdir', { path: 'sub' })
  for (const [path, content] of [['read.txt', KEPT['read.txt']], ['sub/read.txt', KEPT['sub/read.txt']], ['never.txt', 'never read'], ['trashed.txt', 'x']]) await client.act('write', { path, content })
  await client.settle()
  for (const path of ['read.txt', 'sub/read.txt', 'trashed.txt']) await client.read(path)
  await client.unlink('trashed.txt')
  await client.mkdir('new')
  await client.mkdir('hollow')
  for (const path of ['mine.txt', 'new/deep.txt', 'zero.txt']) await client.write(path, KEPT[path]!)
  for (const end of ends) await end()
  return directory
}

async function copyOf(t: Pick<Test, 'teardown'>, origin: string): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-parting-copy-'))
  t.teardown(() => removeTree(directory))
  await cp(join(origin, 'home'), directory, { recursive: true })
  const paths = pathsIn(directory)
  const profile = profileIn(directory)
  await mkdir(profile.folder, { recursive: true, mode: 0o555 })
  await writeProfile(paths, profile)
  await writeMarker(profile.folder, { profile: paths.profile, portal: profile.portal, userId: profile.userId })
  await fileSecrets(paths).writeWebhook('https://acme.bitrix24.com/rest/1/abcdefgh/')
  return { directory, paths, profile }
}

const disconnect = ({ paths }: Place): Promise<Disconnected> => disconnectProfile({ paths, clock: systemClock, secrets: fileSecrets(paths), grants: fileGrants(paths) })

async function contentsOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {}
  for (const name of await readdir(folder, { recursive: true })) {
    if (name !== '.elastic-drive' && (await stat(join(folder, name))).isFile()) found[name] = await readFile(join(folder, name), 'utf8')
  }
  return found
}

async function isOver(t: Test, { paths, profile }: Place, when: string, expected = KEPT): Promise<void> {
  t.same(await contentsOf(profile.folder), expected, `everything once, ${when}`)
  t.ok((await stat(join(profile.folder, 'hollow'))).isDirectory(), 'a folder that only this computer had')
  t.equal((await stat(profile.folder)).mode & 0o777, 0o750)
  t.equal(await readProfile(paths), undefined)
  t.same((await readFormerProfile(paths))?.known.map(({ sizeBytes }) => sizeBytes).sort(), [10, 11], 'the digests of what the portal gave')
  t.same((await readdir(paths.stateDirectory)).filter((name) => name.startsWith('drive.db') || name === 'disconnect.json'), [])
  await t.rejects(fileSecrets(paths).readWebhook(), { code: 'not-connected' })
}

/** Every how manieth step kills: the last two differ from the first in a few steps only, and from each other in one. */
const DISKS: readonly (readonly [what: string, stride: number, noLinks: (place: Place) => DyingDisk['noLinks']])[] = [
  ['on one file system', 1, () => undefined],
  ['between two file systems', 2, ({ paths }) => ({ code: 'EXDEV', from: paths.cacheDirectory })],
  ['on a file system without links', 3, () => ({ code: 'EPERM' })],
]

await t.test('a disconnect dies at any step and is run again', async (t) => {
  const origin = await workedWith(t)
  for (const [what, stride, noLinks] of DISKS) {
    await t.test(what, async (t) => {
      const whole = await copyOf(t, origin)
      const links = noLinks(whole)
      const { steps } = await onDyingDisk({ lives: Infinity, ...(links === undefined ? {} : { noLinks: links }) }, () => disconnect(whole))
      await isOver(t, whole, 'without a death')
      t.ok(steps > 40, `${steps} steps`)
      for (let lives = 0; lives < steps; lives += stride) {
        const place = await copyOf(t, origin)
        const linksHere = noLinks(place)
        const disk = linksHere === undefined ? {} : { noLinks: linksHere }
        const { died } = await onDyingDisk({ lives, ...disk }, () => disconnect(place))
        t.ok(died)
        const begun = (await readdir(place.paths.stateDirectory)).includes('disconnect.json')
        if (begun) await t.rejects(requireProfile(place.paths), { code: 'not-connected' }, 'meanwhile nothing is mounted')
        const isDone = !begun && (await readProfile(place.paths)) === undefined
        if (isDone) await t.rejects(disconnect(place), { code: 'not-connected' })
        else await onDyingDisk({ lives: Infinity, ...disk }, () => disconnect(place))
        await isOver(t, place, `dead after ${lives} steps`)
      }
    })
  }
})

await t.test('a name that is taken in the folder is written over by nothing', async (t) => {
  const place = await copyOf(t, await workedWith(t))
  await writeFile(join(place.profile.folder, 'mine.txt'), 'a stranger')
  const { aside } = await disconnect(place)
  t.same(aside, [{ path: join(place.profile.folder, 'mine.txt'), savedAs: join(place.profile.folder, 'mine (2).txt') }])
  await isOver(t, place, 'beside the stranger', { ...KEPT, 'mine.txt': 'a stranger', 'mine (2).txt': 'mine' })
})
