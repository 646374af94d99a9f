import { chmod, mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { removeTree } from '../../scripts/checks/remove-tree.js'
import { asRemoteId, asStorageId } from '../../src/base/ids.js'
import { checkFolder, claimFolder, releaseFolder, whileMountable } from '../../src/daemon/folder.js'
import { MARKER_NAME, readMarker } from '../../src/daemon/marker.js'
import { profilePaths, type ProfilePaths } from '../../src/daemon/paths.js'
import { isWithin, mountOf, resolveFolder } from '../../src/daemon/place.js'
import type { Profile } from '../../src/daemon/profile.js'

const OWNER = { profile: 'default', portal: 'acme.bitrix24.com', userId: '1' }

interface Place {
  readonly home: string
  readonly folder: string
  readonly paths: ProfilePaths
  readonly known: Profile
}

async function place(test: Test): Promise<Place> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'elastic-folder-')))
  test.teardown(() => removeTree(home))
  const folder = join(home, 'Bitrix24')
  const env = { ELASTIC_DRIVE_HOME: join(home, 'own') }
  const paths = profilePaths('default', { env, homeDirectory: home, temporaryDirectory: home, uid: 0, workingDirectory: home })
  const { portal, userId } = OWNER
  const known: Profile = { portal, userId, userName: 'Ada', storageId: asStorageId('11'), rootFolderId: asRemoteId('31'), folder, folderMode: 0o750, connectedAt: '', mode: 'elastic' }
  return { home, folder, paths, known }
}

const check = ({ folder, paths }: Place, known?: Profile, owner = OWNER): ReturnType<typeof checkFolder> => checkFolder({ folder, paths, owner, known })

await t.test('a new or an empty folder is taken, marked, and sealed (6a.13)', async (t) => {
  const here = await place(t)
  t.same(await check(here), { exists: false, mode: 0o755 })
  await mkdir(here.folder, { mode: 0o700 })
  t.same(await check(here), { exists: true, mode: 0o700 })
  await claimFolder(here.folder, OWNER)
  t.equal((await stat(here.folder)).mode & 0o777, 0o555)
  t.match(await readMarker(here.folder), OWNER)
})

await t.test('a folder with anything in it is refused and left as it is (6a.13)', async (t) => {
  const here = await place(t)
  await mkdir(here.folder)
  await writeFile(join(here.folder, '.hidden'), 'x')
  await t.rejects(check(here), { code: 'folder-not-empty' })
  await rm(join(here.folder, '.hidden'))
  await writeFile(join(here.folder, MARKER_NAME), 'some file of that name')
  await t.rejects(check(here), { code: 'folder-not-empty' })
  t.same(await readdir(here.folder), [MARKER_NAME])
})

await t.test("the profile's own folder from before is taken again, whatever lies in it, when marker and record agree (6a.13)", async (t) => {
  const here = await place(t)
  await claimFolder(here.folder, OWNER)
  await chmod(here.folder, 0o755)
  await writeFile(join(here.folder, 'left below the mount'), 'x')
  t.same(await check(here, here.known), { exists: true, mode: 0o750 }, 'with the mode it had before it was sealed')
  await t.rejects(check(here), { code: 'folder-not-empty' }, 'no record')
  await t.rejects(check(here, { ...here.known, portal: 'other.bitrix24.com' }), { code: 'folder-not-empty' }, 'the record names another portal')
  await t.rejects(check(here, here.known, { ...OWNER, userId: '2' }), { code: 'folder-not-empty' }, 'another account')
})

await t.test("another profile's folder is never taken, empty or not", async (t) => {
  const here = await place(t)
  await claimFolder(here.folder, { ...OWNER, profile: 'work' })
  await t.rejects(check(here), { code: 'folder-not-empty', message: /profile "work"/ })
})

await t.test('a connect that did not come to its end can be repeated', async (t) => {
  const here = await place(t)
  await claimFolder(here.folder, OWNER)
  t.same(await check(here), { exists: true, mode: 0o755 })
})

await t.test('a file, a place among our own files, and a place inside another drive are refused', async (t) => {
  const here = await place(t)
  await writeFile(here.folder, '')
  await t.rejects(check(here), { code: 'not-directory' })
  await t.rejects(check({ ...here, folder: join(here.folder, 'below') }), { code: 'not-directory' })
  await t.rejects(check({ ...here, folder: join(here.paths.stateDirectory, 'x') }), { code: 'invalid' })
  await t.rejects(check({ ...here, folder: here.home }), { code: 'invalid' }, 'it would hide our own files')
  await claimFolder(join(here.home, 'other'), { ...OWNER, profile: 'work' })
  await t.rejects(check({ ...here, folder: join(here.home, 'other', 'inner', 'x') }), { code: 'invalid', message: /profile "work"/ })
  await t.rejects(check({ ...here, folder: '/proc' }), { code: 'invalid', message: /mounted already/ })
})

await t.test('a released folder is the ordinary one it was', async (t) => {
  const here = await place(t)
  await claimFolder(here.folder, OWNER)
  await releaseFolder(here.known)
  t.equal((await stat(here.folder)).mode & 0o777, 0o750)
  t.same(await readdir(here.folder), [])
  await rm(here.folder, { recursive: true })
  await releaseFolder(here.known)
})

await t.test('the seal is open only while the mount is made, also when that fails', async (t) => {
  const here = await place(t)
  await claimFolder(here.folder, OWNER)
  const mode = async (): Promise<number> => (await stat(here.folder)).mode & 0o777
  t.equal(await whileMountable(here.folder, mode), 0o755)
  t.equal(await mode(), 0o555)
  await t.rejects(whileMountable(here.folder, () => Promise.reject(new Error('no'))))
  t.equal(await mode(), 0o555)
})

await t.test('a folder is named without links, as the kernel names it, also before it exists', async (t) => {
  const here = await place(t)
  await mkdir(join(here.home, 'real'))
  await symlink(join(here.home, 'real'), join(here.home, 'link'))
  t.equal(await resolveFolder('link/a/b', here.home), join(here.home, 'real', 'a', 'b'))
  t.equal(await resolveFolder('link', here.home), join(here.home, 'real'))
  t.equal(await resolveFolder('./x/../y', here.home), join(here.home, 'y'))
})

await t.test('the mount of a path is the deepest over it, and of two at one place the later', (t) => {
  const entry = (folder: string, type: string) => ({ folder, type, source: 's', connection: 0 })
  const table = [entry('/', 'ext4'), entry('/home', 'xfs'), entry('/home/ada/B', 'fuse.a'), entry('/home/ada/B', 'fuse.b')]
  t.equal(mountOf(table, '/home/ada/B/x')?.type, 'fuse.b')
  t.equal(mountOf(table, '/home/ada/Bx')?.type, 'xfs')
  t.equal(mountOf(table, '/homes')?.type, 'ext4')
  t.equal(mountOf([], '/x'), undefined)
  t.ok(isWithin('/', '/x'))
  t.notOk(isWithin('/a', '/ab'))
  t.end()
})
