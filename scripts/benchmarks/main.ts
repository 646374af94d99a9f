/**
 * The part of scripts/bench that runs when everything is built: each row prints as it is measured, what was found is
 * written to build/bench.json, and the exit code says whether all goals are met. An interrupt, and any failure, takes
 * mounts, processes and folders away first.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench } from './bench.js'
import { meetsGoal, type Finding } from './finding.js'
import { ROW_GROUPS } from './groups.js'
import { readOptions, USAGE, UsageError, type BenchOptions } from './options.js'
import { becomePerson, CHECKOUT } from './person.js'
import { jsonReport, writeReadmeBlock } from './report.js'
import { FULL, QUICK } from './sizes.js'
import { Tidy } from './tidy.js'

async function main(words: readonly string[]): Promise<number> {
  const options = readOptions(words, ROW_GROUPS.flatMap(({ rows }) => rows), process.getuid?.() === 0)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort(`ended by ${signal}`)
    })
  }
  const found: Finding[] = []
  const failed = await measureAll(options, stop.signal, found)
  await writeFile(join(CHECKOUT, 'build', 'bench.json'), jsonReport(options, found, failed))
  if (stop.signal.aborted) {
    console.log(`${String(stop.signal.reason)}; what was measured until then is in build/bench.json`)
    return 1
  }

  const missed = found.filter((finding) => meetsGoal(finding) === false)
  if (options.writeReadme) await writeReadmeBlock(join(CHECKOUT, 'README.md'), options, found)
  for (const { row, user } of missed) console.log(`goal missed: ${row} [${user}]`)
  for (const failure of failed) console.log(`could not be measured: ${failure}`)
  console.log(`${found.length} figures, ${missed.length} goals missed, ${failed.length} not measured`)
  return missed.length + failed.length === 0 ? 0 : 1
}

/** What could not be measured; a group that fails does not keep the others from being measured. */
async function measureAll(options: BenchOptions, signal: AbortSignal, found: Finding[]): Promise<readonly string[]> {
  const failed: string[] = []
  const whole = new Tidy()
  try {
    const directory = await mkdtemp(join(tmpdir(), 'elastic-bench-'))
    whole.teardown(() => rm(directory, { recursive: true, force: true }))
    await chmod(directory, 0o755)
    for (const user of options.users) {
      const person = await becomePerson(user, directory, whole)
      for (const group of ROW_GROUPS) {
        const wants = (row: string): boolean => group.rows.includes(row) && (options.rows?.includes(row) ?? true)
        const isFirstUser = user === options.users[0]
        if (!group.rows.some(wants) || (group.onlyFirstUser && !isFirstUser)) continue
        const tidy = whole.scope()
        const bench: Bench = { options, sizes: options.quick ? QUICK : FULL, directory, signal, isFirstUser, person, tidy, wants, found }
        try {
          await group.measure(bench)
        } catch (error) {
          signal.throwIfAborted()
          failed.push(`${group.rows.filter(wants).join(', ')} [${user}]: ${error instanceof Error ? error.message : String(error)}`)
          console.log(`FAILED ${failed.at(-1) ?? ''}`)
        } finally {
          await tidy.end()
        }
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error
    failed.push(`the rest, ${String(signal.reason)}`)
  } finally {
    await whole.end()
  }
  return failed
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n${USAGE}`)
  process.exitCode = 2
}
