/**
 * The whole daemon mounted and taken away again and again, killed with files open, unmounted under load, and told of change
 * after change while downloads stand still: what is left is counted. ELASTIC_DRIVE_MOUNTS=200 for more rounds.
 */
import assert from 'node:assert/strict'
import { open, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { silentLog } from '../../src/base/log.js'
import { startDaemon } from '../../src/daemon/daemon.js'
import { profilePaths } from '../../src/daemon/paths.js'
import { findMount } from '../../src/engine/mount-table.js'
import { startPython, threadStates, type Child } from '../engine/children.js'
import { holdings, memory, residentBytes, type Holdings } from '../engine/process-use.js'
import { skipWithout } from '../support/skip.js'
import { Playground, run, until } from './playground.js'

const fuse = skipWithout('fuse')
const MOUNTS = Number(process.env.ELASTIC_DRIVE_MOUNTS ?? '20')
const MIB = 1 << 20
const LONGEST_UNMOUNT_MS = 5000

t.setTimeout(240_000 + MOUNTS * 10_000)

/** Waits for what goes a moment later (handles that close in the background). */
async function nothingMore(t: Test, before: Holdings, pid: number | 'self' = 'self'): Promise<void> {
  const endMs = performance.now() + 10_000
  while (JSON.stringify(holdings(pid)) !== JSON.stringify(before) && performance.now() < endMs) await sleep(20)
  t.strictSame(holdings(pid), before)
}

/** Processes that have the folder in their command line, as our daemons and programs do, by what they are. */
async function processesOf(folder: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '') // it ended meanwhile
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (environment.includes(folder) || command.includes(folder)) found.push(`${pid} ${command.replaceAll('\0', ' ')}`)
  }
  return found
}

void t.test(`${MOUNTS} drives mounted and taken away in one process leave nothing in it, also with files open`, fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:4x5x3000', mounted: false })
  await ground.connect()
  const surroundings = { env: { ELASTIC_DRIVE_HOME: ground.home }, homeDirectory: ground.home, temporaryDirectory: tmpdir(), uid: process.getuid?.() ?? 0, workingDirectory: '/' }
  const paths = profilePaths('default', surroundings)
  const once = async (round: number): Promise<void> => {
    const daemon = await startDaemon({ paths, mount: { readOnly: false, allowOther: false, without: [] }, log: silentLog, signal: new AbortController().signal })
    // The folder is entered by the program itself: spawning must not wait for a mount that this process serves.
    const used = await run('bash', ['-ec', `cd "$1"; ls -lR . > /dev/null; cat folder-1/* > /dev/null; echo ${round} > written.txt; mkdir d; mv written.txt d/w.txt; rm -r d`, 'bash', ground.folder], { cwd: '/', timeoutMs: 30_000 })
    assert.equal(used.code, 0, used.stderr)
    const left = round % 2 === 0 ? await open(ground.path('kept.txt'), 'a') : undefined
    await left?.write('x')
    await daemon.stop()
    await left?.close().catch(() => undefined) // the connection is gone; the descriptor is closed all the same
    assert.equal(await findMount(ground.folder), undefined)
  }
  // The first ones start threads, fill pools and compile.
  for (let round = 0; round < 6; round += 1) await once(round)
  const [before, memoryBefore] = [holdings(), await memory()]
  for (let round = 0; round < MOUNTS; round += 1) await once(round)
  await nothingMore(t, before)
  const after = await memory()
  const [reachableMib, residentMib] = [(after.reachableBytes - memoryBefore.reachableBytes) / MIB, (after.residentBytes - memoryBefore.residentBytes) / MIB]
  t.comment(`reachable memory grew by ${reachableMib.toFixed(1)} MiB, resident by ${residentMib.toFixed(1)} MiB`)
  t.ok(reachableMib < 8)
  t.ok(residentMib < 64)
})

const LOAD = `
left = open('left', 'ab')
say('on')
while True:
    open(sys.argv[1], 'wb').write(b'x' * 200000); os.fsync(left.fileno()); left.write(b'y')
    open(sys.argv[1], 'rb').read(); os.listdir('.'); os.unlink(sys.argv[1])
`

