/** A portal, and a client in this process that can die on it and start again on what it left. Time goes fast while only the client works. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.js'
import { hasCode } from '../../src/base/errors.js'
import { startPortal, type RunningPortal } from '../../src/portal/portal.js'
import { PacedClock } from '../support/paced-clock.js'
import { WholeClient, type PortalRow } from '../support/whole-client.js'
import { Life } from './life.js'
import type { TreeNode } from './tree.js'

const HASTE = 60 // times as fast as the world; the client's patience with the portal is as short
const SLICE_MS = 1_000
const ATTEMPTS = 50
const ATTEMPT_EVERY_MS = 100

export class Stage {
  readonly portal: RunningPortal
  /** 0: everything is sent as soon as it can be. */
  uploadDelaySeconds = 0
  readonly #directory: string
  readonly #clock: PacedClock
  #life = new Life(Infinity)
  #client: WholeClient | undefined

  static async make(): Promise<Stage> {
    const directory = await mkdtemp(join(tmpdir(), 'elastic-crash-'))
    const clock = new PacedClock(HASTE)
    const portal = await startPortal({ traits: { emptyMultipartFile: 'accepted' }, clock: { ...systemClock, nowMs: () => clock.nowMs() } })
    const stage = new Stage({ directory, clock, portal })
    await stage.hook('limits', { off: true })
    return stage
  }

  private constructor({ directory, clock, portal }: { directory: string; clock: PacedClock; portal: RunningPortal }) {
    this.#directory = directory
    this.#clock = clock
    this.portal = portal
  }

  get life(): Life {
    return this.#life
  }

  get client(): WholeClient {
    if (this.#client === undefined) throw new Error('no client was started')
    return this.#client
  }

  /** Somebody writes on the web; null is a folder. */
  async prepare(items: Readonly<Record<string, string | null>>): Promise<void> {
    for (const [path, content] of Object.entries(items)) await this.hook('act', { as: 'owner', storage: this.portal.storageId, path, ...(content === null ? { op: 'mkdir' } : { op: 'write', content }) })
  }

  /** A client on what is there. Answers whether it came so far. */
  start(life: Life): Promise<boolean> {
    this.#life = life
    this.hasten()
    return this.lives(async () => {
      this.#client = await WholeClient.open({ portal: this.portal, directory: this.#directory, clock: life.clock(this.#clock), rest: this.#clock, uploadDelaySeconds: this.uploadDelaySeconds, bootId: 'one boot' })
    })
  }

  /** The client is dead, now at the latest. Answers where it died. */
  async bury(): Promise<string> {
    this.#life.kill()
    await this.#life.bury()
    return this.#life.died
  }

  /** Answers whether the client lived until the work was done. */
  async lives(work: () => Promise<unknown>): Promise<boolean> {
    const life = this.#life
    const done = life.run(() => whenOnline(work)).catch((error: unknown) => {
      if (!life.isDead) throw error
    })
    await Promise.race([life.died, done])
    return !life.isDead
  }

  /** Everything is sent and everything was looked at. */
  async settle(): Promise<void> {
    this.hasten()
    if (!this.#life.isDead) await this.lives(() => this.client.settle())
  }

  hasten(): void {
    this.#clock.setPace(HASTE)
  }

  /** As in the world, while a program works. */
  slow(): void {
    this.#clock.setPace(1)
  }

  /** In slices, or the client would run out of patience with what is under way. */
  async pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= SLICE_MS) {
      this.#clock.skip(SLICE_MS)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  async tree(): Promise<ReadonlyMap<string, PortalRow>> {
    const rows = (await this.hook('tree?sha256=0')) as readonly PortalRow[]
    return new Map(rows.filter(({ storage, path }) => storage === this.portal.storageId && path !== '').map((row) => [row.path, row]))
  }

  async withBytes(rows: ReadonlyMap<string, PortalRow>): Promise<ReadonlyMap<string, Pick<TreeNode, 'text'>>> {
    const found = new Map<string, Pick<TreeNode, 'text'>>()
    for (const [path, { type, id }] of rows) found.set(path, { text: type === 'folder' ? null : (await this.client.remote(id)).toString() })
    return found
  }

  async hook(name: string, order?: object): Promise<unknown> {
    const response = await fetch(`${this.portal.hooks}/${name}`, order === undefined ? {} : { method: 'POST', body: JSON.stringify(order) })
    if (!response.ok) throw new Error(`${name}: ${await response.text()}`)
    return response.json()
  }

  async end(): Promise<void> {
    this.hasten()
    if (this.#life.isDead) await this.#life.bury()
    else await this.#life.run(async () => this.#client?.core.stop())
    await this.portal.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

/** A machine under load lets the hurried client run out of patience with its portal: then it is asked again, as by a person. */
async function whenOnline(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work()
      return
    } catch (error) {
      if (!hasCode(error, 'offline', 'deadline') || attempt === ATTEMPTS) throw error
      await new Promise((resolve) => setTimeout(resolve, ATTEMPT_EVERY_MS))
    }
  }
}
