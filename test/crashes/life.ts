/**
 * One life of a client in this process, which ends at a chosen step as by kill -9: what was begun before is finished by the
 * kernel or the portal, nothing after it has an effect, and no call returns any more. What runs in a life is known by its
 * asynchronous context; durable-steps.ts says what is a step.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { copyFile, rename, rm, type FileHandle } from 'node:fs/promises'
import type { Socket } from 'node:net'
import type { Clock } from '../../src/base/clock.js'
import { systemCode } from '../../src/base/errors.js'
import type { Connection } from '../../src/store/connection.js'

const lives = new AsyncLocalStorage<Life>()

/** The life to which the running code belongs; undefined: the test's own, or the portal's. */
export function currentLife(): Life | undefined {
  return lives.getStore()
}

export class Life {
  /** Names of the steps since `begin`, in order. */
  readonly steps: string[] = []
  readonly died: Promise<string>
  readonly handles = new Set<FileHandle>()
  readonly sockets = new Set<Socket>()
  readonly connections = new Map<Connection, string>()
  /** Something happens in the world before a work of this kind is begun. */
  beforeWork: ((what: string) => Promise<void>) | undefined
  readonly #dieAt: number | string
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #timers = new Set<() => void>()
  #counts = false
  #isDead = false
  #tell: (step: string) => void = () => undefined

  /** `dieAt`: a step counted from 0 (Infinity: it never comes), or the first of this name. */
  constructor(dieAt: number | string) {
    this.#dieAt = dieAt
    this.died = new Promise((resolve) => {
      this.#tell = resolve
    })
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Steps are counted from now on. */
  begin(): void {
    this.#counts = true
  }

  /** It is not to die any more. */
  outlive(): void {
    this.#counts = false
  }

  run<T>(work: () => T): T {
    return lives.run(this, work)
  }

  /** A step is come to. False: the process is dead, from this step on or before. */
  reach(step: string): boolean {
    if (this.#isDead) return false
    if (!this.#counts) return true
    if (this.steps.length === this.#dieAt || step === this.#dieAt) this.#die(step)
    else this.steps.push(step)
    return !this.#isDead
  }

  /** Work with a lasting effect: a step before it and one after it, whether or not the work succeeds. */
  async durable<T>(what: string, work: () => Promise<T>): Promise<T> {
    await this.beforeWork?.(what)
    if (!this.reach(`before ${what}`)) return never()
    return this.#finished(work(), () => this.reach(`after ${what}`))
  }

  /** Work without one: only the dead cannot do it. */
  async harmless<T>(what: string, work: () => Promise<T>): Promise<T> {
    await this.beforeWork?.(what)
    if (this.#isDead) return never()
    return this.#finished(work(), () => !this.#isDead)
  }

  clock(world: Clock): Clock {
    return {
      nowMs: () => world.nowMs(),
      monotonicMs: () => world.monotonicMs(),
      setTimer: (delayMs, callback) => {
        if (this.#isDead) return () => undefined
        const cancel = world.setTimer(delayMs, () => {
          this.#timers.delete(cancel)
          if (!this.#isDead) this.run(callback)
        })
        this.#timers.add(cancel)
        return () => {
          this.#timers.delete(cancel)
          cancel()
        }
      },
    }
  }

  /** The end, wherever it stands; `died` tells. */
  kill(): void {
    if (!this.#isDead) this.#die('at the end')
  }

  /** What the kernel does with what a dead process had: descriptors are closed, open transactions were never committed. */
  async bury(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
    await Promise.all([...this.handles].map((handle) => handle.close()))
    const files = [...new Set(this.connections.values())].flatMap((path) => [path, `${path}-wal`])
    // Closing in order would bring the log into the database, which a killed process does not.
    for (const file of files) await copyFile(file, `${file}.kept`).catch(ifMissing)
    for (const connection of this.connections.keys()) await connection.close()
    for (const path of new Set(this.connections.values())) await rm(`${path}-shm`, { force: true })
    for (const file of files) await rename(`${file}.kept`, file).catch(ifMissing)
  }

  async #finished<T>(work: Promise<T>, isAlive: () => boolean): Promise<T> {
    this.#underWay.add(work)
    const [outcome] = await Promise.allSettled([work])
    this.#underWay.delete(work)
    if (!isAlive()) return never()
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  }

  #die(step: string): void {
    this.#isDead = true
    for (const cancel of this.#timers) cancel()
    for (const socket of this.sockets) socket.destroy()
    this.#tell(step)
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}

function ifMissing(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error
}
