/** Runs one compiled test file in a process group and a room of its own, with a time limit. */
import { spawn } from 'node:child_process'
import type { Outcome } from './check-outcome.js'
import { indent, TapReader, type ProcessEnd } from './tap-outcome.js'
import { TestRoom } from './test-room.js'

const TAP_LIMIT_S = 120 // tap's own limit names the test that hangs; a file raises it with t.setTimeout
const FILE_LIMIT_MS = 300_000 // what no file may exceed, whatever it raises
const STDERR_KEPT_CHARACTERS = 8_000

export interface TestFileRun {
  readonly outcome: Outcome
  /** What the file left behind, by name. */
  readonly leftBehind: readonly string[]
}

/** `name` as people know the file (`store/store.test.ts`), `path` the compiled one. */
export async function runTestFile(file: { name: string; path: string }, roomPath: string, signal: AbortSignal): Promise<TestFileRun> {
  const startMs = performance.now()
  const room = await TestRoom.open(roomPath)
  const tap = new TapReader()
  const { end, stderr, leftBehind } = await run(file.path, room, tap, signal)
  const { failures, ...counts } = tap.end(end)
  const said = stderr === '' || failures.length === 0 ? [] : [`standard error:\n${indent(stderr)}`]
  const outcome = { name: file.name, ...counts, elapsedMs: performance.now() - startMs, failures: [...failures, ...said] }
  return { outcome, leftBehind: leftBehind.map((what) => `${file.name} left ${what}`) }
}

async function run(
  path: string,
  room: TestRoom,
  tap: TapReader,
  signal: AbortSignal,
): Promise<{ end: ProcessEnd; stderr: string; leftBehind: readonly string[] }> {
  const child = spawn(process.execPath, ['--enable-source-maps', path], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, so that a file that hangs takes its children with it
    env: { ...room.environment(process.env), TAP_TIMEOUT: String(TAP_LIMIT_S) },
  })
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    tap.write(chunk)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_KEPT_CHARACTERS)
  })
  const closed = new Promise<void>((resolve) => child.once('close', () => { resolve() }))

  const killGroup = (): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL')
  }
  const limit = setTimeout(killGroup, FILE_LIMIT_MS)
  signal.addEventListener('abort', killGroup)
  if (signal.aborted) killGroup()
  const end = await new Promise<ProcessEnd>((resolve) => {
    child.once('error', () => { resolve({ status: null, killedBy: null }) })
    child.once('exit', (status, killedBy) => { resolve({ status, killedBy }) })
  })
  clearTimeout(limit)
  signal.removeEventListener('abort', killGroup)

  // A daemon left behind holds the pipes open: only when it is ended can they close.
  const leftBehind = await room.close()
  await closed
  return { end, stderr: stderr.trim(), leftBehind }
}
