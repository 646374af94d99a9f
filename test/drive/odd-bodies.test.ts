/** Bodies of downloads below HTTP's manners: chunked without a length, too short, too long, elsewhere. */
import t, { type Test } from 'tap'
import { systemClock } from '../../src/base/clock.js'
import { Downloads } from '../../src/drive/downloads.js'
import { json, startClient, startScript, type Reply } from '../rest/scripted-portal.js'
import { bytesOf, person } from './portal-drive.js'

const BYTES = Buffer.from('0123456789')

/** A download of BYTES answered by the script, in the way and range asked for. */
async function downloaded(t: Test, script: (reply: Reply, count: number) => void, range?: { start: number; end: number }): Promise<string> {
  const portal = await startScript(t, script)
  const { rest } = startClient(t, portal.webhook)
  const downloads = new Downloads({ rest, clock: systemClock, servesRanges: true })
  const refresh = (): Promise<string> => Promise.resolve(`${portal.webhook}download/?token=fresh`)
  const download = await downloads.fetch({ downloadUrl: `${portal.webhook}download/?token=old`, sizeBytes: BYTES.byteLength, refresh }, range, person)
  return `${download.range.start}-${download.range.end} ${String(await bytesOf(download))}`
}

const chunked =
  (status: number, body: string, headers: Record<string, string> = {}) =>
  ({ response }: Reply): void => {
    response.writeHead(status, headers)
    response.write(body.slice(0, 3))
    response.end(body.slice(3))
  }

t.test('a body without a length is counted', async (t) => {
  t.equal(await downloaded(t, chunked(200, '0123456789')), '0-10 0123456789')
  await t.rejects(downloaded(t, chunked(200, '012345678')), { code: 'bad-answer', fields: { receivedBytes: 9, expectedBytes: 10 } })
  await t.rejects(downloaded(t, chunked(200, '0123456789+')), { code: 'bad-answer' })
  t.equal(await downloaded(t, chunked(206, '234', { 'Content-Range': 'bytes 2-4/10' }), { start: 2, end: 5 }), '2-5 234')
  await t.rejects(downloaded(t, chunked(206, '23', { 'Content-Range': 'bytes 2-4/10' }), { start: 2, end: 5 }), { code: 'bad-answer' })
  await t.rejects(downloaded(t, chunked(206, '2345', { 'Content-Range': 'bytes 2-4/10' }), { start: 2, end: 5 }), { code: 'bad-answer' })
})

t.test('an announced length that is not the file\'s is refused before a byte is taken', async (t) => {
  for (const body of ['01234', '0123456789012345']) {
    await t.rejects(
      downloaded(t, ({ response }) => response.writeHead(200, { 'Content-Length': body.length }).end(body)),
      { code: 'bad-answer' },
    )
  }
  await t.rejects(downloaded(t, ({ response }) => response.writeHead(416, { 'Content-Range': 'bytes */3' }).end(), { start: 5, end: 9 }), { code: 'portal-error' })
})

t.test('a body that the portal compressed all the same is not taken for the file', async (t) => {
  await t.rejects(downloaded(t, chunked(200, 'xxxxxxxxxx', { 'Content-Encoding': 'gzip' })), { code: 'bad-answer' })
})

t.test('the first byte alone is asked for by two and cut', async (t) => {
  const ranges: (string | undefined)[] = []
  t.equal(
    await downloaded(
      t,
      (reply) => {
        ranges.push(reply.request.headers.range)
        chunked(206, '01', { 'Content-Range': 'bytes 0-1/10' })(reply)
      },
      { start: 0, end: 1 },
    ),
    '0-1 0',
  )
  t.same(ranges, ['bytes=0-1'])
})

t.test('a body on another host is fetched there, without the secret and with the range', async (t) => {
  const elsewhere = await startScript(t, chunked(206, '234', { 'Content-Range': 'bytes 2-4/10' }))
  t.equal(await downloaded(t, ({ response }) => response.writeHead(302, { Location: `${elsewhere.url}/bucket/blob?sig=1` }).end(), { start: 2, end: 5 }), '2-5 234')
  const [request] = elsewhere.seen
  t.match(request, { verb: 'GET', path: '/bucket/blob?sig=1', headers: { range: 'bytes=2-4', authorization: undefined, cookie: undefined } })
  t.notOk(JSON.stringify(request?.headers).includes('/rest/'), 'no address of the portal in any header')
  await t.rejects(downloaded(t, ({ response }) => response.writeHead(302, { Location: 'http://cdn.example/blob' }).end()), { code: 'bad-answer' }, 'not without https')
})

t.test('a dead address is renewed once, an error with a code is not', async (t) => {
  const asked: string[] = []
  t.equal(
    await downloaded(t, (reply) => {
      asked.push(reply.request.path.split('token=')[1] ?? '')
      if (asked.length === 1) json(reply.response, 401, { error: 'expired_token' })
      else chunked(200, '0123456789')(reply)
    }),
    '0-10 0123456789',
  )
  t.same(asked, ['old', 'fresh'])
  await t.rejects(
    downloaded(t, ({ response }) => {
      json(response, 400, { error: 'ERROR_NOT_FOUND' })
    }),
    { code: 'not-found' },
  )
})
