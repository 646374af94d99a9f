/**
 * What the portal's tests speak: a portal of their own, calls as a client would send them, and the hooks. Plain fetch, no
 * code of the project's client.
 */
import type t from 'tap'
import { startPortal, type PortalOptions, type RunningPortal } from '../../src/portal/portal.js'

type Test = typeof t

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are asserted on field by field
  readonly json: any
}

export class TestPortal {
  readonly running: RunningPortal

  constructor(running: RunningPortal) {
    this.running = running
  }

  async call(method: string, parameters: object = {}): Promise<Answer> {
    return this.fetch(this.running.webhook + method, { method: 'POST', body: JSON.stringify(parameters), headers: { 'Content-Type': 'application/json' } })
  }

  /** The result of a call that has to succeed. */
  async result(method: string, parameters: object = {}): Promise<Answer['json']> {
    const answer = await this.call(method, parameters)
    if (answer.status !== 200) throw new Error(`${method}: ${answer.status} ${answer.text}`)
    return answer.json.result
  }

  async hook(name: string, order?: object, method = order === undefined ? 'GET' : 'POST'): Promise<Answer['json']> {
    const answer = await this.fetch(`${this.running.hooks}/${name}`, order === undefined ? { method } : { method, body: JSON.stringify(order) })
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text}`)
    return answer.json
  }

  act(op: string, fields: object = {}): Promise<Answer['json']> {
    return this.hook('act', { as: 'owner', op, ...fields })
  }

  async fetch(url: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(url, init)
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: response.headers.get('content-type')?.includes('json') === true ? JSON.parse(text) : undefined }
  }

  /** Id of the root folder of the owner's drive. */
  async rootId(): Promise<string> {
    const storage = (await this.result('disk.storage.get', { id: this.running.storageId })) as { ROOT_OBJECT_ID: string }
    return storage.ROOT_OBJECT_ID
  }
}

/** A portal without a bucket unless the test is about it; closed when the test ends. */
export async function portalFor(test: Test, options: PortalOptions & { readonly keepLimits?: boolean } = {}): Promise<TestPortal> {
  const { keepLimits, ...rest } = options
  const running = await startPortal(rest)
  test.teardown(() => running.close())
  const portal = new TestPortal(running)
  if (keepLimits !== true) await portal.hook('limits', { off: true })
  return portal
}
