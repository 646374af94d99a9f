// Connecting again that dies at any step, and is run again: every file is in the folder or in the drive, never in neither, never in both.
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { removeTree } from '../../scripts/checks/remove-tree.js'
import { systemClock } from '../../src/base/clock.js'
import { contentPath } from '../../src/cache/content-path.js'
import { connectProfile } from '../../src/daemon/connect.js'
import { readFormerProfile } from '../../src/daemon/former-profile.js'
import { fileGrants, memoryGrants } from '../../src/daemon/grant-store.js'
import { profilePaths } from '../../src/daemon/paths.js'
import { readProfile } from '../../src/daemon/profile.js'
import { finishAdoption } from '../../src/daemon/adoption.js'
import { SCHEMAS } from '../../src/daemon/schemas.js'
import { fileSecrets } from '../../src/daemon/secrets.js'
import { DEFAULT_SETTINGS } from '../../src/daemon/settings.js'
import { openShortDrive } from '../../src/daemon/short-drive.js'
import { ItemNames } from '../../src/mirror/item-names.js'
import { ITEM_COLUMNS, itemOf } from '../../src/mirror/item.js'
import { Webhook } from '../../src/rest/webhook.js'
import { Store } from '../../src/store/store.js'
import { onDyingDisk, type DyingDisk } from './dying-disk.js'
import { contentsOf, copyOf, disconnect, KEPT, surroundingsIn, workedWith, type Place, type Worked } from './disconnected-stage.js'

t.setTimeout(180_000)

interface Stage {
  readonly worked: Worked
  readonly disconnected: Place
}

async function stage(t: Test): Promise<Stage> {
  const worked = await workedWith(t)
  const disconnected = await copyOf(t, worked)
  await disconnect(disconnected)
  return { worked, disconnected }
}

/** Of the one disconnected place: to disconnect each time takes long. */
async function disconnectedCopy(t: Test, { disconnected }: Stage): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-adoption-'))
  t.teardown(() => removeTree(directory))
  await cp(disconnected.directory, directory, { recursive: true })
  const paths = profilePaths('default', surroundingsIn(directory))
  const former = await readFile(paths.formerProfilePath, 'utf8')
  await writeFile(paths.formerProfilePath, former.replaceAll(disconnected.directory, directory))
  return { directory, paths, profile: { ...disconnected.profile, folder: join(directory, 'Bitrix24') } }
}

async function connect({ worked: { client } }: Stage, { directory, paths }: Place): Promise<void> {
  const env = {}
  await connectProfile(
    {
      paths, surroundings: surroundingsIn(directory), secrets: fileSecrets(paths), clock: systemClock, grants: fileGrants(paths), memoryGrants,
      openDrive: (access) => openShortDrive({ access, paths, settings: DEFAULT_SETTINGS, clock: systemClock, env }),
      isLocalOnlyName: () => false,
    },
    { access: { kind: 'webhook', webhook: Webhook.parse(client.portal.webhook) }, folder: undefined, dryRun: false },
  )
}

interface InDrive {
  readonly text: string
  /** The portal is known to have it. */
  readonly known: boolean
  readonly queued: boolean
}

/** Files that have bytes, by path. */
async function inDrive(t: Test, { paths }: Place): Promise<Readonly<Record<string, InDrive>>> {
  const store = await Store.open(paths.databasePath, SCHEMAS)
  try {
    const names = new ItemNames(store.read)
    const found: Record<string, InDrive> = {}
    for (const row of await store.read.all(`SELECT ${ITEM_COLUMNS} FROM items WHERE content_id IS NOT NULL`)) {
      const item = itemOf(row)
      const path = contentPath(paths.contentDirectory, item.contentId!)
      const queued = (await store.read.get('SELECT 1 AS there FROM journal WHERE ino = ?', item.ino)) !== undefined
      t.match(await stat(path), { nlink: 1 })
      found[(await names.of(item))?.join('/') ?? 'nowhere'] = { text: await readFile(path, 'utf8'), known: item.base !== null, queued }
    }
    return found
  } finally {
    await store.close()
  }
}

const EXPECTED: Readonly<Record<string, InDrive>> = Object.fromEntries(Object.entries(KEPT).map(([path, text]) => [path, { text, known: path.endsWith('read.txt'), queued: !path.endsWith('read.txt') }]))

