// Programs that put the mount under load and verify it themselves (acceptance: real programs pass).
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground } from './playground.js'

const DBENCH_SECONDS = 5

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('under load the mount gives back what was written', fuse, async (t) => {
  const ground = await Playground.start(t, { portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '3600' } })

  for (const engine of ['psync', 'mmap']) {
    await t.test(`fio with ${engine} verifies every block it wrote, at once and in a second run`, async (t) => {
      const fio = (...options: readonly string[]): Promise<string> =>
        ground.shell(`fio --output-format=json --directory=. --name=${engine} --ioengine=${engine} --rw=randwrite --bs=4k --size=8m --numjobs=2 --randseed=7 --verify=crc32c --verify_fatal=1 --fsync=256 ${options.join(' ')}`)
      for (const options of [['--do_verify=1'], ['--verify_only']]) {
        // fio drops the file's pages when it opens it: the second run reads through the kernel door.
        const { jobs } = JSON.parse(await fio(...options)) as { jobs: readonly { error: number; read: { io_bytes: number } }[] }
        t.same(jobs.map(({ error, read }) => [error, read.io_bytes]), [[0, 8 * 2 ** 20], [0, 8 * 2 ** 20]])
      }
    })
  }

  await t.test('stress-ng makes, finds, renames and removes names, and verifies each step', async (t) => {
    await ground.shell('mkdir names')
    const { code, stdout, stderr } = await ground.attempt('stress-ng --temp-path names --dentry 2 --dentries 100 --dentry-ops 400 --rename 2 --rename-ops 600 --verify --timeout 30 --metrics-brief --stdout')
    t.equal(code, 0, stdout + stderr)
    t.match(stdout, 'successful run completed')
    t.equal(await ground.shell('find names -mindepth 1'), '', 'and leaves nothing')
  })

  await t.test('dbench plays the load of an office file server without one failed call', async (t) => {
    await ground.shell('mkdir office')
    const { code, stdout, stderr } = await ground.attempt(`dbench -D office -t ${DBENCH_SECONDS} -c /usr/share/dbench/client.txt 2`)
    t.equal(code, 0, stdout + stderr)
    t.match(stdout, /Throughput [\d.]+ MB\/sec {2}2 clients/)
    t.notMatch(stdout + stderr, /failed for|failed with|ERROR|expected/i)
  })
})
