/**
 * What every row needs of a run: sizes, the people, the workload program, one folder on the disk that is compared with,
 * and where findings go. Rows share nothing else, so each can be measured alone.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { must, run } from './child.js'
import { findingLine, type Finding } from './finding.js'
import type { BenchOptions } from './options.js'
import { CHECKOUT, type Person } from './person.js'
import type { Sizes } from './sizes.js'
import type { Tidy } from './tidy.js'

const WORKLOAD = join(CHECKOUT, 'build', 'bench-workload')
const DROP_CACHES = '/proc/sys/vm/drop_caches'

/** Above what any row takes: something hangs. */
const WORK_LIMIT_MS = 300_000

export interface Bench {
  readonly options: BenchOptions
  readonly sizes: Sizes
  /** On the disk where the caches are. */
  readonly directory: string
  readonly signal: AbortSignal
  /** Rows that are the same for everybody are measured for the first user only. */
  readonly isFirstUser: boolean
  readonly person: Person
  /** For what belongs to this group of rows. */
  readonly tidy: Tidy
  readonly wants: (row: string) => boolean
  readonly found: Finding[]
}

/** Rows that are measured together, because they need the same drive. */
export interface RowGroup {
  readonly rows: readonly string[]
  readonly onlyFirstUser: boolean
  readonly measure: (bench: Bench) => Promise<void>
}

export function tell({ found, person }: Bench, finding: Omit<Finding, 'user'>): void {
  const whole = { ...finding, user: person.name }
  found.push(whole)
  console.log(findingLine(whole))
}

/** Seconds that the workload program measured, run by the bench's person, or by root for rclone's mount. */
export async function work(bench: Bench, by: 'person' | 'root', order: readonly string[], paths: readonly string[] = []): Promise<number> {
  const stdout = await workOutput(bench, by, order, paths)
  const seconds = /^seconds (\S+)$/m.exec(stdout)?.[1]
  if (seconds === undefined) throw new Error(`the workload program said: ${stdout}`)
  return Number(seconds)
}

export function workOutput(bench: Bench, by: 'person' | 'root', order: readonly string[], paths: readonly string[] = []): Promise<string> {
  const { person, signal } = bench
  const [program, words] = by === 'root' ? [WORKLOAD, order] : person.command(person.find(WORKLOAD), order)
  return must(program, words, { signal, input: paths.map((path) => `${path}\n`).join(''), timeoutMs: WORK_LIMIT_MS })
}

/** A program of the system, run by the person; its whole time in seconds, and what it said. */
export async function timed(bench: Bench, by: 'person' | 'root', program: string, args: readonly string[]): Promise<{ seconds: number; stdout: string }> {
  const { person, signal } = bench
  const [command, words] = by === 'root' ? [program, args] : person.command(program, args)
  const startMs = performance.now()
  const stdout = await must(command, words, { signal, timeoutMs: WORK_LIMIT_MS })
  return { seconds: (performance.now() - startMs) / 1000, stdout }
}

export const canDropCaches = process.getuid?.() === 0

/** Pages, dentries and inodes of the whole machine; what is dirty is written first, so that no row pays for another. */
export async function dropCaches({ signal }: Bench): Promise<void> {
  await must('sync', [], { signal })
  await writeFile(DROP_CACHES, '3')
  await run('find', ['/dev/null', '-printf', ''], { signal }) // the programs themselves are read again
}

export async function writeBack({ signal }: Bench): Promise<void> {
  await must('sync', [], { signal })
}
