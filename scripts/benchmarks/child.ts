/** Child processes: one that is run to its end, and one that stays until it is ended. Both end when the run is stopped. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface RunOptions {
  readonly signal: AbortSignal
  readonly timeoutMs?: number
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Whatever its end. A child that outlives `timeoutMs` is killed and has no code. */
export function run(program: string, args: readonly string[], { signal, timeoutMs = 120_000, input = '', env, cwd }: RunOptions): Promise<Ended> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: cwd ?? '/', env, timeout: timeoutMs, killSignal: 'SIGKILL' })
    const kill = (): void => {
      child.kill('SIGKILL')
    }
    signal.addEventListener('abort', kill, { once: true })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      signal.removeEventListener('abort', kill)
      try {
        resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() })
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error))) // more than fits a text
      }
    })
    child.stdin.on('error', () => undefined) // a program may end without reading its input
    child.stdin.end(input)
  })
}

/** As `run`; the program must succeed. */
export async function must(program: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options)
  options.signal.throwIfAborted()
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code ?? 'no code: it took too long'}: ${stderr.trim() || stdout.trim()}`)
  return stdout
}

export class Resident {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Starts a program that says in its first line of output that it is ready. */
  static async withFirstLine(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<{ resident: Resident; line: string }> {
    const child = spawn(program, args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const line of createInterface({ input: child.stdout })) {
      child.stdout.resume()
      return { resident: new Resident(child), line }
    }
    throw new Error(`${program} ended before its first line`)
  }

  static start(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Resident {
    return new Resident(spawn(program, args, { cwd: '/', env, stdio: 'ignore' }))
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Asks, then kills. */
  async end(patienceMs = 10_000): Promise<void> {
    if (!this.isRunning) return
    const exit = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs)
    await exit
    clearTimeout(timer)
  }
}
