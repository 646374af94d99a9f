/**
 * Plays streams of operations in worker processes and compares every answer with the model. Stops at the first that is
 * wrong, with the story of its stream.
 */
import type { Answer, Runner } from './model-process.js'
import { faultOf, storyOf, type Inodes } from './model-check.js'
import type { Step } from './model-stream.js'

export interface PlayOptions {
  readonly name: string
  /** The next step, or undefined at the end. */
  readonly next: () => Step | undefined
  readonly runners: readonly Runner[]
  /** Steps on their way at once; 1 where they go to several processes and have to come one after another. */
  readonly depth: number
  readonly inodes: Inodes
  readonly signal: AbortSignal
  /** What was played before, where the stream is played in parts: for the story of a fault. */
  readonly lines?: string[]
}

/** Answers how many operations were played; throws at the first wrong answer. */
export async function play(options: PlayOptions): Promise<number> {
  const lines = options.lines ?? []
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
  throw new Error(`${name}, operation ${number}, process ${runner}: ${line.replaceAll('\t', ' ')}\n${fault}\n${await lookAgain(runners, runner, line)}What went before:\n${storyOf(lines.slice(0, number))}`)
}

const OF_A_HANDLE = /^(?:pread|fstat|pwrite|write|futimes|ftruncate|fallocate|seek)\t(\d+)/u

/** Whether a wrong answer stays, and what the handle's file is: the first question of whoever looks for the cause. */
async function lookAgain(runners: readonly Runner[], runner: number, line: string): Promise<string> {
  const slot = OF_A_HANDLE.exec(line)?.[1]
  if (slot === undefined) return ''
  try {
    const again = /^(?:pread|fstat)/u.test(line) ? await answerOf(runners, runner, line) : undefined
    const facts = await answerOf(runners, runner, `fstat\t${slot}`)
    return `${again === undefined ? '' : `Asked again: ${again.value} (errno ${again.errno}); `}the handle's file: errno ${facts.errno} ${facts.bytes.toString().replaceAll('\t', ' ')}\n`
  } catch (error) {
    return `Not asked again: ${String(error)}\n`
  }
}

function answerOf(runners: readonly Runner[], runner: number, line: string): Promise<Answer> {
  const process = runners[runner]
  if (process === undefined) throw new Error(`there is no process ${runner}`)
  return process.call(line)
}
