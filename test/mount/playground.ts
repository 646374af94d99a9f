/**
 * A portal, a home and a mounted folder for one test, each as a user has them: separate processes, started by the command
 * line. Everything is taken away at the end, also when the test failed: mounts, processes (by their ids) and files.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import nodeFetch from 'node-fetch'
import type { Test } from 'tap'
import { traitArguments } from '../support/portal-traits.js'

export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface TreeItem {
  readonly storage: string
  readonly path: string
  readonly id: string
  readonly type: 'file' | 'folder' | 'link'
  readonly size: number
  readonly sha256?: string
  readonly version: number
  readonly parentId: string
}

export interface Requests {
  readonly total: number
  readonly methods: Readonly<Record<string, number>>
  readonly limited: number
  readonly bytesUp: number
  readonly bytesDown: number
  readonly peakPerSecond: number
  readonly log: readonly Readonly<Record<string, unknown>>[]
}

interface PortalLine {
  readonly url: string
  readonly webhook: string
  readonly hooks: string
  readonly storage: string
  readonly pid: number
  readonly certificate?: string
}

export interface PlaygroundOptions {
  readonly seed?: string
  readonly portalArguments?: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
  /** Only the portal and the home: the test connects and mounts itself. */
  readonly mounted?: boolean
  readonly mountArguments?: readonly string[]
  /** Of the program's commands, and so of the daemon, beside this process's own. */
  readonly environment?: Readonly<Record<string, string>>
  /** The program, where it is not the one of this checkout. */
  readonly main?: string
}

export class Playground {
  readonly home: string
  readonly folder: string
  readonly directory: string
  portal: PortalLine
  environment: Readonly<Record<string, string>>
  #portalProcess: ChildProcess
  readonly #portalArguments: readonly string[]
  readonly #main: string

  static async start(t: Test, options: PlaygroundOptions = {}): Promise<Playground> {
    const directory = await mkdtemp(join(tmpdir(), 'elastic-mount-'))
    const portalArguments = ['--data', join(directory, 'portal'), '--seed', options.seed ?? 'empty', ...traitArguments(), ...(options.portalArguments ?? [])]
    const { child, line } = await startPortal(portalArguments)
    const playground = new Playground(directory, { child, line, portalArguments, main: options.main ?? MAIN, environment: options.environment ?? {} })
    t.teardown(() => playground.#end())
    if (options.mounted !== false) {
      await playground.connect()
      for (const [key, value] of Object.entries(options.settings ?? {})) await playground.ok('settings', key, value)
      await playground.mount(...(options.mountArguments ?? []))
    }
    return playground
  }

  private constructor(directory: string, parts: { child: ChildProcess; line: PortalLine; portalArguments: readonly string[]; main: string; environment: Readonly<Record<string, string>> }) {
    this.directory = directory
    this.home = join(directory, 'home')
    this.folder = join(directory, 'Bitrix24')
    this.portal = parts.line
    this.#portalProcess = parts.child
    this.#portalArguments = parts.portalArguments
    this.#main = parts.main
    this.environment = parts.environment
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names)
  }

  // ---- the command line ---------------------------------------------------------------------------------------------

  cli(...args: readonly string[]): Promise<Outcome> {
    return run(process.execPath, [this.#main, ...args], { env: { ...process.env, ...this.environment, ELASTIC_DRIVE_HOME: this.home } })
  }

  /** As `cli`, and the command must succeed. */
  async ok(...args: readonly string[]): Promise<string> {
    const outcome = await this.cli(...args)
    if (outcome.code !== 0) throw new Error(`elastic-drive ${args.join(' ')} ended with ${String(outcome.code)}: ${outcome.stderr}${await this.#logOfFailure()}`)
    return outcome.stdout
  }

  /** As `ok('sync', …)`, by a person who allows whatever the brake holds: random operations may delete more than that lets pass. */
  async syncAllowing(...args: readonly string[]): Promise<string> {
    for (;;) {
      const outcome = await this.cli('sync', ...args)
      if (outcome.code !== 4) return outcome.code === 0 ? outcome.stdout : this.ok('sync', ...args)
      await this.ok('brake', 'allow')
    }
  }

  async json<T = Readonly<Record<string, unknown>>>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.ok('--json', ...args)) as T
  }

  connect(): Promise<string> {
    return this.ok('connect', this.portal.webhook, '--folder', this.folder)
  }

  mount(...args: readonly string[]): Promise<string> {
    return this.ok('mount', ...args)
  }

  unmount(...args: readonly string[]): Promise<string> {
    return this.ok('unmount', ...args)
  }

  async stateOf(...names: readonly string[]): Promise<string> {
    const { paths } = await this.json<{ paths: readonly { state?: string }[] }>('status', this.path(...names))
    return paths[0]?.state ?? 'none'
  }

  async daemonPid(): Promise<number> {
    const { pid } = await this.json<{ pid: number }>('status')
    return pid
  }

  /** kill -9, and the daemon is gone. */
  async killDaemon(): Promise<void> {
    const pid = await this.daemonPid()
    process.kill(pid, 'SIGKILL')
    await until('the daemon is gone', async () => readFile(`/proc/${pid}/stat`, 'utf8').then((stat) => stat.includes(') Z '), () => true))
  }

