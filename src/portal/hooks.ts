/**
 * The test hooks below `/_portal/` (DESIGN.md section 3): JSON in and out, never used by a client, outside of counting,
 * limits, latency and faults. Additions to the contract: `traits`, `account`, `application`, `rate`, and more keys of `limits`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { systemClock } from '../base/clock.js'
import { AnswerWriter, jsonAnswer, type WireAnswer } from './answer-writer.js'
import type { Application } from './application.js'
import { applicationCard, changeApplication } from './application-hook.js'
import type { Desk } from './desk.js'
import type { Faults } from './faults.js'
import type { LeakyBucket } from './leaky-bucket.js'
import type { Operating } from './operating.js'
import type { Requests } from './requests.js'
import type { RestServer } from './rest-server.js'
import type { TrashKeeper } from './trash-keeper.js'
import { treeJson } from './tree-hook.js'
import { TRAIT_SPECS } from './traits.js'

export interface HookParts {
  readonly desk: Desk
  readonly application: Application
  readonly rest: RestServer
  readonly requests: Requests
  readonly faults: Faults
  readonly bucket: LeakyBucket
  readonly operating: Operating
  readonly trash: TrashKeeper
  readonly setTraits: (changes: Readonly<Record<string, unknown>>) => void
  readonly setQuota: (bytes: number | undefined) => void
  readonly setClockOffset: (offsetMs: number) => void
  readonly act: (order: Order) => Promise<unknown>
}

export type Order = Readonly<Record<string, unknown>>

const OK = { ok: true }
const MAX_ORDER_BYTES = 512 * 1024 * 1024
const WEBHOOK_CODE = /^[a-z0-9]{16}$/u

/** Answers one hook. `path` is what follows `/_portal/`. */
export async function answerHook(request: IncomingMessage, response: ServerResponse, url: URL, parts: HookParts): Promise<void> {
  const writer = new AnswerWriter({ clock: systemClock, response, fault: undefined, sent: () => undefined })
  try {
    await writer.write(await hookAnswer(request, url, parts))
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error
    await writer.write(jsonAnswer(400, { error: error.message }))
  }
}

