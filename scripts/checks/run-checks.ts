/**
 * The part of scripts/test that runs when everything is built: checks and test files, a few at a time where they bear it,
 * a line for each as it ends, what failed in full at the end, and the counts on the last line. An interrupt ends what
 * runs and cleans up as always.
 */
import { chmod, mkdtemp, readdir, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lastLine, outcomeLine, singleOutcome, type Outcome } from './check-outcome.js'
import { commandChecks, runCommandCheck, type CommandCheck } from './command-check.js'
import { indent } from './tap-outcome.js'
import { choose, findTestFiles, laneOf, longestFirst, type Lane, type TestFile } from './test-choice.js'
import { runTestFile } from './test-file.js'

const JOBS = 3 // on the two cores that the time limit is meant for: half of their time is spent waiting
const RUN_LIMIT_MS = 40 * 60_000 // far above the quarter of an hour that a run should take, for slow machines; below what CI allows

async function main(): Promise<number> {
  const checks = commandChecks()
  const choice = choose(process.argv.slice(2), checks.map(({ name }) => name), await findTestFiles())
  if (choice.unknown.length > 0) {
    console.error(`No check, test folder or test file is called ${choice.unknown.join(', ')}.`)
    console.error(`Checks: ${checks.map(({ name }) => name).join(', ')}. Folders: ${(await readdir('test')).sort().join(', ')}.`)
    return 2
  }

  const stop = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    stop.abort(new Error(`the run was ended by ${signal}`))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  const limit = setTimeout(() => {
    stop.abort(new Error(`the run took longer than ${RUN_LIMIT_MS / 60_000} minutes`))
  }, RUN_LIMIT_MS)

  const outcomes: Outcome[] = []
  const tell = (outcome: Outcome): void => {
    outcomes.push(outcome)
    console.log(outcomeLine(outcome))
  }
  const chosen = checks.filter(({ name }) => choice.checks.includes(name))
  const check = async (command: CommandCheck): Promise<void> => {
    tell(await runCommandCheck(command, stop.signal))
  }
  await inParallel(JOBS, chosen.filter(({ isSlow }) => isSlow !== true), stop.signal, check)
  const beside = chosen.filter(({ isSlow }) => isSlow === true).map((command) => () => check(command))
  if (choice.files.length > 0) await runTestFiles(choice.files, beside, stop.signal, tell)
  else await inParallel(JOBS, beside, stop.signal, (work) => work())
  clearTimeout(limit)
  if (stop.signal.aborted) tell(singleOutcome('the run comes to its end', 0, String(stop.signal.reason)))

  const failed = outcomes.filter((outcome) => outcome.failed > 0)
  for (const { name, failures } of failed) console.log(`\n=== ${name}\n${indent(failures.join('\n\n'))}`)
  console.log(`\n${lastLine(outcomes)}`)
  return failed.length === 0 ? 0 : 1
}

async function runTestFiles(files: readonly TestFile[], beside: readonly (() => Promise<void>)[], signal: AbortSignal, tell: (outcome: Outcome) => void): Promise<void> {
  const startMs = performance.now()
  const rooms = await mkdtemp(join(tmpdir(), 'ed-'))
  await chmod(rooms, 0o755)
  const leftBehind: string[] = []
  const run = async (file: TestFile): Promise<void> => {
    const result = await runTestFile(file, join(rooms, String(files.indexOf(file))), signal)
    leftBehind.push(...result.leftBehind)
    tell(result.outcome)
  }
  const ofLane = (lane: Lane): readonly (() => Promise<void>)[] => longestFirst(files.filter((file) => laneOf(file) === lane)).map((file) => () => run(file))
  await Promise.all([inParallel(JOBS, [...beside, ...ofLane('shared')], signal, (work) => work()), inParallel(1, ofLane('waiting'), signal, (work) => work())])
  await inParallel(1, ofLane('alone'), signal, (work) => work())
  await rmdir(rooms).catch(() => leftBehind.push(`the run left ${rooms}`))
  tell(singleOutcome('nothing is left behind', performance.now() - startMs, leftBehind.length === 0 ? undefined : leftBehind.join('\n')))
}

/** Works through the items in order, `jobs` at a time; begins none after the signal. */
async function inParallel<T>(jobs: number, items: readonly T[], signal: AbortSignal, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (signal.aborted) return
      await work(item)
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
}

process.exitCode = await main()
