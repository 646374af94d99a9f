/** An embedded portal in a process of its own, and its hooks (DESIGN.md section 3). */
import { join } from 'node:path'
import { Resident } from './child.js'
import { CHECKOUT } from './person.js'
import type { Tidy } from './tidy.js'

const MAIN = join(CHECKOUT, 'build', 'src', 'cli', 'main.js')

export interface PortalSetup {
  readonly seed: string
  readonly latencyMs?: number
  /** `self-hosted` has no limits at all, and tells clients so. */
  readonly plan?: 'basic' | 'self-hosted'
}

export interface Requests {
  readonly total: number
  readonly methods: Readonly<Record<string, number>>
  readonly limited: number
  readonly bytesDown: number
  readonly log: readonly { readonly at: string; readonly method: string }[]
}

interface PortalLine {
  readonly webhook: string
  readonly hooks: string
}

export class Portal {
  readonly webhook: string
  readonly #hooks: string

  static async start(setup: PortalSetup, tidy: Tidy): Promise<Portal> {
    const { seed, latencyMs = 0, plan = 'basic' } = setup
    const args = [MAIN, 'portal', '--seed', seed, '--latency', String(latencyMs), '--plan', plan]
    const { resident, line } = await Resident.withFirstLine(process.execPath, args)
    tidy.teardown(() => resident.end())
    return new Portal(JSON.parse(line) as PortalLine)
  }

  private constructor({ webhook, hooks }: PortalLine) {
    this.webhook = webhook
    this.#hooks = hooks
  }

  requests(): Promise<Requests> {
    return this.#hook('GET', '/requests') as Promise<Requests>
  }

  async clearRequests(): Promise<void> {
    await this.#hook('DELETE', '/requests')
  }

  async setLatency(ms: number): Promise<void> {
    await this.#hook('POST', '/latency', { ms })
  }

  /** Of the line that all answers share; 0: no limit. */
  async setRate(bytesPerSecond: number): Promise<void> {
    await this.#hook('POST', '/rate', { bytesPerSecond })
  }

  async act(act: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#hook('POST', '/act', { as: 'colleague', ...act })
  }

  /** Ids and paths of the files, in the order of the tree. */
  async files(): Promise<readonly { readonly id: string; readonly path: string }[]> {
    const items = (await this.#hook('GET', '/tree?sha256=0')) as readonly { id: string; path: string; type: string }[]
    return items.filter(({ type }) => type === 'file')
  }

  /** Where the content of a file is downloaded, as the portal hands it to its clients. */
  async downloadUrl(id: string): Promise<string> {
    const response = await fetch(`${this.webhook}disk.file.get.json?id=${id}`, { headers: { 'user-agent': 'elastic-drive-bench' } })
    const { result } = (await response.json()) as { result?: { DOWNLOAD_URL?: string } }
    if (result?.DOWNLOAD_URL === undefined) throw new Error(`the portal gave no address for file ${id}`)
    return result.DOWNLOAD_URL
  }

  async #hook(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(this.#hooks + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`the portal's hook ${path} answered ${response.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}
