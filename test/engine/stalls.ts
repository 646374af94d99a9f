/**
 * Requests held at the filesystem's door by a test: "every read of this node waits until I say so". Tests wait on
 * `arrived`, never on time.
 */
import { DriveError } from '../../src/base/errors.js'
import type { Caller, FileSystem, NodeId } from '../../src/fs/operations.js'

export interface StalledRequest {
  readonly operation: keyof FileSystem
  readonly node: NodeId
  readonly name: string | undefined
  readonly caller: Caller
  readonly release: (error?: DriveError) => void
}

export interface StallRule {
  readonly operation: keyof FileSystem
  readonly node?: NodeId
  readonly name?: string
  /** The request fails with `interrupted` when its signal aborts, as a drive does that waits for the network. */
  readonly heedsSignal: boolean
}

export class Stall {
  readonly rule: StallRule
  readonly held = new Set<StalledRequest>()
  arrivals = 0
  #watchers: { count: number; resolve: () => void }[] = []
  #open = false

  constructor(rule: StallRule) {
    this.rule = rule
  }

  /** Resolves when so many requests have come since the stall was set. */
  arrived(count = 1): Promise<void> {
    if (this.arrivals >= count) return Promise.resolve()
    return new Promise((resolve) => {
      this.#watchers.push({ count, resolve })
    })
  }

  /** Lets everything through that waits and that comes. */
  end(): void {
    this.#open = true
    for (const request of [...this.held]) request.release()
  }

  matches(operation: keyof FileSystem, node: NodeId, name: string | undefined): boolean {
    const { rule } = this
    return !this.#open && rule.operation === operation && (rule.node ?? node) === node && (rule.name ?? name) === name
  }

  hold(node: NodeId, name: string | undefined, caller: Caller): Promise<void> {
    const { operation } = this.rule
    return new Promise((resolve, reject) => {
      const release = (error?: DriveError): void => {
        this.held.delete(request)
        if (error === undefined) resolve()
        else reject(error)
      }
      const request: StalledRequest = { operation, node, name, caller, release }
      this.held.add(request)
      if (this.rule.heedsSignal) {
        caller.signal.addEventListener('abort', () => {
          release(new DriveError('interrupted', 'cut short'))
        })
      }
      this.arrivals += 1
      this.#watchers = this.#watchers.filter((watcher) => {
        if (this.arrivals < watcher.count) return true
        watcher.resolve()
        return false
      })
    })
  }
}

export class Stalls {
  readonly #stalls: Stall[] = []

  add(rule: Omit<StallRule, 'heedsSignal'> & { heedsSignal?: boolean }): Stall {
    const stall = new Stall({ heedsSignal: false, ...rule })
    this.#stalls.push(stall)
    return stall
  }

  endAll(): void {
    for (const stall of this.#stalls.splice(0)) stall.end()
  }

  /** Runs `answer` now, or when the stall that fits lets go. */
  pass<T>(operation: keyof FileSystem, node: NodeId, name: string | undefined, caller: Caller, answer: () => T): T | Promise<T> {
    const stall = this.#stalls.find((candidate) => candidate.matches(operation, node, name))
    return stall === undefined ? answer() : stall.hold(node, name, caller).then(answer)
  }
}
