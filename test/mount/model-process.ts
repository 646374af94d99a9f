/** A worker process (model-runner.cc): compiled when first needed, spoken to in lines, answering in the same order. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { run } from './playground.js'

const SOURCE = fileURLToPath(new URL('../../../test/mount/model-runner.cc', import.meta.url))
const HEADER_BYTES = 16

export interface Answer {
  readonly errno: number
  /** What the call returned. */
  readonly value: number
  readonly bytes: Buffer
}

/** Carries out one line; a worker process, or somebody before it. */
export interface Runner {
  call(line: string): Promise<Answer>
}

/** Answers the program. */
export async function compileRunner(directory: string): Promise<string> {
  const program = join(directory, 'model-runner')
  const { code, stderr } = await run('g++', ['-std=c++20', '-O1', '-Wall', '-Wextra', '-o', program, SOURCE])
  if (code !== 0) throw new Error(`model-runner.cc does not compile: ${stderr}`)
  return program
}

export class RunnerProcess implements Runner {
  readonly #child: ChildProcess
  readonly #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = []
  #received: Buffer = Buffer.alloc(0)
  #end: string | undefined

  constructor(t: Test, program: string, root: string) {
    const child = spawn(program, [root], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    child.stdout.on('data', (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
      this.#takeAnswers()
    })
    child.stdin.on('error', () => undefined) // its end is told below
    const ended = new Promise<void>((resolve) => {
      child.once('close', (code, signal) => {
        this.#end = `the worker process ended with ${String(code ?? signal)}`
        for (const { reject } of this.#waiting.splice(0)) reject(new Error(this.#end))
        resolve()
      })
    })
    t.teardown(async () => {
      child.kill('SIGKILL')
      await ended
    })
  }

  call(line: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) {
        reject(new Error(this.#end))
        return
      }
      this.#waiting.push({ resolve, reject })
      this.#child.stdin?.write(`${line}\n`)
    })
  }

  #takeAnswers(): void {
    let from = 0
    while (this.#received.length - from >= HEADER_BYTES) {
      const end = from + HEADER_BYTES + this.#received.readUInt32LE(from + 4)
      if (this.#received.length < end) break
      const answer = { errno: this.#received.readInt32LE(from), value: Number(this.#received.readBigInt64LE(from + 8)), bytes: this.#received.subarray(from + HEADER_BYTES, end) }
      this.#waiting.shift()?.resolve(answer)
      from = end
    }
    this.#received = this.#received.subarray(from)
  }
}
