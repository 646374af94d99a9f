/**
 * One drive of one person, used by nothing but the command line (DESIGN.md section 2): connected, mounted, asked, and
 * taken away at the end, also when its daemon or its portal is gone.
 */
import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { must, run, type Ended } from './child.js'
import { CHECKOUT, type Person } from './person.js'
import type { Portal } from './portal.js'
import type { Tidy } from './tidy.js'

const MAIN = join(CHECKOUT, 'build', 'src', 'cli', 'main.js')

interface DriveStatus {
  readonly pid: number
  readonly budget: { readonly used: number; readonly capacity: number; readonly perSecond: number; readonly counted: boolean }
}

export interface DriveParts {
  readonly person: Person
  readonly portal: Portal
  /** Names the folders of this drive; unique for the person. */
  readonly name: string
  readonly tidy: Tidy
  readonly signal: AbortSignal
}

export class Drive {
  readonly folder: string
  readonly home: string
  readonly #parts: DriveParts

  constructor(parts: DriveParts) {
    this.#parts = parts
    this.home = join(parts.person.home, `${parts.name}-home`)
    this.folder = join(parts.person.home, `${parts.name}-drive`)
    parts.tidy.teardown(() => this.#end())
  }

  /** The database, for the rows that need more items than a listing brings in reasonable time. */
  get databasePath(): string {
    return join(this.home, 'state', 'default', 'drive.db')
  }

  ask(...args: readonly string[]): Promise<Ended> {
    return this.#cli(args, this.#parts.signal)
  }

  /** The command must succeed. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.ask(...args)
    this.#parts.signal.throwIfAborted()
    if (code !== 0) throw new Error(`elastic-drive ${args[0] ?? ''} ended with ${code ?? 'no code'}: ${stderr.trim()}`)
    return stdout
  }

  async connect(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.ok('connect', this.#parts.portal.webhook, '--folder', this.folder)
    for (const [key, value] of Object.entries(settings)) await this.ok('settings', key, value)
  }

  async mount(): Promise<void> {
    await this.ok('mount')
  }

  async unmount(): Promise<void> {
    await this.ok('unmount', '--wait', '30')
  }

  async status(): Promise<DriveStatus> {
    return JSON.parse(await this.ok('--json', 'status')) as DriveStatus
  }

  /** A daemon learns that its portal has no limits from the first answer, a listing's for one. */
  async learnThereIsNoLimit(): Promise<void> {
    const { person, signal } = this.#parts
    await must(...person.command('ls', [this.folder]), { signal })
    const { counted } = (await this.status()).budget
    if (counted) throw new Error('the daemon did not learn that its portal has no limits')
  }

  /** What the daemon holds in memory, in MB. */
  async residentMB(): Promise<number> {
    const status = await readFile(`/proc/${(await this.status()).pid}/status`, 'latin1')
    return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / 1e6
  }

  #cli(args: readonly string[], signal: AbortSignal): Promise<Ended> {
    const { person } = this.#parts
    const [program, words] = person.command(person.node, [person.find(MAIN), ...args], { ELASTIC_DRIVE_HOME: this.home })
    return run(program, words, { signal, timeoutMs: 300_000 })
  }

  /** After an interrupt as well: so not under the signal that stops the run. */
  async #end(): Promise<void> {
    const never = new AbortController().signal
    await this.#cli(['unmount', '--force'], never)
    await run('umount', ['-l', this.folder], { signal: never }) // what the program under test failed to take away
    await chmod(this.folder, 0o755).catch(() => undefined) // sealed while connected; absent when never connected
  }
}
