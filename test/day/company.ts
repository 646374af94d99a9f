/**
 * A portal and one laptop on it, on one simulated clock. Time stands almost still while somebody works, and jumps to the next
 * thing that is waited for while nobody does. The laptop's clock is wrong by `skewMs`, which may change at any time.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { hasCode } from '../../src/base/errors.js'
import { ROOT_INO, type Ino } from '../../src/base/ids.js'
import { createLog, silentLog, type Log } from '../../src/base/log.js'
import type { Item } from '../../src/mirror/item.js'
import { startPortal, type RunningPortal } from '../../src/portal/portal.js'
import { PacedClock } from '../support/paced-clock.js'
import { WholeClient } from '../support/whole-client.js'

const LOGS = process.env.ELASTIC_DRIVE_LOGS // where to look for the cause of a failure
const PACE = 30 // while somebody works; the client's patience is as much shorter
const LONGEST_STEP_MS = 5_000 // somebody may be at work who waits for no request and no timer
const RETRY_MS = 10_000
const STILL = { nobodyWaits: 3, somebodyWaits: 30 } // questions to the database in a row after which no request was made

/** What somebody on the web has just seen was renamed, moved or trashed by the laptop before the click. */
export class Overtaken extends Error {}

const OVERTAKEN = /nothing at |already exists/u

/** An object of the portal, as its hook `tree` tells. */
export interface Remote {
  readonly path: string
  readonly id: string
  readonly type: 'file' | 'folder' | 'link'
  readonly size: number | null
  readonly version: number | null
  readonly sha256: string | null
  readonly parentId: string
  readonly storage: string
}

export class Company {
  readonly portal: RunningPortal
  readonly clock: PacedClock
  /** What the laptop says and what happened to it. */
  readonly log: Log = LOGS === undefined ? silentLog : createLog('debug', createWriteStream(join(LOGS, 'company-day.log')))
  skewMs = 0
  #client: WholeClient | undefined
  #underWay = 0
  #tell: () => void = () => undefined

  static async open(t: Test, seed: string): Promise<Company> {
    const directory = await mkdtemp(join(tmpdir(), 'elastic-company-'))
    t.teardown(() => rm(directory, { recursive: true, force: true }))
    const clock = new PacedClock(PACE)
    const portal = await startPortal({ seed, plan: 'basic', clock: { ...systemClock, nowMs: () => clock.nowMs(), monotonicMs: () => clock.monotonicMs() } })
    t.teardown(() => portal.close())
    const company = new Company(portal, clock)
    const onRequest = (message: unknown): void => {
      company.#follow((message as { readonly response: ServerResponse }).response)
    }
    subscribe('http.server.request.start', onRequest)
    t.teardown(() => unsubscribe('http.server.request.start', onRequest))
    const laptopClock = { nowMs: () => clock.nowMs() + company.skewMs, monotonicMs: () => clock.monotonicMs(), setTimer: clock.setTimer.bind(clock) }
    company.#client = await WholeClient.open({ portal, directory, clock: laptopClock, rest: clock, uploadDelaySeconds: 3, bootId: 'a boot', keepsToPlan: true, log: company.log })
    t.teardown(() => company.laptop.core.stop())
    return company
  }

  private constructor(portal: RunningPortal, clock: PacedClock) {
    this.portal = portal
    this.clock = clock
  }

  get laptop(): WholeClient {
    if (this.#client === undefined) throw new Error('the laptop was not started')
    return this.#client
  }

  /** So much time goes by, or less when `isOver` says so. */
  pass(byMs: number, isOver: () => boolean | Promise<boolean> = () => false): Promise<void> {
    return this.#pass(this.clock.monotonicMs() + byMs, STILL.nobodyWaits, isOver)
  }

  async #pass(endMs: number, stillness: number, isOver: () => boolean | Promise<boolean>): Promise<void> {
    while (this.clock.monotonicMs() < endMs && !(await isOver())) {
      await this.#still(stillness)
      const aheadMs = Math.min(endMs, this.clock.nextDueMs ?? endMs) - this.clock.monotonicMs()
      if (aheadMs > 0 && this.#underWay === 0) this.clock.skip(Math.min(aheadMs, LONGEST_STEP_MS))
      await turn()
    }
  }

  /** Time goes by while `work` is being done, as much as it takes. */
  async during<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const done = (): void => {
      isDone = true
      this.#tell()
    }
    work.then(done, done)
    await this.#pass(Infinity, STILL.somebodyWaits, () => isDone)
    return work
  }

