/**
 * Plays streams of operations in worker processes and compares every answer with the model. Stops at the first that is
 * wrong, with the story of its stream.
 */
import type { Answer, RunnerProcess } from './model-process.js'
import { faultOf, storyOf, type Inodes } from './model-check.js'
import type { Step } from './model-stream.js'

export interface PlayOptions {
  readonly name: string
  /** The next step, or undefined at the end. */
  readonly next: () => Step | undefined
  readonly runners: readonly RunnerProcess[]
  /** Steps on their way at once; 1 where they go to several processes and have to come one after another. */
  readonly depth: number
  readonly inodes: Inodes
  readonly signal: AbortSignal
}

/** Answers how many operations were played; throws at the first wrong answer. */
export async function play(options: PlayOptions): Promise<number> {
  const lines: string[] = []
  const underWay: Promise<void>[] = []
  let count = 0
  while (!options.signal.aborted) {
    const step = options.next()
    if (step === undefined) break
    lines.push(step.line)
    count += 1
    const checked = check(options, step, lines.length, lines)
    checked.catch(() => undefined) // thrown where it is awaited
    underWay.push(checked)
    if (underWay.length >= options.depth) await underWay.shift()
  }
  await Promise.all(underWay)
  return count
}

async function check({ name, runners, inodes }: PlayOptions, { runner, line, expected }: Step, number: number, lines: readonly string[]): Promise<void> {
  let fault: string | undefined
  try {
    fault = faultOf(expected, await answerOf(runners, runner, line), inodes)
  } catch (error) {
    fault = String(error)
  }
  if (fault === undefined) return
  throw new Error(`${name}, operation ${number}, process ${runner}: ${line.replaceAll('\t', ' ')}\n${fault}\nWhat went before:\n${storyOf(lines.slice(0, number))}`)
}

function answerOf(runners: readonly RunnerProcess[], runner: number, line: string): Promise<Answer> {
  const process = runners[runner]
  if (process === undefined) throw new Error(`there is no process ${runner}`)
  return process.call(line)
}
