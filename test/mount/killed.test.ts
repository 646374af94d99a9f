// The main job, acceptance 5: kill -9 of the daemon at any moment loses no closed file and doubles none.
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { seededRandom } from '../../src/base/random.js'
import { skipWithout } from '../support/skip.js'
import { Playground, until } from './playground.js'

/** Every file of the mount, its bytes once on the portal and nothing else there. */
async function portalEqualsMount(t: Test, ground: Playground): Promise<void> {
  await ground.ok('sync', '--wait', '60')
  const here = (await ground.shell(`find . -type f -exec sha256sum {} + | sed 's#  \\./# #' | sort`)).trim().split('\n')
  const there = (await ground.tree()).filter(({ type }) => type === 'file').map(({ path, sha256 }) => `${sha256 ?? ''} ${path}`).sort()
  t.same(there, here)
}

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

// [S-15] [S-29]
await t.test('killed after close and before the upload, every edit is on the portal exactly once after the next mount', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
  await ground.act({ as: 'owner', op: 'write', path: 'known.txt', content: 'base' })
  await ground.ok('sync', '--wait', '30')
  await ground.shell('echo new > new.txt; echo more >> known.txt; mkdir folder; echo deep > folder/deep.txt')
  await ground.killDaemon()
  await ground.mount()
  t.equal(await ground.shell('cat known.txt'), 'basemore\n')
  await portalEqualsMount(t, ground)
  const versions = async (): Promise<readonly string[]> => (await ground.tree()).flatMap(({ type, path, version }) => (type === 'file' ? [`${path} ${version}`] : [])).sort()
  const once = ['folder/deep.txt 1', 'known.txt 2', 'new.txt 1']
  t.same(await versions(), once)
  await ground.ok('unmount') // looks a last time at what was open for direct writing when the first daemon died
  await ground.mount()
  await portalEqualsMount(t, ground)
  t.same(await versions(), once, 'what was written before the upload is not recorded as written after it')
})

for (const fault of ['lost-answer', 'stall'] as const) {
  await t.test(`killed during the upload (${fault}), every edit is on the portal exactly once`, fuse, async (t) => {
    const ground = await Playground.start(t, { settings: { uploadDelay: '0' } })
    await ground.act({ as: 'owner', op: 'write', path: 'known.txt', content: 'base' })
    await ground.ok('sync', '--wait', '30')
    await ground.fault({ method: 'disk.file.uploadversion', kind: fault, ms: 60_000, times: 1 })
    await ground.fault({ method: 'upload', kind: fault, ms: 60_000, times: 1 })
    await ground.clearRequests()
    await ground.shell('echo new > new.txt; echo more >> known.txt')
    await until('both uploads are under way', async () => {
      // A stalled request is not counted before its end, and one whose answer was lost is not under way any more.
      if (fault === 'stall') return (await ground.json<{ transfers: readonly unknown[] }>('status')).transfers.length === 2
      const { methods } = await ground.requests()
      return (methods['disk.file.uploadversion'] ?? 0) > 0 && (methods.upload ?? 0) > 0
    })
    await ground.killDaemon()
    await ground.clearFaults()
    await ground.mount()
    await portalEqualsMount(t, ground)
    t.equal((await ground.item('known.txt'))?.version, 2)
  })
}

// [S-15]
await t.test('killed 30 times at random moments of a busy folder, nothing is lost and nothing is doubled', fuse, async (t) => {
  const seed = Number(process.env.ELASTIC_DRIVE_SEED ?? 1)
  t.comment(`ELASTIC_DRIVE_SEED=${seed}`)
  const random = seededRandom(seed)
  const ground = await Playground.start(t, { settings: { uploadDelay: '0' }, portalArguments: ['--plan', 'self-hosted'] })
  const acknowledged = new Map<string, string>()
  for (let round = 0; round < 30; round += 1) {
    if (random.fraction() < 0.3) await ground.fault({ method: random.fraction() < 0.5 ? 'upload' : 'disk.file.uploadversion', kind: 'lost-answer', times: 1 })
    const pid = await ground.daemonPid()
    // Each line is a file whose close(2) was answered; the kill comes at a random moment between them.
    const writing = ground.attempt(`for i in $(seq 1 40); do f=f$((RANDOM % 12)).txt; echo "${round} $i" > $f 2>/dev/null || break; echo "$f ${round} $i"; done`)
    await new Promise((resolve) => setTimeout(resolve, 20 + random.fraction() * 400))
    process.kill(pid, 'SIGKILL')
    const { stdout } = await writing
    for (const line of stdout.trim().split('\n')) {
      const [name, ...rest] = line.split(' ')
      if (name !== undefined && name !== '') acknowledged.set(name, `${rest.join(' ')}\n`)
    }
    await ground.mount()
    for (const [name, content] of acknowledged) {
      const found = await ground.shell(`cat ${name}`)
      // The write under way when the daemon died may have arrived or not; an older one must not come back.
      const [foundRound, foundIndex] = found.trim().split(' ').map(Number) as [number, number]
      const [round2, index2] = content.trim().split(' ').map(Number) as [number, number]
      const isNewer = foundRound > round2 || (foundRound === round2 && foundIndex >= index2)
      if (!isNewer && found !== '') t.fail(`round ${round}: ${name} holds ${JSON.stringify(found)}, acknowledged was ${JSON.stringify(content)}`)
      acknowledged.set(name, found)
    }
  }
  await ground.clearFaults()
  await portalEqualsMount(t, ground)
  t.notOk((await ground.tree()).some(({ path }) => /conflict|\(\d+\)|Recovered/.test(path)), 'no copies')
})

await t.test('rescue gives the unsent edits by name while the portal is down and no daemon runs', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
  await ground.shell('mkdir -p a/b; echo one > a/b/one.txt; echo two > two.txt; echo sent > sent.txt')
  await ground.ok('sync', '--wait', '30')
  await ground.shell('echo changed > a/b/one.txt; echo three > "drei äöü.txt"')
  await ground.stopPortal()
  await ground.killDaemon()
  const directory = join(ground.directory, 'rescued')
  await mkdir(directory)
  await ground.ok('rescue', directory)
  t.equal(await readFile(join(directory, 'a/b/one.txt'), 'utf8'), 'changed\n')
  t.equal(await readFile(join(directory, 'drei äöü.txt'), 'utf8'), 'three\n')
  t.same((await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length, 2, 'only what is unsent')
})
