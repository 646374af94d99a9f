// The main job, acceptance 8: a portal that stops answering freezes nothing that is here.
import { spawn } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, until } from './playground.js'

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now()
  await work()
  return performance.now() - beganMs
}

/** Processes in uninterruptible sleep whose working directory or command names the folder. */
async function stuckProcesses(folder: string): Promise<readonly string[]> {
  const stuck: string[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
      if (!stat.slice(stat.lastIndexOf(')')).startsWith(') D')) continue
      if ((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(folder)) stuck.push(pid)
    } catch {
      // the process ended meanwhile
    }
  }
  return stuck
}

/** A mounted tree that is listed whole, with one file cached; the portal is frozen. */
async function frozenGround(t: Test, settings: Readonly<Record<string, string>> = {}): Promise<{ ground: Playground; cached: string; placeholders: readonly string[] }> {
  const ground = await Playground.start(t, { seed: 'tree:10x10x100000', settings })
  const [cached, ...placeholders] = (await ground.shell('find . -type f | sort')).trim().split('\n') as [string, ...string[]]
  await ground.shell(`cat '${cached}' > /dev/null`)
  ground.freezePortal()
  return { ground, cached, placeholders }
}

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

// [S-4] [S-44]
await t.test('ls -lR, stat, df and getfattr on known folders answer in less than a second', fuse, async (t) => {
  const { ground, placeholders } = await frozenGround(t)
  for (const command of ['ls -lR .', `stat '${placeholders[0] ?? ''}'`, 'df .', `getfattr -n user.elastic-drive.state '${placeholders[1] ?? ''}'`, `getfattr -d -m - '${placeholders[1] ?? ''}'`]) {
    const ms = await timed(() => ground.shell(command))
    t.ok(ms < 1_000, `${command}: ${Math.round(ms)} ms`)
  }
})

// [S-4]
await t.test('50 stuck readers do not slow a cached file', fuse, async (t) => {
  const { ground, cached, placeholders } = await frozenGround(t)
  const before = await timed(() => ground.shell(`cat '${cached}' > /dev/null`))
  const readers = placeholders.slice(0, 50).map((file) => spawn('cat', [file], { cwd: ground.folder, stdio: 'ignore' }))
  t.teardown(() => { readers.forEach((reader) => reader.kill('SIGKILL')); })
  await until('the readers wait', async () => (await Promise.all(readers.map(({ pid }) => readFile(`/proc/${pid ?? 0}/wchan`, 'utf8').catch(() => '')))).every((wchan) => wchan !== ''))
  const during = await timed(() => ground.shell(`cat '${cached}' > /dev/null`))
  t.comment(`${Math.round(before)} ms before, ${Math.round(during)} ms with 50 stuck readers`)
  t.ok(during < before + 200)
})

// [S-4]
await t.test('cat of an uncached file dies to kill -9 within 2 s', fuse, async (t) => {
  const { ground, placeholders } = await frozenGround(t)
  const reader = spawn('cat', [placeholders[0] ?? ''], { cwd: ground.folder, stdio: 'ignore' })
  const exit = new Promise((resolve) => reader.once('exit', resolve))
  await until('it waits in read', async () => (await readFile(`/proc/${reader.pid ?? 0}/syscall`, 'utf8').catch(() => '')).startsWith('0 '))
  const ms = await timed(async () => {
    reader.kill('SIGKILL')
    await exit
  })
  t.ok(ms < 2_000, `${Math.round(ms)} ms`)
})

// [S-23]
await t.test('cat of an uncached file fails by itself after the stall deadline', fuse, async (t) => {
  const { ground, placeholders } = await frozenGround(t, { stallDeadline: '3' })
  const beganMs = performance.now()
  const outcome = await ground.attempt(`cat '${placeholders[0] ?? ''}'`, 30_000)
  const ms = performance.now() - beganMs
  t.match(outcome.stderr, /Connection timed out|Network is unreachable/)
  t.ok(ms >= 2_500 && ms < 8_000, `${Math.round(ms)} ms`)
})

// [S-4]
await t.test('unmount returns within 5 s', fuse, async (t) => {
  const { ground, placeholders } = await frozenGround(t)
  const reader = spawn('cat', [placeholders[0] ?? ''], { cwd: '/', stdio: 'ignore' })
  t.teardown(() => reader.kill('SIGKILL'))
  const ms = await timed(() => ground.unmount())
  t.ok(ms < 5_000, `${Math.round(ms)} ms`)
})

await t.test('unmount --force returns within 5 s with readers stuck in the mount', fuse, async (t) => {
  const { ground, placeholders } = await frozenGround(t)
  const readers = placeholders.slice(0, 5).map((file) => spawn('cat', [file], { cwd: ground.folder, stdio: 'ignore' }))
  const exits = readers.map((reader) => new Promise((resolve) => reader.once('exit', resolve)))
  await until('they wait in read', async () => (await readFile(`/proc/${readers[0]?.pid ?? 0}/syscall`, 'utf8').catch(() => '')).startsWith('0 '))
  t.equal((await ground.cli('unmount')).code, 1, 'a busy folder is not unmounted without --force')
  const ms = await timed(() => ground.unmount('--force'))
  t.ok(ms < 5_000, `${Math.round(ms)} ms`)
  await Promise.all(exits)
})

await t.test('a remote change that arrives while a reader is stuck hangs nothing', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x5x100000' })
  const files = (await ground.shell('find . -type f | sort')).trim().split('\n') as [string, string, ...string[]]
  await ground.fault({ method: 'download', kind: 'stall', ms: 60_000, times: 100 })
  const reader = spawn('cat', [files[0]], { cwd: ground.folder, stdio: 'ignore' })
  t.teardown(() => reader.kill('SIGKILL'))
  await until('it waits in read', async () => (await readFile(`/proc/${reader.pid ?? 0}/syscall`, 'utf8').catch(() => '')).startsWith('0 '))
  await ground.act({ op: 'write', path: files[0].slice(2), content: 'changed under the reader' })
  await ground.act({ op: 'rename', path: files[1].slice(2), name: 'renamed.bin' })
  await ground.ok('sync', '--wait', '20')
  const ms = await timed(() => ground.shell(`ls -lR . > /dev/null; stat -c %s '${files[0]}'`, 5_000))
  t.ok(ms < 1_000, `${Math.round(ms)} ms`)
  t.equal((await ground.shell(`stat -c %s '${files[0]}'`, 5_000)).trim(), String('changed under the reader'.length))
})

for (const clear of [['mount'], ['unmount', '--force']] as const) {
  await t.test(`after kill -9 of the daemon in this state, ${clear.join(' ')} leaves nothing in D state`, fuse, async (t) => {
    const { ground, placeholders } = await frozenGround(t)
    const readers = placeholders.slice(0, 5).map((file) => spawn('cat', [ground.path(file)], { cwd: '/', stdio: 'ignore' }))
    t.teardown(() => { readers.forEach((reader) => reader.kill('SIGKILL')); })
    const exits = readers.map((reader) => new Promise((resolve) => reader.once('exit', resolve)))
    await until('they wait in read', async () => (await readFile(`/proc/${readers[0]?.pid ?? 0}/syscall`, 'utf8').catch(() => '')).startsWith('0 '))
    process.kill(await ground.daemonPid(), 'SIGKILL')
    await ground.ok(...clear)
    await Promise.all(exits)
    t.same(await stuckProcesses(ground.folder), [])
    if (clear[0] === 'mount') t.ok((await ground.shell('ls -R | wc -l')).trim() !== '0')
  })
}