async function isTaken(t: Test, place: Place, when: string): Promise<void> {
  t.same(await inDrive(t, place), EXPECTED, `everything is in the drive, ${when}`)
  t.same(await readdir(place.profile.folder), ['.elastic-drive'], 'nothing is left below the mount')
  t.equal((await stat(place.profile.folder)).mode & 0o777, 0o555)
  t.equal(await readFormerProfile(place.paths), undefined)
  t.match(await readProfile(place.paths), { folderMode: 0o750 })
  t.notOk((await readdir(place.paths.stateDirectory)).includes('reconnect.json'))
}

/** Every how manieth step kills. */
const DISKS: readonly (readonly [what: string, stride: number, noLinks: (place: Place) => DyingDisk['noLinks']])[] = [
  ['on one file system', 2, () => undefined],
  ['between two file systems', 5, ({ profile }) => ({ code: 'EXDEV', from: profile.folder })],
]

await t.test('connecting again dies at any step and is run again', async (t) => {
  const scene = await stage(t)
  for (const [what, stride, noLinks] of DISKS) {
    await t.test(what, async (t) => {
      const whole = await disconnectedCopy(t, scene)
      const links = noLinks(whole)
      const { steps } = await onDyingDisk({ lives: Infinity, ...(links === undefined ? {} : { noLinks: links }) }, () => connect(scene, whole))
      await isTaken(t, whole, 'without a death')
      t.ok(steps > 30, `${steps} steps`)
      for (let lives = 0; lives < steps; lives += stride) {
        const place = await disconnectedCopy(t, scene)
        const linksHere = noLinks(place)
        const disk = linksHere === undefined ? {} : { noLinks: linksHere }
        await onDyingDisk({ lives, ...disk }, () => connect(scene, place))
        const profile = await readProfile(place.paths).catch(() => undefined)
        if (profile === undefined) t.same(await contentsOf(place.profile.folder), KEPT, `not connected: all is in the folder after ${lives} steps`)
        // What the next mount does, or, as long as nothing is connected, the next connect.
        await onDyingDisk({ lives: Infinity, ...disk }, () => (profile === undefined || lives % 4 === 0 ? connect(scene, place) : finishAdoption(place.paths, profile)))
        await isTaken(t, place, `dead after ${lives} steps`)
      }
    })
  }
})

await t.test('a damaged record beside the note of a connection before costs no unsent edit', async (t) => {
  const scene = await stage(t)
  const place = await disconnectedCopy(t, scene)
  const note = await readFile(place.paths.formerProfilePath, 'utf8')
  await connect(scene, place)
  await writeFile(place.paths.formerProfilePath, note) // as if the process had died just before it removed it
  await writeFile(place.paths.profilePath, '{')
  await connect(scene, place)
  t.same(await inDrive(t, place), EXPECTED)
  await finishAdoption(place.paths, (await readProfile(place.paths))!)
  t.equal(await readFormerProfile(place.paths), undefined, 'the next mount removes it')
})

await t.test('folders and files that nobody may write to are taken with their modes', async (t) => {
  const scene = await stage(t)
  const place = await disconnectedCopy(t, scene)
  await chmod(join(place.profile.folder, 'sub', 'read.txt'), 0o444)
  await chmod(join(place.profile.folder, 'sub'), 0o555)
  await connect(scene, place)
  await isTaken(t, place, 'read-only or not')
  const store = await Store.open(place.paths.databasePath, SCHEMAS)
  const modes = await store.read.all("SELECT mode FROM items WHERE name IN ('sub', 'read.txt') ORDER BY parent, name DESC")
  await store.close()
  t.same(modes.map(({ mode }) => Number(mode) & 0o777), [0o555, 0o644, 0o444])
})

await t.test('a file that was replaced after it was taken stays in the folder', async (t) => {
  const scene = await stage(t)
  const { steps } = await onDyingDisk({ lives: Infinity }, async () => connect(scene, await disconnectedCopy(t, scene)))
  for (let lives = steps - 1; lives > 0; lives -= 1) {
    const place = await disconnectedCopy(t, scene)
    await onDyingDisk({ lives }, () => connect(scene, place))
    const profile = await readProfile(place.paths)
    if (profile === undefined || !(await readdir(place.profile.folder)).includes('mine.txt')) continue
    await rm(join(profile.folder, 'mine.txt'))
    await writeFile(join(profile.folder, 'mine.txt'), 'another')
    await finishAdoption(place.paths, profile)
    t.same(await contentsOf(profile.folder), { 'mine.txt': 'another' })
    t.match(await inDrive(t, place), { 'mine.txt': { text: 'mine' } })
    return
  }
  t.fail('no death left the file in the folder of a connected drive')
})
