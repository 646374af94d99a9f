// A disconnect that dies at any step, and is run again: every file that was here whole is in the folder, once.
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readFormerProfile } from '../../src/daemon/former-profile.js'
import { fileGrants } from '../../src/daemon/grant-store.js'
import { readProfile, requireProfile } from '../../src/daemon/profile.js'
import { fileSecrets } from '../../src/daemon/secrets.js'
import { onDyingDisk, type DyingDisk } from './dying-disk.js'
import { contentsOf, copyOf, disconnect, KEPT, workedWith, type Place } from './disconnected-stage.js'

t.setTimeout(120_000)

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
  const grant = { server: 'https://oauth.example', clientId: 'c', clientSecret: 's', accessToken: 'a', refreshToken: 'r', endpoint: 'https://acme.example/rest/', memberId: 'm', way: 'header' } as const
  await fileGrants(place.paths).write(grant)
  const { aside } = await disconnect(place)
  await t.rejects(fileGrants(place.paths).read(), { code: 'not-connected' }, 'the tokens of an application go as well')
  t.same(aside, [{ path: join(place.profile.folder, 'mine.txt'), savedAs: join(place.profile.folder, 'mine (2).txt') }])
  await isOver(t, place, 'beside the stranger', { ...KEPT, 'mine.txt': 'a stranger', 'mine (2).txt': 'mine' })
})
