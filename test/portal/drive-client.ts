/**
 * What the portal's tests speak: a portal of their own, calls as a client would send them, and the hooks. Plain fetch, no
 * code of the project's client.
 */
import type t from 'tap'
import { startPortal, type PortalOptions, type RunningPortal } from '../../src/portal/portal.js'
import { text, type Json } from './json.js'

type Test = Pick<typeof t, 'teardown'>

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Json
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
  async result(method: string, parameters: object = {}): Promise<Json> {
    const answer = await this.call(method, parameters)
    if (answer.status !== 200) throw new Error(`${method}: ${answer.status} ${answer.text}`)
    return answer.json.result
  }

  async hook(name: string, order?: object, method = order === undefined ? 'GET' : 'POST'): Promise<Json> {
    const answer = await this.fetch(`${this.running.hooks}/${name}`, order === undefined ? { method } : { method, body: JSON.stringify(order) })
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text}`)
    return answer.json
  }

  act(op: string, fields: object = {}): Promise<Json> {
    return this.hook('act', { as: 'owner', op, ...fields })
  }

  async fetch(url: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(url, init)
    const body = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return { status: response.status, headers: response.headers, text: body, json: (isJson ? JSON.parse(body) : undefined) as Json }
  }

  /** Id of the root folder of the owner's drive. */
  async rootId(): Promise<string> {
    return text((await this.result('disk.storage.get', { id: this.running.storageId })).ROOT_OBJECT_ID)
  }

  /** The two steps of an upload; the answer of the second. */
  async upload(folderId: string, name: string, content: string | Uint8Array, more: object = {}): Promise<Answer> {
    const step = await this.result('disk.folder.uploadFile', { id: folderId, ...more })
    return this.post(text(step.uploadUrl), name, content)
  }

  post(uploadUrl: string, name: string, content: string | Uint8Array): Promise<Answer> {
    const boundary = 'x-test-boundary-x'
    const body = Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: text/plain\r\n\r\n`),
      Buffer.from(content),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ])
    return this.fetch(uploadUrl, { method: 'POST', body, headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` } })
  }

  /** A file made by base64. */
  file(folderId: string, name: string, content = 'content'): Promise<Json> {
    return this.result('disk.folder.uploadFile', { id: folderId, data: { NAME: name }, fileContent: [name, base64(content)] })
  }

  folder(parentId: string, name: string): Promise<Json> {
    return this.result('disk.folder.addSubFolder', { id: parentId, data: { NAME: name } })
  }

  /** Names of a folder's children by id. */
  async names(folderId: string, more: object = {}): Promise<string[]> {
    return (await this.result('disk.folder.getChildren', { id: folderId, order: { ID: 'ASC' }, ...more })).map((row) => text(row.NAME))
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

export function base64(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64')
}
