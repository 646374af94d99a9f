/** The bodies of uploads byte by byte, and the rules of ranges by tables. */
import fc from 'fast-check'
import t from 'tap'
import { asRemoteId } from '../../src/base/ids.js'
import { judgeRange, rangeQuestion } from '../../src/drive/range-rules.js'
import { base64Pieces, multipartBody, versionBody } from '../../src/drive/upload-bodies.js'
import { bytesOf, patterned, source } from './portal-drive.js'

t.test('base64 of pieces is base64 of the whole, however it is cut', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), fc.integer({ min: 1, max: 50 }), async (bytes, pieceBytes) => {
      const encoded = await bytesOf({ body: base64Pieces(source(bytes, pieceBytes).open()) })
      return encoded.toString('latin1') === Buffer.from(bytes).toString('base64')
    }),
    { seed: 3, numRuns: 300 },
  )
  t.pass()
})

t.test('the body of a version is JSON of the length it says', async (t) => {
  for (const sizeBytes of [1, 2, 3, 4, 1_000, 100_001]) {
    const bytes = patterned(sizeBytes)
    const body = versionBody(asRemoteId('77'), source(bytes, 333))
    const sent = await bytesOf({ body: body.open() })
    t.equal(sent.byteLength, body.sizeBytes)
    const { id, fileContent } = JSON.parse(sent.toString('utf8')) as { id: string; fileContent: [string, string] }
    t.equal(id, '77')
    t.ok(Buffer.from(fileContent[1], 'base64').equals(bytes))
  }
})

t.test('the body of an upload is one part with the plain UTF-8 name, of the length it says', async (t) => {
  const bytes = patterned(5_000)
  const body = multipartBody({ field: 'file', fileName: 'Отчёт é 😀 (1).txt', source: source(bytes), boundary: 'b' })
  const sent = await bytesOf({ body: body.open() })
  t.equal(sent.byteLength, body.sizeBytes)
  t.equal(body.contentType, 'multipart/form-data; boundary=b')
  const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="Отчёт é 😀 (1).txt"\r\nContent-Type: application/octet-stream\r\n\r\n'
  t.ok(sent.equals(Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n--b--\r\n')])))
  for (const fileName of ['a"b', 'a\\b', 'a\nb', 'a\r\nX: y']) t.throws(() => multipartBody({ field: 'file', fileName, source: source(bytes), boundary: 'b' }))
})

t.test('a body takes from its source only what is asked of it', async (t) => {
  let opened = 0
  const body = versionBody(asRemoteId('1'), {
    sizeBytes: 3_000_000,
    // eslint-disable-next-line @typescript-eslint/require-await -- a stream that counts
    async *open() {
      for (; opened < 1_000; opened += 1) yield new Uint8Array(3_000)
    },
  })
  const pieces = body.open()[Symbol.asyncIterator]()
  await pieces.next()
  await pieces.next()
  t.ok(opened <= 1)
})

t.test('what is asked is never a suffix, never past the end, never 0-0, and nothing at all for the whole', (t) => {
  t.same(rangeQuestion(undefined, 100, true), { header: undefined, asked: { start: 0, end: 100 } })
  t.same(rangeQuestion({ start: 0, end: 100 }, 100, true), { header: undefined, asked: { start: 0, end: 100 } })
  t.same(rangeQuestion({ start: 10, end: 20 }, 100, true), { header: 'bytes=10-19', asked: { start: 10, end: 20 } })
  t.same(rangeQuestion({ start: 99, end: 100 }, 100, true), { header: 'bytes=99-99', asked: { start: 99, end: 100 } })
  t.same(rangeQuestion({ start: 0, end: 1 }, 100, true), { header: 'bytes=0-1', asked: { start: 0, end: 2 } })
  t.same(rangeQuestion({ start: 0, end: 1 }, 2, true), { header: undefined, asked: { start: 0, end: 2 } })
  t.same(rangeQuestion({ start: 10, end: 20 }, 100, false), { header: undefined, asked: { start: 0, end: 100 } })
  t.end()
})

t.test('only an exact Content-Range is believed', (t) => {
  const question = rangeQuestion({ start: 10, end: 20 }, 100, true)
  const judge = (status: number, contentRange: string | undefined, contentLength: string | undefined): string => {
    const verdict = judgeRange(question, 100, { status, contentRange, contentLength })
    return verdict.verdict === 'take' ? `take ${verdict.carries.start}-${verdict.carries.end}` : verdict.verdict
  }
  t.equal(judge(206, 'bytes 10-19/100', '10'), 'take 10-20')
  t.equal(judge(206, 'bytes 10-19/100', undefined), 'take 10-20')
  t.equal(judge(206, 'bytes 10-19/100', '11'), 'mismatch')
  t.equal(judge(206, 'bytes 10-19/101', '10'), 'mismatch', 'the file has another size now')
  t.equal(judge(206, 'bytes 10-15/100', '6'), 'mismatch')
  t.equal(judge(206, undefined, '10'), 'ask-whole', 'way C')
  t.equal(judge(206, undefined, '100'), 'take 0-100')
  t.equal(judge(206, undefined, undefined), 'take 0-100')
  t.equal(judge(200, undefined, '100'), 'take 0-100')
  t.equal(judge(200, 'bytes 10-19/100', '100'), 'take 0-100')
  t.equal(judge(200, undefined, '99'), 'mismatch')
  t.end()
})