async function hookAnswer(request: IncomingMessage, url: URL, parts: HookParts): Promise<WireAnswer> {
  const name = url.pathname.replace(/^\/_portal\//, '').replace(/\/$/, '')
  const order = await readOrder(request)
  const handler = HANDLERS[`${request.method ?? 'GET'} ${name}`]
  if (handler === undefined) return jsonAnswer(404, { error: `no hook ${request.method ?? ''} ${name}; there are ${Object.keys(HANDLERS).join(', ')}` })
  return handler(parts, order, url)
}

type Handler = (parts: HookParts, order: Order, url: URL) => WireAnswer | Promise<WireAnswer>

const HANDLERS: Readonly<Record<string, Handler>> = {
  'GET tree': ({ desk }, _order, url) => ({
    status: 200,
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
    body: treeJson(desk, url.searchParams.get('sha256') !== '0'),
  }),
  'GET requests': ({ requests }) => jsonAnswer(200, requests.report()),
  'DELETE requests': ({ requests }) => {
    requests.clear()
    return jsonAnswer(200, OK)
  },
  'POST act': async ({ act }, order) => jsonAnswer(200, await act(order)),
  'GET faults': ({ faults }) => jsonAnswer(200, faults.list()),
  'POST faults': ({ faults }, order) => {
    faults.add(order)
    return jsonAnswer(200, OK)
  },
  'DELETE faults': ({ faults }) => {
    faults.clear()
    return jsonAnswer(200, OK)
  },
  'POST limits': (parts, order) => {
    setLimits(parts, order)
    return jsonAnswer(200, OK)
  },
  'POST latency': ({ rest }, order) => {
    rest.latencyMs = numberOf(order, 'ms')
    return jsonAnswer(200, OK)
  },
  'POST rate': ({ rest }, order) => {
    rest.line.bytesPerSecond = numberOf(order, 'bytesPerSecond')
    return jsonAnswer(200, OK)
  },
  'POST host': ({ desk }, order) => {
    desk.hosts.rename(order.renamedTo === null ? undefined : textOf(order, 'renamedTo'))
    return jsonAnswer(200, { address: desk.address() })
  },
  'GET sharings': ({ desk }) => jsonAnswer(200, desk.sharings.all()),
  'POST clock': ({ setClockOffset }, order) => {
    setClockOffset(numberOf(order, 'offsetMs'))
    return jsonAnswer(200, OK)
  },
  'GET traits': ({ desk }) => jsonAnswer(200, { traits: desk.traits(), specs: TRAIT_SPECS }),
  'POST traits': ({ desk, setTraits }, order) => {
    setTraits(order)
    return jsonAnswer(200, desk.traits())
  },
  'POST account': ({ desk }, order) => {
    setAccount(desk, order)
    return jsonAnswer(200, desk.account.state)
  },
  'GET application': ({ application }) => jsonAnswer(200, applicationCard(application)),
  'POST application': ({ application, desk }, order) => {
    changeApplication(application, desk.traits(), order)
    return jsonAnswer(200, applicationCard(application))
  },
}

/** `{off:true}` takes the bucket away; the other keys are additions and stand alone or together. */
function setLimits({ bucket, operating, rest, trash, setQuota }: HookParts, order: Order): void {
  if (order.off === true) bucket.setLimit(undefined)
  else if (order.burst !== undefined || order.perSecond !== undefined) bucket.setLimit({ burst: numberOf(order, 'burst'), perSecond: numberOf(order, 'perSecond') })
  if (order.operatingSeconds !== undefined) operating.limitSeconds = order.operatingSeconds === null ? undefined : numberOf(order, 'operatingSeconds')
  if (order.requestSeconds !== undefined) rest.requestSeconds = order.requestSeconds === null ? undefined : numberOf(order, 'requestSeconds')
  if (order.trashDays !== undefined) trash.days = order.trashDays === null ? undefined : numberOf(order, 'trashDays')
  if (order.quotaBytes !== undefined) setQuota(order.quotaBytes === null ? undefined : numberOf(order, 'quotaBytes'))
  if (order.clientMaxBytes !== undefined) rest.bodyLimits = { ...rest.bodyLimits, clientMaxBytes: numberOf(order, 'clientMaxBytes') }
  if (order.postMaxBytes !== undefined) rest.bodyLimits = { ...rest.bodyLimits, postMaxBytes: numberOf(order, 'postMaxBytes') }
  const costs = order.costs
  if (typeof costs === 'object' && costs !== null) for (const [method, seconds] of Object.entries(costs)) operating.setCost(method, Number(seconds))
}

function setAccount(desk: Desk, order: Order): void {
  const { revoked, code, scopes, restOnPlan, isAdmin, isDeleted, hasDrive } = order
  desk.account.change({
    ...(typeof revoked === 'boolean' ? { revoked } : {}),
    ...(typeof code === 'string' && WEBHOOK_CODE.test(code) ? { code } : {}),
    ...(Array.isArray(scopes) ? { scopes: scopes.map(String) } : {}),
    ...(typeof restOnPlan === 'boolean' ? { restOnPlan } : {}),
    ...(typeof isAdmin === 'boolean' ? { isAdmin } : {}),
    ...(typeof isDeleted === 'boolean' ? { isDeleted } : {}),
    ...(typeof hasDrive === 'boolean' ? { hasDrive } : {}),
  })
}

function textOf(order: Order, key: string): string {
  const value = order[key]
  if (typeof value !== 'string') throw new RangeError(`${key} must be a text`)
  return value
}

function numberOf(order: Order, key: string): number {
  const value = order[key]
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new RangeError(`${key} must be a number`)
  return value
}

async function readOrder(request: IncomingMessage): Promise<Order> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_ORDER_BYTES) throw new RangeError('the order is too long')
    chunks.push(chunk)
  }
  if (bytes === 0) return {}
  const order: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  if (typeof order !== 'object' || order === null || Array.isArray(order)) throw new RangeError('an order is a JSON object')
  return order as Order
}
