/** Runs the real program as a child process in a home of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { removeTree } from '../../scripts/checks/remove-tree.js'
import { startPortal } from '../../src/portal/portal.js'

export const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The answer of a run with --json. */
  readonly json: Readonly<Record<string, unknown>>
}

export class Home {
  /** Holds the home, and is where folders and files of the test go. */
  readonly directory: string
  readonly env: NodeJS.ProcessEnv

  static async make(test: Test): Promise<Home> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), 'elastic-cli-')))
    test.teardown(() => removeTree(directory))
    return new Home(directory)
  }

  private constructor(directory: string) {
    this.directory = directory
    this.env = { ...process.env, HOME: directory, ELASTIC_DRIVE_HOME: join(directory, 'home') }
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names)
  }

  async run(words: readonly string[], input = ''): Promise<Run> {
    const child = this.start(words)
    child.stdin?.on('error', () => undefined) // it may end before it has read
    child.stdin?.end(input)
    const [stdout, stderr, [code]] = await Promise.all([
      child.stdout === null ? '' : text(child.stdout),
      child.stderr === null ? '' : text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ])
    return { code, stdout, stderr, json: stdout.startsWith('{') ? (JSON.parse(stdout) as Readonly<Record<string, unknown>>) : {} }
  }

  start(words: readonly string[]): ChildProcess {
    return spawn(process.execPath, [PROGRAM, ...words], { cwd: this.directory, env: this.env, stdio: ['pipe', 'pipe', 'pipe'] })
  }
}

/** Connected to a portal of its own; whatever is mounted is taken away at the end. */
export async function connected(test: Test): Promise<Home> {
  const [home, portal] = await Promise.all([Home.make(test), startPortal({ seed: 'tree:2x4x100' })])
  test.teardown(async () => {
    await home.run(['unmount', '--force'])
    await portal.close()
  })
  const { code, stderr } = await home.run(['connect', portal.webhook, '--folder', 'Drive'])
  if (code !== 0) throw new Error(stderr)
  return home
}
