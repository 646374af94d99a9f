/** The shapes of answers and failures, batches and retries: the pure parts by tables. */
import fc from 'fast-check'
import t from 'tap'
import { batchParameters, readBatch } from '../../src/rest/batch.js'
import { readEnvelope } from '../../src/rest/envelope.js'
import { failureKind } from '../../src/rest/failure-table.js'
import { phpQuery } from '../../src/rest/php-query.js'
import { planRetry, type AttemptFailure, type RetryDecision } from '../../src/rest/retry-plan.js'
import { TransportFailure } from '../../src/rest/transport.js'

t.test('parameters become brackets as PHP reads them', (t) => {
  t.equal(phpQuery({ id: '31', order: { ID: 'ASC' }, start: 50 }), 'id=31&order[ID]=ASC&start=50')
  t.equal(phpQuery({ filter: { '>=UPDATE_TIME': '2026-01-01T00:00:00+03:00', ID: [1, 2] } }), 'filter[%3E%3DUPDATE_TIME]=2026-01-01T00%3A00%3A00%2B03%3A00&filter[ID][0]=1&filter[ID][1]=2')
  t.equal(phpQuery({ name: 'a&b=c d/é', yes: true, no: false, none: null, list: [] }), 'name=a%26b%3Dc%20d%2F%C3%A9&yes=1&no=0&none=')
  t.end()
})

t.test('no value can break out of its parameter', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.string({ minLength: 1 }), (value, key) => {
      const query = phpQuery({ [key]: value, last: 'x' })
      t.equal(query.split('&').length, 2)
      return new URLSearchParams(query).get(key) === value
    }),
    { numRuns: 200, seed: 7 },
  )
  t.end()
})

t.test('an envelope is an answer only with a result and without an error key', (t) => {
  const answer = readEnvelope(200, '{"result":[1],"total":"73","next":50,"time":{"start":100,"finish":100.5,"operating":0.28,"operating_reset_at":700}}')
  t.same(answer, { kind: 'answer', answer: { result: [1], total: 73, next: 50, time: { operatingSeconds: 0.28, operatingResetInMs: 599_500, serverMs: 100_500 } } })
  const cases: readonly (readonly [number, string, string | undefined])[] = [
    [200, '{"error":"","error_description":"Could not save file.","result":1}', ''],
    [400, '{"error":0}', '0'],
    [400, '{"error":"0"}', '0'],
    [503, '{"error":"QUERY_LIMIT_EXCEEDED"}', 'QUERY_LIMIT_EXCEEDED'],
    [200, '{"time":{}}', undefined],
    [502, '<html><h1>502 Bad Gateway</h1></html>', undefined],
    [200, '{"result":[1', undefined],
    [200, '', undefined],
    [200, '[]', undefined],
    [403, '{}', undefined],
  ]
  for (const [status, text, portalCode] of cases) {
    const envelope = readEnvelope(status, text)
    t.ok(envelope.kind === 'refusal', text)
    if (envelope.kind === 'refusal') t.same(envelope.refusal, { status, portalCode }, text)
  }
  t.end()
})

t.test('codes are met in any case, statuses only where there is no code', (t) => {
  const cases: readonly (readonly [number, string | undefined, string, string])[] = [
    [401, 'expired_token', 'bad-credentials', 'renew'],
    [403, 'INVALID_CREDENTIALS', 'bad-credentials', 'never'],
    [401, 'Insufficient_Scope', 'missing-scope', 'never'],
    [503, 'query_limit_exceeded', 'rate-limited', 'rate'],
    [429, 'OPERATION_TIME_LIMIT', 'operating-limit', 'operating'],
    [503, 'OVERLOAD_LIMIT', 'overload', 'never'],
    [400, 'ERROR_NOT_FOUND', 'not-found', 'never'],
    [404, 'ERROR_METHOD_NOT_FOUND', 'unknown-method', 'never'],
    [400, 'DISK_OBJ_22000', 'portal-error', 'never'],
    [500, 'SOMETHING_NEW', 'portal-error', 'temporary'],
    [500, 'INTERNAL_SERVER_ERROR', 'portal-error', 'temporary'],
    [502, undefined, 'portal-error', 'temporary'],
    [503, undefined, 'portal-error', 'temporary'],
    [413, undefined, 'file-too-large', 'never'],
    [403, undefined, 'portal-error', 'never'],
    [404, undefined, 'portal-error', 'never'],
    [401, undefined, 'portal-error', 'never'],
    [200, undefined, 'bad-answer', 'temporary'],
    [410, undefined, 'portal-gone', 'never'],
  ]
  for (const [status, portalCode, code, retry] of cases) t.match(failureKind({ status, portalCode }), { code, retry }, `${status} ${portalCode ?? 'HTML'}`)
  t.end()
})

