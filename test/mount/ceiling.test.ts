// The main job, acceptance 7: the cache stays below its ceiling, and keeps what must be kept.
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, run, until } from './playground.js'

const MB = 10 ** 6

async function diskBytes(ground: Playground): Promise<number> {
  const { stdout } = await run('du', ['-s', '-B1', `${ground.home}/cache`])
  return Number(stdout.split('\t')[0])
}

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('with a ceiling of 64 MB, reading 300 MB of files never leaves more than 64 MB on disk', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: `tree:1x30x${10 * MB}`, portalArguments: ['--plan', 'self-hosted'], settings: { cacheLimit: '64MB' } })
  const files = (await ground.shell('find . -type f | sort')).trim().split('\n')
  let most = 0
  for (const file of files) {
    await ground.shell(`cat '${file}' > /dev/null`)
    most = Math.max(most, await diskBytes(ground))
  }
  t.comment(`at most ${most} bytes on disk`)
  t.ok(most <= 64 * MB + MB, `${most} bytes`) // directories and the file system's blocks come on top of the contents
  const { cache } = await ground.json<{ cache: { usedBytes: number; limitBytes: number } }>('status')
  t.ok(cache.usedBytes <= 64 * MB)
  t.ok(cache.usedBytes >= 40 * MB, 'and the cache is used')
})

await t.test('one file larger than the ceiling is read whole', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: `tree:1x1x${100 * MB}`, settings: { cacheLimit: '64MB' } })
  const path = (await ground.shell('find . -type f')).trim()
  const file = (await ground.tree()).find(({ type }) => type === 'file')
  t.equal((await ground.shell(`sha256sum < '${path}'`)).slice(0, 64), file?.sha256)
  t.ok((await diskBytes(ground)) <= 65 * MB)
})

await t.test('pinned files and unsent edits are never evicted', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: `tree:1x12x${10 * MB}`, portalArguments: ['--plan', 'self-hosted'], settings: { cacheLimit: '64MB', uploadDelay: '600' } })
  const files = (await ground.shell('find . -type f | sort')).trim().split('\n')
  const pinned = files[0]!
  await ground.ok('pin', ground.path(pinned))
  await until('the pinned file is here', async () => (await ground.stateOf(pinned)) === 'cached')
  await ground.shell('head -c 15000000 /dev/urandom > edit.bin')
  const edit = await ground.shell('sha256sum < edit.bin')
  for (const file of files) await ground.shell(`cat '${file}' > /dev/null`)
  t.equal(await ground.stateOf(pinned), 'cached')
  t.equal(await ground.stateOf('edit.bin'), 'dirty')
  await ground.clearRequests()
  t.equal(await ground.shell('sha256sum < edit.bin'), edit)
  await ground.shell(`cat '${pinned}' > /dev/null`)
  t.equal((await ground.requests()).bytesDown, 0)
  const { cache } = await ground.json<{ cache: { pinnedBytes: number; dirtyBytes: number; usedBytes: number } }>('status')
  t.ok(cache.pinnedBytes >= 10 * MB)
  t.ok(cache.dirtyBytes >= 15 * MB)
  t.ok(cache.usedBytes <= 64 * MB)
})

// [S-7]
await t.test('a write that finds the cache full of unsent work gets ENOSPC, and what is there stays', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { cacheLimit: '20MB', uploadDelay: '600' } })
  await ground.shell('head -c 15000000 /dev/zero > a.bin')
  const outcome = await ground.attempt('head -c 15000000 /dev/zero > b.bin')
  t.match(outcome.stderr, /No space left on device/)
  t.equal((await ground.shell('stat -c %s a.bin')).trim(), '15000000')
})
