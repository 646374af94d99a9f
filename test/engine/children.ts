/** Child processes of a test: programs that use the mount, so that what sticks sticks outside of this process. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { Test } from 'tap'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export class Child {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  #stdout = ''
  #stderr = ''
  #lineWatchers: { text: string; resolve: () => void }[] = []
  readonly ended: Promise<Ended>

  constructor(t: Test, program: string, args: readonly string[]) {
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' })
    this.#process.stdin.on('error', () => undefined)
    this.#process.stdout.setEncoding('utf8').on('data', (part: string) => {
      this.#stdout += part
      this.#lineWatchers = this.#lineWatchers.filter(({ text, resolve }) => {
        if (!this.#stdout.includes(text)) return true
        resolve()
        return false
      })
    })
    this.#process.stderr.setEncoding('utf8').on('data', (part: string) => {
      this.#stderr += part
    })
    this.ended = new Promise((resolve, reject) => {
      this.#process.on('error', reject)
      this.#process.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
    t.teardown(() => {
      this.kill('SIGKILL')
    })
  }

  get pid(): number {
    const { pid } = this.#process
    if (pid === undefined) throw new Error('the program did not start')
    return pid
  }

  /** Resolves when standard output holds this text; rejects when the program ends without it. */
  async said(text: string): Promise<void> {
    if (this.#stdout.includes(text)) return
    const heard = new Promise<void>((resolve) => {
      this.#lineWatchers.push({ text, resolve })
    })
    await Promise.race([
      heard,
      this.ended.then((ended) => {
        if (!ended.stdout.includes(text)) throw new Error(`ended without saying ${text}: ${ended.stderr}`)
      }),
    ])
  }

  tell(line: string): void {
    this.#process.stdin.write(`${line}\n`)
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill(signal)
  }
}

const PRELUDE = `
import ctypes, errno, fcntl, mmap, os, signal, stat, struct, sys, threading
def errno_of(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'ok'
def say(*values):
    print(*values, flush=True)
`

/** A Python program; \`errno_of(call)\` answers the name of what failed, \`say\` prints a line at once. */
export function startPython(t: Test, cwd: string, script: string, ...args: readonly string[]): Child {
  // The folder is entered by the program itself: spawning must not wait for a mount. Isolated, it looks for no modules there.
  const enter = `import os, sys\nos.chdir(${JSON.stringify(cwd)})\n`
  return new Child(t, '/usr/bin/python3', ['-I', '-c', enter + PRELUDE + script, ...args])
}

/** Runs it to its end; its lines. Fails the test when the program fails. */
export async function python(t: Test, cwd: string, script: string, ...args: readonly string[]): Promise<readonly string[]> {
  const { code, signal, stdout, stderr } = await startPython(t, cwd, script, ...args).ended
  if (code !== 0) throw new Error(`the Python program failed (${code ?? signal ?? '?'}): ${stderr}`)
  return stdout.split('\n').slice(0, -1)
}

/** Which state the kernel shows for each thread of a process (`S`, `D`, `Z`…); empty when it is gone. */
export function threadStates(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => /^State:\s*(\S)/m.exec(readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1'))?.[1] ?? '?')
  } catch {
    return []
  }
}