void t.test('daemons that are killed with files open, or unmounted by force under load, leave no process, mount or stuck program', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:2x5x3000' })
  const rounds = Math.max(3, Math.floor(MOUNTS / 6))
  for (let round = 0; round < rounds; round += 1) {
    const users: Child[] = ['a', 'b'].map((name) => startPython(t, ground.folder, LOAD, name))
    await Promise.all(users.map((user) => user.said('on')))
    await sleep(20 * round) // somewhere in their work
    if (round % 2 === 0) {
      await ground.killDaemon()
    } else {
      t.match(await ground.cli('unmount'), { code: 1 }, 'in use')
      const beganMs = performance.now()
      await ground.unmount('--force')
      t.ok(performance.now() - beganMs < LONGEST_UNMOUNT_MS)
    }
    await ground.mount()
    for (const user of users) {
      t.not((await user.ended).code, 0, 'its mount is gone')
      t.strictSame(threadStates(user.pid), [])
    }
    t.match(await ground.shell('ls | wc -l'), /^[3-9]\n$/, 'and the drive is there again')
  }
  await ground.unmount()
  t.equal(await findMount(ground.folder), undefined)
  // The daemon answers that it has unmounted, and then ends.
  await until('only the portal runs', async () => (await processesOf(ground.directory)).every((process) => process.startsWith(`${ground.portal.pid} `))).catch(async () => {
    t.fail(`these are left: ${(await processesOf(ground.directory)).join(', ')}`)
  })
})

void t.test('change after change while downloads stand still: what is here is served, the daemon grows by nothing, the mount goes', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:4x30x20000', settings: { stallDeadline: '600' } })
  const files = (await ground.shell('find . -type f | sort')).trim().split('\n').map((file) => file.slice(2))
  const [here, ...others] = files as [string, ...string[]]
  await ground.shell(`cat '${here}' > /dev/null`)
  const stuck = others.slice(0, 10)
  await ground.fault({ method: 'download', kind: 'stall', ms: 600_000, times: 1000 })
  const readers = startPython(t, ground.folder, "threads = [threading.Thread(target=lambda name=name: errno_of(lambda: open(name, 'rb').read())) for name in sys.argv[1:]]\nfor thread in threads: thread.start()\nsay('reading')\nfor thread in threads: thread.join()", ...stuck)
  await readers.said('reading')
  const waiting = async (): Promise<boolean> => {
    const calls = await Promise.all((await readdir(`/proc/${readers.pid}/task`)).map((thread) => readFile(`/proc/${readers.pid}/task/${thread}/syscall`, 'utf8').catch(() => '')))
    return calls.filter((call) => call.startsWith('0 ')).length === stuck.length
  }
  await until('they wait in read', waiting)
  const pid = await ground.daemonPid()
  const storm = async (round: number): Promise<void> => {
    // Those that are being read, too: their notices have to wait.
    for (const path of others.slice(0, 40)) await ground.act({ op: 'write', path, content: `version ${round}`.padEnd(100 + round, '.') })
    await ground.ok('sync', '--wait', '30')
    const beganMs = performance.now()
    await ground.shell(`ls -lR . > /dev/null; cat '${here}' > /dev/null; stat -c %s '${others[39] ?? ''}' | grep -qx ${100 + round}`, 10_000)
    t.ok(performance.now() - beganMs < 2000, 'what is here is served')
  }
  await storm(0)
  const [before, residentBefore] = [holdings(pid), residentBytes(pid)]
  for (let round = 1; round < 5; round += 1) await storm(round)
  await nothingMore(t, before, pid)
  const grownMib = (residentBytes(pid) - residentBefore) / MIB
  t.comment(`the daemon grew by ${grownMib.toFixed(1)} MiB`)
  t.ok(grownMib < 48)
  const beganMs = performance.now()
  await ground.unmount('--force')
  t.ok(performance.now() - beganMs < LONGEST_UNMOUNT_MS)
  t.equal((await readers.ended).code, 0)
  t.strictSame(threadStates(readers.pid), [])
})
