/** A colleague renames a folder of a thousand files that are all here: nothing is moved but the name. */
import { createHash } from 'node:crypto'
import { open, readdir, readFile, type FileHandle } from 'node:fs/promises'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground } from './playground.js'

const FILES = 1_000
const BYTES = 200
const HALF = BYTES / 2
const MOST_REQUESTS = 10 // a look through three folders, one of which has twenty pages; the last looks of the caching may come late

const fuse = skipWithout('fuse')

t.setTimeout(180_000) // a loaded machine is slow, not wrong

await t.test('a folder of 1,000 cached files that is renamed and moved there: no download, handles read on, and ls is right after sync', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: `tree:1x${FILES}x${BYTES}`, portalArguments: ['--plan', 'self-hosted'] })
  const names = (await readdir(ground.path('folder-1'))).sort()
  t.equal(names.length, FILES)
  await ground.shell(`ls folder-1 | xargs -P 8 -n 50 sh -c 'cd folder-1; cat "$@" > /dev/null' sh; ls folder-1 > /dev/null`)
  t.equal((await ground.requests()).bytesDown, FILES * BYTES, 'everything is cached')
  const sums = await ground.shell('cd folder-1; sha256sum *')
  const inodes = await ground.shell('stat -c "%i %n" folder-1/* | sed s#folder-1/##; stat -c %i folder-1')
  const [first = '', middle = '', last = ''] = [names[0], names[500], names[999]]
  const handles = await Promise.all([first, middle, last].map((name) => open(ground.path('folder-1', name), name === middle ? 'r+' : 'r')))
  const directory = await open(ground.path('folder-1'), 'r')
  t.teardown(() => Promise.all([...handles, directory].map((handle) => handle.close())))
  const whole = await Promise.all([first, middle, last].map((name) => readFile(ground.path('folder-1', name))))
  t.same(await Promise.all(handles.map((handle) => readHalf(handle, 0))), whole.map((bytes) => bytes.subarray(0, HALF)))

  for (const [what, act, path, was] of [
    ['renamed', { op: 'rename', path: 'folder-1', name: 'renamed there' }, 'renamed there', 'folder-1'],
    ['moved', { op: 'move', path: 'renamed there', to: 'other' }, 'other/renamed there', 'renamed there'],
  ] as const) {
    await ground.act({ op: 'mkdir', path: 'other' })
    await ground.clearRequests()
    await ground.act(act)
    await ground.ok('sync', '--wait', '60')
    t.equal(await ground.shell(`ls '${path}'`), `${names.join('\n')}\n`, `${what}: ls is right at once`)
    t.not((await ground.attempt(`ls '${was}'`)).code, 0, `${what}: nothing is at the old place`)
    const { total, methods, bytesDown } = await ground.requests()
    t.same([methods.download, bytesDown], [undefined, 0], `${what}: no download`)
    t.ok(total <= MOST_REQUESTS, `${what}: ${total} requests`)
    t.comment(`${what}: ${total} requests`)
  }
  const place = 'other/renamed there'
  t.same(await Promise.all(handles.map((handle) => readHalf(handle, HALF))), whole.map((bytes) => bytes.subarray(HALF)), 'handles from before read on')
  t.same((await readdir(`/proc/self/fd/${directory.fd}`)).sort(), names, 'and so does one of the folder')
  t.equal(await ground.shell(`cd '${place}'; sha256sum *`), sums, 'every byte is here')
  t.equal(await ground.shell(`stat -c "%i %n" '${place}'/* | sed 's#${place}/##'; stat -c %i '${place}'`), inodes, 'with its inode')
  t.equal((await ground.requests()).bytesDown, 0)

  const { id, version } = (await ground.item(`${place}/${middle}`))!
  await handles[1]?.write('written by the handle from before', 0)
  await handles[1]?.datasync()
  await ground.ok('sync', '--wait', '60')
  t.match(await ground.item(`${place}/${middle}`), { id, version: version + 1, sha256: createHash('sha256').update(await readFile(ground.path(place, middle))).digest('hex') })
})

async function readHalf(handle: FileHandle, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(HALF), 0, HALF, position)
  return buffer.subarray(0, bytesRead)
}
