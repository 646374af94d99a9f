/**
 * One history on a portal of its own: the client dies at a step, starts again on what it left, goes on, and in the end the
 * portal and the client are compared with what was acknowledged. A call under way at the death happened or did not.
 */
import { isDeepStrictEqual } from 'node:util'
import { seededRandom, type Random } from '../../src/base/random.js'
import { history, type HistoryStep } from './history.js'
import { Life } from './life.js'
import { look, Program } from './program.js'
import { Stage } from './stage.js'
import { sendable, shown, type Tree } from './tree.js'

const DELAY_SECONDS = 10
const BEFORE: Readonly<Record<string, string | null>> = { d: null, 'd/c.txt': 'base c', e: null, 'a.txt': 'base a', 'b.odt': 'base b' }

export interface Crash {
  /** A step of the first life, and one of the second, which starts with what the first left. */
  readonly at: readonly [number, number]
}

export interface Outcome {
  /** What was not as it should be; empty: nothing. */
  readonly faults: readonly string[]
  /** Steps of the first life. */
  readonly steps: readonly string[]
  /** Where it died. */
  readonly deaths: readonly string[]
  readonly story: readonly string[]
}

export const NO_CRASH: Crash = { at: [Infinity, Infinity] }

export async function play(seed: number, crash: Crash): Promise<Outcome> {
  const stage = await Stage.make()
  try {
    return await new Play(stage, seed).play(crash)
  } finally {
    await stage.end()
  }
}

class Play {
  readonly #stage: Stage
  readonly #random: Random
  readonly #story: string[] = []
  readonly #deaths: string[] = []
  readonly #faults: string[] = []
  /** What is to be shown: the last for certain where nothing is under way. */
  #may: readonly Tree[] = []

  constructor(stage: Stage, seed: number) {
    this.#stage = stage
    this.#random = seededRandom(seed)
    stage.uploadDelaySeconds = this.#random.fraction() < 0.6 ? DELAY_SECONDS : 0
  }

  async play({ at: [first, second] }: Crash): Promise<Outcome> {
    const life = new Life(first)
    try {
      await this.#begin(life)
      await this.#restart(new Life(second))
      if (!this.#stage.life.isDead && this.#random.fraction() < 0.5) await this.#playOn(2)
      await this.#stage.settle()
      if (this.#stage.life.isDead) {
        await this.#restart(new Life(Infinity))
        await this.#stage.settle()
      }
      this.#stage.life.outlive()
      if (this.#faults.length === 0) await this.#compare()
    } catch (error) {
      this.#faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    return { faults: this.#faults, steps: life.steps, deaths: this.#deaths, story: this.#story }
  }

  async #begin(life: Life): Promise<void> {
    await this.#stage.prepare(BEFORE)
    this.#may = [new Map([...(await this.#stage.tree())].map(([path, { id }]) => [path, { text: BEFORE[path] ?? null, id, versions: 1, isHere: false, wasMoved: false }]))]
    await this.#stage.start(life)
    await this.#stage.settle()
    life.begin()
    if (await this.#playOn(4 + Math.floor(this.#random.fraction() * 5))) await this.#stage.settle()
  }

  /** The dead client's successor, which shows what was acknowledged. */
  async #restart(life: Life): Promise<void> {
    const death = await this.#stage.bury()
    this.#deaths.push(death)
    this.#story.push(`--- died ${death}`)
    life.begin()
    if (!(await this.#stage.start(life))) return
    await this.#stage.lives(async () => {
      const here = shown(await look(this.#stage.client))
      const is = this.#may.filter((tree) => isDeepStrictEqual(shown(tree), here)).slice(-1)
      if (is.length > 0) this.#may = is.map((tree) => withVersions(tree, this.#tree))
      else this.#expect('shown after the start', here, this.#may.map(shown))
    })
  }

  /** Answers whether the client lived to the end. */
  async #playOn(operations: number): Promise<boolean> {
    this.#stage.slow()
    const program = new Program(this.#stage.client)
    for (const step of history({ random: this.#random, from: this.#tree, operations, isDelayed: this.#stage.uploadDelaySeconds > 0 })) {
      this.#story.push(JSON.stringify(step.call))
      this.#may = [this.#tree, step.after]
      if (!(await this.#stage.lives(() => this.#call(program, step)))) return false
      this.#may = [step.after]
    }
    return true
  }

  async #call(program: Program, { call }: HistoryStep): Promise<void> {
    if (call.do !== 'pass') {
      await program.call(call)
      return
    }
    await this.#stage.pass(call.ms)
    for (let turn = 0; turn < call.turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }

  async #compare(): Promise<void> {
    const { client } = this.#stage
    await this.#stage.lives(async () => {
      this.#expect('shown in the end', shown(await look(client)), [shown(this.#tree)])
      this.#expect('left to be sent', (await client.core.journal.entries()).map((entry) => JSON.stringify(entry)), [[]])
    })
    const expected = sendable(this.#tree)
    const portal = await this.#stage.tree()
    this.#expect('on the portal', shown(await this.#stage.withBytes(portal)), [shown(expected)])
    for (const [path, { id, versions }] of expected) {
      const row = portal.get(path)
      if (row === undefined || id === undefined) continue
      this.#expect(`object that is ${path}`, [row.id], [[id]])
      if ((row.version ?? 0) > versions) this.#expect(`versions of ${path}`, [String(row.version)], [[`at most ${versions}`]])
    }
    const { log } = (await this.#stage.hook('requests')) as { log: unknown }
    if (JSON.stringify(log).includes('goutputstream')) this.#expect('names sent', ['a temporary one'], [[]])
  }

  /** One of `allowed`, or it is noted. */
  #expect(what: string, found: readonly string[], allowed: readonly (readonly string[])[]): void {
    if (!allowed.some((one) => isDeepStrictEqual(one, found))) this.#faults.push(`${what}: ${JSON.stringify(found)}, not ${allowed.map((one) => JSON.stringify(one)).join(' or ')}`)
  }

  /** What was acknowledged, or the newest that may be. */
  get #tree(): Tree {
    return this.#may.at(-1) ?? new Map()
  }
}

/** What a call began that did not return may have been sent, though it changed nothing. */
function withVersions(tree: Tree, begun: Tree): Tree {
  return new Map([...tree].map(([path, node]) => [path, { ...node, versions: Math.max(node.versions, begun.get(path)?.versions ?? 0) }]))
}
