/**
 * Where the demo plays: a temporary home of its own, an embedded portal, and the real commands run as a person would run
 * them. Whatever was put up is taken down again, also when a step fails or the person leaves.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fetch from 'node-fetch'
import { DriveError, ERROR_CODES, errorText, systemCode } from '../base/errors.js'
import { findMount } from '../engine/mount-table.js'

const PROGRAM = fileURLToPath(new URL('./main.js', import.meta.url))

/** The first line of `portal` (DESIGN.md section 2). */
export interface PortalAddress {
  readonly url: string
  readonly webhook: string
  readonly hooks: string
  readonly storage: string
}

/** One object of the hook `tree` (DESIGN.md section 3). */
export interface PortalObject {
  readonly storage: string
  /** Below the storage's root, without a leading slash. */
  readonly path: string
  readonly id: string
  readonly type: string
  readonly size: number
  /** Left out of a tree without hashes. */
  readonly sha256?: string
  readonly version: number
}

export class DemoStage {
  readonly folder: string
  readonly #home: string
  readonly #env: NodeJS.ProcessEnv
  #portal: ChildProcess | undefined
  #address: PortalAddress | undefined

  static async open(env: NodeJS.ProcessEnv): Promise<DemoStage> {
    return new DemoStage(await mkdtemp(join(tmpdir(), 'elastic-drive-demo-')), env)
  }

  private constructor(home: string, env: NodeJS.ProcessEnv) {
    this.#home = home
    this.#env = { ...env, ELASTIC_DRIVE_HOME: join(home, 'home') }
    this.folder = join(home, 'Bitrix24')
  }

  get address(): PortalAddress {
    if (this.#address === undefined) throw new DriveError('internal', 'the portal of the demo does not run')
    return this.#address
  }

  async startPortal(seed: string): Promise<PortalAddress> {
    // In a group of its own: Ctrl-C is for the demo, which then ends the portal in order.
    const portal = spawn(process.execPath, [PROGRAM, 'portal', '--seed', seed], { env: this.#env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#portal = portal
    const complaint = text(portal.stderr)
    const lines = createInterface({ input: portal.stdout })
    const first = await Promise.race([once(lines, 'line'), once(portal, 'close')])
    if (typeof first[0] !== 'string' || !first[0].startsWith('{')) throw new DriveError('internal', `the portal did not start: ${(await complaint).trim()}`)
    this.#address = JSON.parse(first[0]) as PortalAddress // our own program
    return this.#address
  }

  /** Runs a command of elastic-drive with --json; its failure is thrown with its own words. */
  async run(words: readonly string[], input = ''): Promise<Readonly<Record<string, unknown>>> {
    const child = spawn(process.execPath, [PROGRAM, ...words, '--json'], { env: this.#env, stdio: ['pipe', 'pipe', 'pipe'] })
    child.stdin.end(input)
    const [answer, complaint, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number | null]>])
    const value = answer === '' ? {} : (JSON.parse(answer) as Readonly<Record<string, unknown>>)
    if (code === 0) return value
    const { error } = value as { error?: { code?: string } }
    throw new DriveError(ERROR_CODES.find((known) => known === error?.code) ?? 'internal', complaint.trim().replace(/^elastic-drive: /, '') || `"${words[0] ?? ''}" failed`)
  }

  /** Everything that lives in the person's own drive on the portal. */
  async portalObjects(hashes: 'hashes' | 'no-hashes' = 'hashes'): Promise<readonly PortalObject[]> {
    const answer = await fetch(`${this.address.hooks}/tree${hashes === 'hashes' ? '' : '?sha256=0'}`)
    const objects = (await answer.json()) as readonly PortalObject[]
    return objects.filter(({ storage }) => storage === this.address.storage)
  }

  async portalObject(path: string): Promise<PortalObject | undefined> {
    return (await this.portalObjects()).find((object) => object.path === path)
  }

  /** Does something on the web, as a colleague. */
  async actAsColleague(act: Readonly<Record<string, unknown>>): Promise<void> {
    const answer = await fetch(`${this.address.hooks}/act`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ as: 'colleague', ...act }),
    })
    if (!answer.ok) throw new DriveError('internal', `the portal refused what the colleague did: ${await answer.text()}`)
  }

  /** Takes everything down. Answers what could not be, for the person to know. */
  async close(): Promise<readonly string[]> {
    const problems: string[] = []
    if ((await findMount(this.folder)) !== undefined) {
      try {
        await this.run(['unmount', '--force'])
      } catch (error) {
        problems.push(errorText(error))
      }
    }
    await this.#stopPortal()
    // Never through a mount that is still there.
    if ((await findMount(this.folder)) === undefined) await this.#remove()
    else problems.push(`${this.folder} is still mounted: take it away with "fusermount3 -uz ${this.folder}"`)
    return problems
  }

  async #remove(): Promise<void> {
    try {
      await chmod(this.folder, 0o700) // sealed while connected: only root could take out what is in it
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error // never connected
    }
    await rm(this.#home, { recursive: true, force: true })
  }

  async #stopPortal(): Promise<void> {
    const portal = this.#portal
    if (portal?.exitCode !== null || portal.signalCode !== null) return // none, or it ended by itself
    const ended = once(portal, 'close')
    portal.kill('SIGTERM')
    await ended
  }
}
