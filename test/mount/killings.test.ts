// kill -9 at random moments of a program that saves without end, while one request in twenty meets a fault: after each next
// mount every closed file is as it was closed, and in the end the portal has each once. scripts/kills plays 200 of them. ELASTIC_DRIVE_LOGS names a folder for what a failed round said.
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { seededRandom } from '../../src/base/random.js'
import { readLiveDaemon } from '../../src/daemon/daemon-record.js'
import { profilePaths } from '../../src/daemon/paths.js'
import { isConflictName } from '../../src/mirror/conflict-name.js'
import { python, startPython } from '../engine/children.js'
import { skipWithout } from '../support/skip.js'
import { heard, LOOK, lost, SAVES, type Digests } from './killings-program.js'
import { Dice } from './model-dice.js'
import { Playground, until } from './playground.js'
import { portalHistory } from './storm-ends.js'
import { orderFaults } from './storm-faults.js'

const SEED = Number(process.env.ELASTIC_DRIVE_SEED ?? 1)
const TIMES = Number(process.env.ELASTIC_DRIVE_KILLS ?? 6)
const FILES = 8
const FAULT_CHANCE = 0.05
const REQUESTS_A_ROUND = 80 // more than it takes
const LONGEST_LIFE_MS = 700
const LOGS = process.env.ELASTIC_DRIVE_LOGS // where to look for the cause of a failure
const LOG_LINES = 30_000
const TEMPORARY_NAMES = /goutputstream|new$/

const fuse = skipWithout('fuse')

t.setTimeout(120_000 + TIMES * 20_000) // a loaded machine is slow, not wrong

await t.test(`killed ${TIMES} times while files are saved and requests fail, nothing closed is lost or doubled (ELASTIC_DRIVE_SEED=${SEED})`, fuse, async (t) => {
  const beganMs = performance.now()
  const ground = await Playground.start(t, { settings: { uploadDelay: '0', stallDeadline: '3' }, portalArguments: ['--plan', 'self-hosted'] })
  await ground.ok('sync', '--wait', '30')
  const dice = new Dice(seededRandom(SEED))
  await orderFaults(ground, { dice, chance: FAULT_CHANCE, requests: TIMES * REQUESTS_A_ROUND })
  let files: Digests = new Map()
  const saves = new Map<string, number>()
  let answers = 0
  const transcript: string[] = []
  for (let round = 0; round < TIMES; round += 1) {
    const program = startPython(t, ground.folder, SAVES, `${SEED}-${round}`, String(round), String(FILES))
    await program.said('done')
    const pid = await daemonPid(ground)
    await new Promise((resolve) => setTimeout(resolve, dice.below(LONGEST_LIFE_MS))) // the random moment
    process.kill(pid, 'SIGKILL')
    const { stdout, code } = await program.ended
    if (code === 0) t.fail('the program went on without its mount')
    await ground.mount(...(LOGS === undefined ? [] : ['--debug']))
    const said = heard(files, stdout)
    const found = await look(t, ground)
    files = found.files
    transcript.push(`round ${round}`, stdout)
    const faults = [...lost(said, files, found.sizes), ...[...files.keys()].filter(isConflictName).map((name) => `"${name}" is a conflict with nobody`)]
    for (const fault of faults) t.fail(`round ${round}: ${fault}`)
    if (faults.length > 0) {
      if (LOGS !== undefined) await writeFile(join(LOGS, `kills-${SEED}-${round}.log`), [...transcript, await ground.daemonLog(LOG_LINES)].join('\n'))
      return // what comes after follows from it
    }
    answers += said.answers
    for (const [name, count] of said.saves) saves.set(name, (saves.get(name) ?? 0) + count)
    const left = [...files.keys()].filter((name) => TEMPORARY_NAMES.test(name))
    if (left.length > 0) await ground.shell(`rm -- ${left.map((name) => `'./${name}'`).join(' ')}`) // as a program that starts again
    files = new Map([...files].filter(([name]) => !left.includes(name)))
  }
  const met = (await ground.requests()).total
  await ground.clearFaults()
  await ground.ok('sync', '--wait', '120')
  await portalHasEachOnce(t, ground, files, saves)
  t.ok(answers > TIMES, `${TIMES} kills, ${answers} saves answered, ${met} requests, ${files.size} files; ${Math.round(performance.now() - beganMs)} ms`)
})

async function portalHasEachOnce(t: Test, ground: Playground, files: Digests, saves: ReadonlyMap<string, number>): Promise<void> {
  const tree = await ground.tree()
  const there = tree.map(({ path, sha256 }) => `${path} ${sha256 ?? ''}`).sort()
  t.same(there, [...files].map(([name, digest]) => `${name} ${digest}`).sort(), 'the portal has every closed file, and nothing else')
  t.same([...(await look(t, ground)).files], [...files], 'and so has the mount')
  t.same(tree.filter(({ path, version }) => version > (saves.get(path) ?? 0)).map(({ path, version }) => `${path}: ${version} of ${String(saves.get(path))}`), [], 'no version but of a save')
  const items = [...(await portalHistory(ground)).rows.values()]
  const neverRenamed = [...files.keys()].filter((name) => name.startsWith('n-'))
  t.same(neverRenamed.filter((name) => items.filter((item) => item.name === name).length !== 1), [], 'what was saved once was uploaded once, the trash looked through')
  t.same((await ground.json<{ errors: readonly unknown[] }>('status')).errors, [])
}

async function look(t: Test, ground: Playground): Promise<{ readonly files: Digests; readonly sizes: ReadonlyMap<string, number> }> {
  const lines = (await python(t, ground.folder, LOOK)).map((line) => line.split(' ') as [string, string, string])
  return { files: new Map(lines.map(([name, digest]) => [name, digest])), sizes: new Map(lines.map(([name, , size]) => [name, Number(size)])) }
}

/** From its record: to ask it would cost as much time as the round. */
async function daemonPid(ground: Playground): Promise<number> {
  const paths = profilePaths('default', { env: { ELASTIC_DRIVE_HOME: ground.home }, homeDirectory: ground.home, temporaryDirectory: tmpdir(), uid: process.getuid?.() ?? 0, workingDirectory: '/' })
  const { pid } = await until('the daemon is on record', () => readLiveDaemon(paths))
  return pid
}