t.test('a batch is read slot by slot, from maps that are lists when empty', (t) => {
  t.same(batchParameters([{ method: 'disk.folder.get', parameters: { id: '1' } }]), { halt: 0, cmd: { c0: 'disk.folder.get?id=1' } })
  const slots = readBatch({ result: { c0: [], c3: null }, result_error: { c1: { error: 'ERROR_NOT_FOUND' } }, result_total: { c0: 0 }, result_next: [], result_time: [] }, 4)
  t.same(slots?.map(({ kind }) => kind), ['answer', 'refusal', 'missing', 'answer'])
  t.match(slots?.[0], { answer: { result: [], total: 0, next: undefined } })
  t.match(slots?.[1], { refusal: { portalCode: 'ERROR_NOT_FOUND' } })
  t.same(readBatch({ result: [], result_error: [], result_total: [], result_next: [], result_time: [] }, 1), [{ kind: 'missing' }])
  t.equal(readBatch([], 1), undefined)
  t.equal(readBatch('x', 1), undefined)
  t.end()
})

t.test('the retry table: who is asked again, who fails with what', (t) => {
  const network = (kind: 'unreachable' | 'broken' | 'silent', mayHaveArrived = true, reason = 'ECONNRESET'): AttemptFailure => ({ from: 'network', failure: new TransportFailure(kind, reason, mayHaveArrived) })
  const portal = (portalCode: string | undefined, status: number): AttemptFailure => ({ from: 'portal', kind: failureKind({ status, portalCode }) })
  const fail = (code: string): unknown => ({ act: 'fail', code })
  const again = (afterMs: number): unknown => ({ act: 'again', afterMs })
  const cases: readonly (readonly [string, AttemptFailure, number, boolean, unknown])[] = [
    ['unreachable once', network('unreachable', false, 'ECONNREFUSED'), 1, true, again(50)],
    ['unreachable twice', network('unreachable', false, 'ECONNREFUSED'), 2, true, fail('offline')],
    ['unreachable by time', network('unreachable', false, 'ETIMEDOUT'), 1, true, fail('offline')],
    ['unreachable, a write', network('unreachable', false, 'ECONNREFUSED'), 1, false, again(50)],
    ['broken once', network('broken'), 1, true, again(0)],
    ['broken twice', network('broken'), 2, true, again(2_000)],
    ['broken often', network('broken'), 4, true, fail('offline')],
    ['broken, a write that may have arrived', network('broken'), 1, false, fail('lost-answer')],
    ['broken, a write cut short', network('broken', false), 1, false, again(0)],
    ['silent, a write', network('silent'), 1, false, fail('lost-answer')],
    ['silent often', network('silent'), 4, true, fail('deadline')],
    ['503 of the limit, a write', portal('QUERY_LIMIT_EXCEEDED', 503), 1, false, again(0)],
    ['429, a person', portal('OPERATION_TIME_LIMIT', 429), 1, true, fail('operating-limit')],
    ['500, a read', portal('INTERNAL_SERVER_ERROR', 500), 1, true, again(1_000)],
    ['500, a read, third time', portal('INTERNAL_SERVER_ERROR', 500), 3, true, again(4_000)],
    ['500, a read, often', portal('INTERNAL_SERVER_ERROR', 500), 4, true, fail('portal-error')],
    ['500, a write', portal('INTERNAL_SERVER_ERROR', 500), 1, false, fail('lost-answer')],
    ['502 HTML, a write', portal(undefined, 502), 1, false, fail('lost-answer')],
    ['413 HTML, a write', portal(undefined, 413), 1, false, fail('file-too-large')],
    ['not found', portal('ERROR_NOT_FOUND', 400), 1, true, fail('not-found')],
  ]
  for (const [what, failure, attempts, idempotent, expected] of cases) {
    const decision: RetryDecision = planRetry({ failure, attempts, priority: 'interactive', idempotent })
    t.same(decision, expected, what)
  }
  t.same(planRetry({ failure: portal('OPERATION_TIME_LIMIT', 429), attempts: 1, priority: 'background', idempotent: true }), again(0), '429, a service')
  t.end()
})
