// Files larger than memory should ever be: streamed both ways, also the base64 of a version (acceptance: less than 64 MB of memory more), and
// neither way when the history is dropped.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground } from './playground.js'

const MB = 1_000_000
const ALLOWED_BYTES = 64 * MB

const fuse = skipWithout('fuse')

t.setTimeout(600_000)

await t.test('2 GB down, 2 GB up and a version of 600 MB take less than 64 MB of memory, and stay where they are when the drive is disconnected and connected again', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: `tree:1x1x${2_000 * MB}`, portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '0' } })
  const pid = await ground.daemonPid()
  await ground.shell(`ls folder-1; echo warm > warm.txt; cat warm.txt; head -c ${3 * MB} folder-1/file-1.dat > /dev/null`)
  await ground.ok('sync', '--wait', '60')

  const grewBy = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    await writeFile(`/proc/${pid}/clear_refs`, '5') // the peak is counted anew (proc_pid_clear_refs(5))
    const before = await memoryOf(pid, 'VmRSS')
    const begunMs = performance.now()
    await work()
    const grown = (await memoryOf(pid, 'VmHWM')) - before
    t.ok(grown < ALLOWED_BYTES, `${what}: ${Math.round(grown / MB)} MB more than ${Math.round(before / MB)} MB, in ${Math.round((performance.now() - begunMs) / 1_000)} s`)
  }

  await grewBy('2 GB down', () => ground.shell('cat folder-1/file-1.dat > /dev/null', 300_000))
  await ground.ok('free', ground.path('folder-1', 'file-1.dat'))

  await ground.shell(`head -c ${600 * MB} /dev/urandom > version.bin`, 300_000)
  await ground.ok('sync', '--wait', '300')
  const first = await ground.item('version.bin')
  t.match(first, { size: 600 * MB })
  await ground.shell(`printf changed | dd of=version.bin conv=notrunc status=none`)
  await grewBy('a version of 600 MB', () => ground.ok('sync', '--wait', '300'))
  t.match(await ground.item('version.bin'), { id: first?.id, size: 600 * MB, version: 2 })
  await ground.shell('rm version.bin')

  await grewBy('2 GB up', async () => {
    await ground.shell(`head -c ${2_000 * MB} /dev/zero > new.bin`, 300_000)
    await ground.ok('sync', '--wait', '300')
  })
  t.match(await ground.item('new.bin'), { size: 2_000 * MB })

  await ground.clearRequests()
  const begunMs = performance.now()
  await ground.ok('disconnect')
  const { ino } = await stat(ground.path('new.bin'))
  await ground.connect()
  await ground.mount()
  await ground.ok('sync', '--wait', '300')
  const tookSeconds = Math.round((performance.now() - begunMs) / 1_000)
  t.equal(await ground.stateOf('new.bin'), 'cached')
  t.ok((await cacheInodes(ground)).includes(ino), `2 GB that were here are here after disconnect and connect (${tookSeconds} s), in the same file of the disk`)
  await ground.shell('cmp new.bin /dev/zero 2>&1 | grep -q "EOF on new.bin"', 300_000)
  const { bytesUp, bytesDown } = await ground.requests()
  t.ok(bytesUp + bytesDown < MB, `and no byte of them went over the wire: ${bytesUp} up, ${bytesDown} down`)
})

async function cacheInodes(ground: Playground): Promise<readonly number[]> {
  const contents = join(ground.home, 'cache', 'default', 'contents')
  const entries = await readdir(contents, { recursive: true, withFileTypes: true })
  return Promise.all(entries.filter((entry) => entry.isFile()).map(async (entry) => (await stat(join(entry.parentPath, entry.name))).ino))
}

async function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'mu').exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no ${field}`)
  return Number(kilobytes) * 1024
}