  // ---- programs in the mount ----------------------------------------------------------------------------------------

  /** A shell script with `set -e`, in the drive's folder; it must succeed. */
  async shell(script: string, timeoutMs = 60_000): Promise<string> {
    const outcome = await run('bash', ['-ec', script], { cwd: this.folder, timeoutMs })
    if (outcome.code !== 0) throw new Error(`the script ended with ${String(outcome.code ?? outcome.signal)}: ${outcome.stderr}\n${script}${await this.#logOfFailure()}`)
    return outcome.stdout
  }

  /** As `shell`, whatever its end. */
  attempt(script: string, timeoutMs = 60_000): Promise<Outcome> {
    return run('bash', ['-c', script], { cwd: this.folder, timeoutMs })
  }

  // ---- the portal ---------------------------------------------------------------------------------------------------

  /** Of the owner's drive, or of another one. */
  async tree({ storage = this.portal.storage, ...options }: { sha256?: boolean; storage?: string } = {}): Promise<readonly TreeItem[]> {
    return (await this.everything(options)).filter((item) => item.storage === storage)
  }

  /** As `tree`, of every storage. */
  async everything(options: { sha256?: boolean } = {}): Promise<readonly TreeItem[]> {
    return (await this.#hook('GET', `/tree${options.sha256 === false ? '?sha256=0' : ''}`)) as readonly TreeItem[]
  }

  async item(path: string): Promise<TreeItem | undefined> {
    return (await this.tree()).find((item) => item.path === path)
  }

  requests(): Promise<Requests> {
    return this.#hook('GET', '/requests') as Promise<Requests>
  }

  async clearRequests(): Promise<void> {
    await this.#hook('DELETE', '/requests')
  }

  act(act: Readonly<Record<string, unknown>>): Promise<TreeItem> {
    return this.#hook('POST', '/act', { as: 'colleague', ...act }) as Promise<TreeItem>
  }

  async fault(fault: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#hook('POST', '/faults', fault)
  }

  /** Those that were ordered and are not used up. */
  async faults(): Promise<readonly { readonly method: string; readonly after: number; readonly times: number }[]> {
    return (await this.#hook('GET', '/faults')) as readonly { readonly method: string; readonly after: number; readonly times: number }[]
  }

  async clearFaults(): Promise<void> {
    await this.#hook('DELETE', '/faults')
  }

  async hook(path: string, body: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#hook('POST', path, body)
  }

  freezePortal(): void {
    process.kill(this.portal.pid, 'SIGSTOP')
  }

  thawPortal(): void {
    process.kill(this.portal.pid, 'SIGCONT')
  }

  async stopPortal(): Promise<void> {
    await ended(this.#portalProcess, 'SIGTERM')
  }

  /** On the same port, with the same data. */
  async startPortalAgain(): Promise<void> {
    const { child, line } = await startPortal([...this.#portalArguments, '--port', new URL(this.portal.url).port])
    this.#portalProcess = child
    this.portal = line
  }

  async #hook(method: string, path: string, body?: object): Promise<unknown> {
    const { hooks, certificate } = this.portal
    const response = await nodeFetch(hooks + path, {
      method,
      ...(certificate === undefined ? {} : { agent: new Agent({ ca: readFileSync(certificate) }) }),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`the portal's hook ${path} answered ${response.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  /** Its last lines; empty where there is none. */
  async daemonLog(lines: number): Promise<string> {
    const log = await readFile(join(this.home, 'state', 'default', 'daemon.log'), 'utf8').catch(() => '')
    return log.split('\n').slice(-lines).join('\n')
  }

  async #logOfFailure(): Promise<string> {
    const log = await this.daemonLog(25)
    return log === '' ? '' : `\n--- the daemon's log ---\n${log}`
  }

  async #end(): Promise<void> {
    if (this.#portalProcess.exitCode === null) this.thawPortal()
    await this.cli('unmount', '--force')
    await run('umount', ['-l', this.folder]) // what the program under test failed to take away
    await ended(this.#portalProcess, 'SIGKILL')
    await chmod(this.folder, 0o755).catch(() => undefined) // sealed while connected; absent when never connected
    await rm(this.directory, { recursive: true, force: true })
  }
}

async function startPortal(args: readonly string[]): Promise<{ child: ChildProcess; line: PortalLine }> {
  const child = spawn(process.execPath, [MAIN, 'portal', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) return { child, line: JSON.parse(line) as PortalLine }
  throw new Error('the portal ended before its first line')
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await exit
}

export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeoutMs?: number; input?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, timeout: options.timeoutMs ?? 120_000, killSignal: 'SIGKILL' })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() })
    })
    child.stdin.on('error', () => undefined) // a program may end without reading its input
    child.stdin.end(options.input ?? '')
  })
}

/** Looks again and again until `look` answers something, for what no event tells (the kernel, another process). */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, withinMs = 15_000): Promise<T> {
  const endMs = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`)
    await sleep(100)
  }
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
