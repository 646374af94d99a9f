/**
 * A drive whose process dies: from the chosen call on nothing answers any more, either before the request is sent or after
 * it was carried out. What is never answered ends when the caller gives up.
 */
import { DriveError } from '../../src/base/errors.js'
import type { CallOptions, Drive } from '../../src/drive/drive.js'

export interface Crash {
  /** Counts calls that change the portal, from 0. */
  readonly at: number
  readonly when: 'before' | 'after'
}

const WRITES = ['uploadNew', 'uploadVersion', 'createFolder', 'rename', 'move', 'trash', 'restore'] as const

export class BreakingDrive {
  readonly drive: Drive
  /** Resolves when the process is dead. */
  readonly dead: Promise<void>
  /** Somebody else is quicker, once. */
  beforeWrite: (() => Promise<unknown>) | undefined
  #writes = 0
  readonly #underWay = new Set<Promise<void>>()
  #isDead = false
  #die: () => void = () => undefined

  constructor(real: Drive, crash: Crash) {
    this.dead = new Promise((resolve) => {
      this.#die = resolve
    })
    this.drive = new Proxy(real, {
      get: (target, key): unknown => {
        const method: unknown = Reflect.get(target, key)
        if (typeof method !== 'function') return method
        return (...parameters: unknown[]) => this.#call(target, String(key), method as (...all: unknown[]) => Promise<unknown>, parameters, crash)
      },
    })
  }

  async #call(target: Drive, key: string, method: (...all: unknown[]) => Promise<unknown>, parameters: unknown[], crash: Crash): Promise<unknown> {
    const { signal } = parameters.at(-1) as CallOptions
    if (this.#isDead) return never(signal)
    const isWrite = (WRITES as readonly string[]).includes(key)
    const isFatal = isWrite && this.#writes === crash.at
    if (isWrite) this.#writes += 1
    if (isFatal && crash.when === 'before') {
      this.#isDead = true
      this.#die()
      return never(signal)
    }
    const quicker = isWrite ? this.beforeWrite : undefined
    if (quicker !== undefined) {
      this.beforeWrite = undefined
      await quicker()
    }
    const answer = await this.#finish(method.apply(target, isWrite ? [...parameters.slice(0, -1), { ...(parameters.at(-1) as CallOptions), signal: undefined }] : parameters))
    // Also for the calls that were under way when it died.
    if (isFatal || this.#isDeadNow()) {
      this.#isDead = true
      this.#die()
      return never(signal)
    }
    return answer
  }

  /** What the portal has got it finishes, whoever gives up waiting for it. */
  async #finish(call: Promise<unknown>): Promise<unknown> {
    const settled = call.then(() => undefined, () => undefined)
    this.#underWay.add(settled)
    try {
      return await call
    } finally {
      this.#underWay.delete(settled)
    }
  }

  /** Resolves when the portal is at work on nothing of ours. */
  async quiet(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #isDeadNow(): boolean {
    return this.#isDead
  }

  get writes(): number {
    return this.#writes
  }
}

function never(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = (): void => {
      reject(new DriveError('cancelled', 'the process is dead'))
    }
    if (signal?.aborted === true) end()
    signal?.addEventListener('abort', end, { once: true })
  })
}