  /** Everything is sent and looked at, as soon as the portal can be reached. */
  settle(): Promise<void> {
    return this.untilReachable(() => this.laptop.settle())
  }

  /** Tried again until the portal answers, however long it was not there. */
  async untilReachable(work: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await this.during(work())
        return
      } catch (error) {
        if (!hasCode(error, 'offline', 'deadline')) throw error
        await this.pass(RETRY_MS)
      }
    }
  }

  /** `ls -R`. */
  async listAll(): Promise<void> {
    for (;;) {
      const unlisted = [...(await this.here())].filter(([, { kind, listedMs }]) => kind === 'folder' && listedMs === null)
      if (unlisted.length === 0) return
      for (const [path] of unlisted) {
        await this.untilReachable(() => this.laptop.list(path)).catch((error: unknown) => {
          if (!hasCode(error, 'not-found')) throw error // it went meanwhile
        })
      }
    }
  }

  /** Somebody works on the web. */
  async act(op: string, fields: object): Promise<Remote> {
    const row = (await this.#hook('POST', 'act', { as: 'colleague', op, ...fields })) as Remote
    this.log.debug({ op, ...fields, id: row.id }, 'on the web')
    return row
  }

  /** Every request from now on meets this, until `mend`. */
  async breakAll(fault: object): Promise<void> {
    this.log.debug({ fault }, 'an outage')
    await this.#hook('POST', 'faults', { method: '*', times: 1_000_000, ...fault })
  }

  async mend(): Promise<void> {
    this.log.debug({}, 'no outage any more')
    await this.#hook('DELETE', 'faults')
  }

  requests(): Promise<{ readonly total: number; readonly limited: number }> {
    return this.#hook('GET', 'requests') as Promise<{ readonly total: number; readonly limited: number }>
  }

  /** The owner's drive as the portal has it, without what never synchronizes. */
  async there({ hashes }: { readonly hashes: boolean } = { hashes: true }): Promise<readonly Remote[]> {
    const excluded = (await this.#rowsIn(ROOT_INO)).filter((item) => item.excluded).map(({ base }) => base?.name ?? '')
    const rows = (await this.#hook('GET', hashes ? 'tree' : 'tree?sha256=0')) as readonly Remote[]
    return rows.filter(({ storage, path }) => storage === this.portal.storageId && !excluded.some((name) => path === name || path.startsWith(`${name}/`)))
  }

  /** The same as the mirror has it. */
  async here(): Promise<ReadonlyMap<string, Item>> {
    const found = new Map<string, Item>()
    const walk = async (folder: Ino, prefix: string): Promise<void> => {
      for (const item of await this.#rowsIn(folder)) {
        if (item.excluded) continue
        found.set(`${prefix}${item.name}`, item)
        if (item.kind === 'folder') await walk(item.ino, `${prefix}${item.name}/`)
      }
    }
    await walk(ROOT_INO, '')
    return found
  }

  #rowsIn(folder: Ino): Promise<readonly Item[]> {
    const { mirror, store } = this.laptop.core
    return mirror.childrenIn(store.read, folder)
  }

  async #still(stillness: number): Promise<void> {
    for (let times = 0; times < stillness; times += 1) {
      if (this.#underWay > 0) {
        await new Promise<void>((resolve) => {
          this.#tell = resolve
        })
        times = 0
      }
      await this.laptop.core.mirror.get(ROOT_INO)
      await turn()
    }
  }

  #follow(response: ServerResponse): void {
    this.#underWay += 1
    response.once('close', () => {
      this.#underWay -= 1
      if (this.#underWay === 0) this.#tell()
    })
  }

  async #hook(verb: string, name: string, order?: object): Promise<unknown> {
    const response = await fetch(`${this.portal.hooks}/${name}`, { method: verb, ...(order === undefined ? {} : { body: JSON.stringify(order) }) })
    const text = await response.text()
    if (response.ok) return JSON.parse(text) as unknown
    throw OVERTAKEN.test(text) ? new Overtaken(text) : new Error(`${name}: ${text}`)
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
