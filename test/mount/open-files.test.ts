// Open files that native code serves: what a handle reads and tells while others write, cut, delete and replace the file, and what a crash leaves.
import { open, readFile, stat, unlink } from 'node:fs/promises'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground } from './playground.js'

const MIB = 1024 * 1024
const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('a deleted file that another handle has cut tells its size to whoever still has it open for reading', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
  await ground.shell("head -c 4461 /dev/zero > a; cat a > /dev/null; cat a > /dev/null; stat a > /dev/null; cat a > /dev/null")
  const reader = await open(ground.path('a'), 'r')
  const writer = await open(ground.path('a'), 'r+')
  t.teardown(() => reader.close())
  await unlink(ground.path('a'))
  await writer.truncate(5_871)
  await writer.close()
  t.match(await reader.stat(), { size: 5_871, nlink: 0 })
  t.equal((await reader.read(Buffer.alloc(8_192), 0, 8_192, 0)).bytesRead, 5_871)
})

// [S-11]
await t.test('handles from before and after a file was here whole read the same, and so do they while somebody writes', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x1x3000000', settings: { uploadDelay: '600' } })
  const [name = ''] = (await ground.shell('find . -type f')).trim().split('\n')
  const before = await open(ground.path(name), 'r')
  const middle = Buffer.alloc(1_000)
  await before.read(middle, 0, 1_000, 1_500_000)
  const whole = await readFile(ground.path(name))
  const after = await open(ground.path(name), 'r')
  const writer = await open(ground.path(name), 'r+')
  t.teardown(() => Promise.all([before.close(), after.close()]))
  t.ok(whole.subarray(1_500_000, 1_501_000).equals(middle))
  // Small pieces: the second one makes the file lent.
  for (let piece = 0; piece < 64; piece += 1) await writer.write(Buffer.alloc(4_096, piece), 0, 4_096, 3_000_000 + piece * 4_096)
  t.equal((await stat(ground.path(name))).size, 3_000_000 + 64 * 4_096, 'while the file is lent')
  for (const handle of [before, after]) {
    const tail = Buffer.alloc(4_096)
    t.equal((await handle.read(tail, 0, 4_096, 3_000_000 + 63 * 4_096)).bytesRead, 4_096)
    t.ok(tail.equals(Buffer.alloc(4_096, 63)))
    await handle.read(middle, 0, 1_000, 1_500_000)
    t.ok(whole.subarray(1_500_000, 1_501_000).equals(middle))
  }
  await writer.close()
  await ground.ok('sync', '--wait', '60')
  const item = (await ground.tree()).find(({ type }) => type === 'file')
  t.equal(item?.size, 3_000_000 + 64 * 4_096)
})

await t.test('the times that a program sets after its writes stay, though it went on writing without us', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
  await ground.shell("dd if=/dev/zero of=a bs=65536 count=40 status=none; touch -d '2020-01-02 03:04:05 UTC' a")
  t.equal((await stat(ground.path('a'))).mtimeMs, Date.UTC(2020, 0, 2, 3, 4, 5))
  const file = await open(ground.path('a'), 'r+')
  for (let piece = 0; piece < 8; piece += 1) await file.write(Buffer.alloc(65_536, 1), 0, 65_536, piece * 65_536)
  await file.utimes(1_000_000_000, 1_000_000_000)
  await file.close()
  t.equal((await stat(ground.path('a'))).mtimeMs, 1_000_000_000_000)
})

// [S-16]
await t.test('killed while a program writes and has closed nothing, what it wrote is there after the next mount, and is sent', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
  const file = await open(ground.path('log'), 'w')
  for (let piece = 0; piece < 40; piece += 1) await file.write(Buffer.alloc(65_536, 65 + (piece % 26)))
  await ground.killDaemon()
  await file.close().catch(() => undefined) // ENOTCONN: the mount is dead
  await ground.mount()
  const expected = Buffer.concat(Array.from({ length: 40 }, (_, piece) => Buffer.alloc(65_536, 65 + (piece % 26))))
  t.ok((await readFile(ground.path('log'))).equals(expected))
  await ground.ok('sync', '--wait', '60')
  t.equal((await ground.item('log'))?.size, expected.length)
})

await t.test('a write that goes on without us meets the ceiling as any other, and room reserved for it is given to who needs it', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600', cacheLimit: '12MB' } })
  const first = await open(ground.path('first'), 'w')
  for (let piece = 0; piece < 4; piece += 1) await first.write(Buffer.alloc(MIB / 4, 1))
  await ground.shell('head -c 9000000 /dev/zero > second')
  const filling = await ground.attempt('dd if=/dev/zero of=third bs=64k count=100 status=none')
  t.not(filling.code, 0)
  t.match(filling.stderr, /No space left/)
  await first.close()
  t.equal((await stat(ground.path('first'))).size, MIB)
})
