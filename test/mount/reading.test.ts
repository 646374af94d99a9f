// The main job, acceptance 3: contents come once, in time, and are what the portal has.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, sha256, until } from './playground.js'

const MiB = 2 ** 20

async function firstBytes(path: string, count: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of createReadStream(path, { end: count - 1, highWaterMark: count })) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

// [S-24]
await t.test('cat transfers a file once; a second cat, also after a remount, makes no request', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x3x5000000' })
  const path = (await ground.shell('find . -type f | sort | head -1')).trim()
  t.equal(await ground.stateOf(path), 'placeholder')
  await ground.clearRequests()
  await ground.shell(`cat '${path}' > /dev/null`)
  t.equal((await ground.requests()).bytesDown, 5_000_000)
  t.equal(await ground.stateOf(path), 'cached')
  await ground.clearRequests()
  await ground.shell(`cat '${path}' > /dev/null`)
  await ground.unmount()
  await ground.mount()
  await ground.shell(`cat '${path}' > /dev/null`)
  const { log, bytesDown } = await ground.requests()
  t.equal(bytesDown, 0)
  t.equal(log.filter(({ method }) => method === 'disk.file.get' || method === 'download').length, 0)
  t.equal(await ground.stateOf(path), 'cached')
})

for (const [name, size] of [['0 bytes', 0], ['1 byte', 1], ['16 KiB', 16_384], ['8 MiB + 1', 8 * MiB + 1], ['300 MiB', 300 * MiB]] as const) {
  await t.test(`the sha256 of a file of ${name} equals the portal's, and its bytes came once`, fuse, async (t) => {
    const ground = await Playground.start(t, { seed: `tree:1x1x${size}` })
    const path = (await ground.shell('find . -type f')).trim()
    await ground.clearRequests()
    const read = await sha256(ground.path(path))
    const { bytesDown } = await ground.requests()
    const file = (await ground.tree()).find(({ type }) => type === 'file')
    t.equal(read, file?.sha256 ?? createHash('sha256').digest('hex'))
    t.equal(bytesDown, size)
  })
}

await t.test('the first 4 KiB of a 1 GiB file arrive after moving at most 8 MiB, and the file is partial then', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: `tree:1x1x${1024 * MiB}` })
  const path = (await ground.shell('find . -type f')).trim()
  await ground.clearRequests()
  t.equal((await firstBytes(ground.path(path), 4096)).length, 4096)
  const moved = await until('the download stops', async () => {
    const before = (await ground.requests()).bytesDown
    await new Promise((resolve) => setTimeout(resolve, 500))
    return before > 0 && before === (await ground.requests()).bytesDown ? before : undefined
  })
  t.comment(`moved ${moved} bytes`)
  t.ok(moved <= 8 * MiB, `${moved} bytes moved`)
  t.equal(await ground.stateOf(path), 'partial')
})

// [S-37]
await t.test('mv of a placeholder returns at once and its bytes are here soon after; mv of a folder moves none', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:2x2x1000000', portalArguments: ['--latency', '300'] })
  const [first] = (await ground.shell('find . -type f | sort')).trim().split('\n')
  await ground.clearRequests()
  const beganMs = performance.now()
  await ground.shell(`mv '${first}' renamed.bin`)
  t.ok(performance.now() - beganMs < 300, 'mv did not wait for the portal')
  await until('the bytes are here', async () => (await ground.requests()).bytesDown === 1_000_000 && (await ground.shell(`stat -c %b renamed.bin`)).trim() !== '0')
  t.equal(await ground.attempt('getfattr --only-values -n user.elastic-drive.state renamed.bin').then(({ stdout }) => stdout === 'cached' || stdout === 'dirty'), true)
  await ground.ok('sync', '--wait', '30')
  t.equal(await ground.stateOf('renamed.bin'), 'cached')
  t.ok(await ground.item('renamed.bin'), 'the portal has the new name')

  await ground.clearRequests()
  const folder = (await ground.shell('find . -mindepth 1 -type d | sort | head -1')).trim()
  await ground.shell(`mv '${folder}' elsewhere`)
  await ground.ok('sync', '--wait', '30')
  t.equal((await ground.requests()).bytesDown, 0)
  t.ok(await ground.item('elsewhere'))
})

// [S-1]
await t.test('xattrs and status tell each state truthfully', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x2x1000', settings: { uploadDelay: '30' } })
  const path = (await ground.shell('find . -type f | sort | head -1')).trim()
  const xattr = async (name: string, file = path): Promise<string> => ground.shell(`getfattr --only-values -n user.elastic-drive.${name} '${file}'`)
  const onPortal = (await ground.tree()).find((item) => `./${item.path}` === path)
  t.equal(await xattr('state'), 'placeholder')
  t.equal(await xattr('id'), onPortal?.id)
  t.equal(await xattr('version'), '1')
  t.equal(await xattr('pinned'), '0')
  await ground.shell(`cat '${path}' > /dev/null`)
  t.equal(await xattr('state'), 'cached')
  await ground.ok('free', ground.path(path))
  t.equal(await xattr('state'), 'placeholder')
  await ground.shell(`setfattr -n user.elastic-drive.pinned -v 1 '${path}'`)
  t.equal(await xattr('pinned'), '1')
  await until('the pinned file is here', async () => (await xattr('state')) === 'cached')
  await ground.shell(`echo more >> '${path}'`)
  t.equal(await xattr('state'), 'dirty')
  await ground.shell(`echo new > new.txt`)
  t.equal(await xattr('state', 'new.txt'), 'dirty')
  t.equal((await ground.attempt('getfattr -n user.elastic-drive.id new.txt')).code, 1, 'no id before the portal has it')
  await ground.shell(`echo lock > '.~lock.new.txt#'`)
  t.equal(await xattr('state', '.~lock.new.txt#'), 'local-only')
  t.equal(await ground.stateOf(), 'listed')
  await ground.ok('sync', '--wait', '30')
  t.equal(await xattr('state'), 'cached')
  t.equal(await xattr('version'), '2')
  t.equal(await xattr('id'), onPortal?.id)
  t.equal(await xattr('state', 'new.txt'), 'cached')
  t.same((await ground.json<{ errors: unknown[] }>('status')).errors, [])
})
