import t from 'tap'
import { FakeClock } from '../../src/base/clock.js'
import { planBody } from '../../src/portal/ranges.js'
import { base64, portalFor } from './drive-client.js'
import { text } from './json.js'

void t.test('E-51: a download URL dies with the webhook, is refused when tampered with, and checks rights anew', async (t) => {
  const portal = await portalFor(t)
  const made = await portal.act('write', { storage: '12', as: 'colleague', path: 'a.txt', content: 'a' })
  await portal.act('rights', { storage: '12', path: 'a.txt', level: 'read' })
  const url = text((await portal.result('disk.file.get', { id: made.id })).DOWNLOAD_URL)
  t.equal((await portal.fetch(url)).text, 'a')
  const tampered = await portal.fetch(url.replace(/.$/, 'x'))
  t.equal(tampered.status, 403)
  t.equal(tampered.json.error, 'ACCESS_DENIED')
  await portal.act('rights', { storage: '12', path: 'a.txt', level: 'none' })
  t.equal((await portal.fetch(url)).status, 403)
  await portal.act('rights', { storage: '12', path: 'a.txt', level: 'read' })
  await portal.hook('account', { revoked: true })
  const dead = await portal.fetch(url)
  t.equal(dead.status, 401)
  t.match(dead.headers.get('content-type'), /json/)
})

void t.test('E-51: an old URL serves the newest content', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt', 'one')
  await portal.result('disk.file.uploadVersion', { id: file.ID, fileContent: base64('two') })
  t.equal((await portal.fetch(text(file.DOWNLOAD_URL))).text, 'two')
})

void t.test('E-52 A: as nginx: clamped ends, suffixes, 416', (t) => {
  const plan = (header: string | undefined): object => {
    const { status, start, end, declaredBytes, headers } = planBody('A', header, 100)
    return { status, start, end, declaredBytes, range: headers['Content-Range'] }
  }
  t.same(plan(undefined), { status: 200, start: 0, end: 100, declaredBytes: 100, range: undefined })
  t.same(plan('bytes=10-19'), { status: 206, start: 10, end: 20, declaredBytes: 10, range: 'bytes 10-19/100' })
  t.same(plan('bytes=0-0'), { status: 206, start: 0, end: 1, declaredBytes: 1, range: 'bytes 0-0/100' })
  t.same(plan('bytes=90-'), { status: 206, start: 90, end: 100, declaredBytes: 10, range: 'bytes 90-99/100' })
  t.same(plan('bytes=90-500'), { status: 206, start: 90, end: 100, declaredBytes: 10, range: 'bytes 90-99/100' })
  t.same(plan('bytes=-10'), { status: 206, start: 90, end: 100, declaredBytes: 10, range: 'bytes 90-99/100' })
  t.match(plan('bytes=100-'), { status: 416, range: 'bytes */100' })
  t.match(plan('bytes=20-10'), { status: 416 })
  t.end()
})

void t.test('E-52 B: the quirks of PHP', (t) => {
  const plan = (header: string): object => {
    const { status, start, end, declaredBytes } = planBody('B', header, 100)
    return { status, start, end, declaredBytes }
  }
  t.same(plan('bytes=10-19'), { status: 206, start: 10, end: 20, declaredBytes: 10 })
  t.same(plan('bytes=90-'), { status: 206, start: 90, end: 100, declaredBytes: 10 })
  t.same(plan('bytes=-10'), { status: 200, start: 0, end: 11, declaredBytes: 11 }, 'a suffix is the beginning, one byte more')
  t.same(plan('bytes=90-150'), { status: 206, start: 90, end: 100, declaredBytes: 61 }, 'the end is not clamped')
  t.same(plan('bytes=0-0'), { status: 206, start: 0, end: 100, declaredBytes: 100 }, 'an end of 0 is the whole file')
  t.same(plan('bytes=20-10'), { status: 206, start: 0, end: 100, declaredBytes: 100 })
  t.same(plan('bytes=1-2,5-6'), { status: 206, start: 1, end: 3, declaredBytes: 2 }, 'the first of several')
  t.same(plan('lines=1-2'), { status: 206, start: 1, end: 3, declaredBytes: 2 }, 'any unit')
  t.equal(planBody('B', undefined, 100).headers['Content-Range'], 'bytes 0-99/100', 'Content-Range on a 200')
  t.end()
})

void t.test('E-52: modes on the wire: A and B serve the part, D everything, by trait or by one fault', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt', '0123456789')
  const ranged = (): ReturnType<typeof portal.fetch> => portal.fetch(text(file.DOWNLOAD_URL), { headers: { Range: 'bytes=2-4' } })
  const a = await ranged()
  t.same([a.status, a.text, a.headers.get('content-range')], [206, '234', 'bytes 2-4/10'])
  await portal.hook('traits', { rangeMode: 'B' })
  t.same([(await ranged()).status, (await ranged()).text], [206, '234'])
  await portal.hook('faults', { method: 'download', kind: 'range-mode', mode: 'D' })
  const d = await ranged()
  t.same([d.status, d.text, d.headers.get('content-range')], [200, '0123456789', null])
  t.equal((await ranged()).status, 206, 'the fault hit once')
})

void t.test('E-52 C: 206 without Content-Range, a partial length, then the whole body', async (t) => {
  const portal = await portalFor(t, { traits: { rangeMode: 'C' } })
  const file = await portal.file('31', 'a.txt', '0123456789')
  const url = new URL(text(file.DOWNLOAD_URL))
  const { connect } = await import('node:net')
  const raw = await new Promise<string>((resolve, reject) => {
    let received = ''
    const socket = connect(Number(url.port), '127.0.0.1', () => {
      socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: x\r\nRange: bytes=2-4\r\nConnection: close\r\n\r\n`)
    })
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.on('end', () => {
      resolve(received)
    })
    socket.on('error', reject)
  })
  t.match(raw, /^HTTP\/1\.1 206 /)
  t.match(raw, /content-length: 3\r\n/i)
  t.notMatch(raw, /content-range/i)
  t.ok(raw.endsWith('\r\n\r\n0123456789'))
})

void t.test('E-53: no validators, unless the trait of nginx gives them and honours If-Range', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt', '0123456789')
  const plain = await portal.fetch(text(file.DOWNLOAD_URL), { headers: { 'If-None-Match': '*' } })
  t.same([plain.status, plain.headers.get('etag'), plain.headers.get('last-modified')], [200, null, null])
  await portal.hook('traits', { downloadValidators: 'strong' })
  const etag = (await portal.fetch(text(file.DOWNLOAD_URL))).headers.get('etag') ?? ''
  t.ok(etag)
  const range = (condition: string): ReturnType<typeof portal.fetch> => portal.fetch(text(file.DOWNLOAD_URL), { headers: { Range: 'bytes=0-1', 'If-Range': condition } })
  t.equal((await range(etag)).status, 206)
  t.equal((await range('"other"')).status, 200)
})

void t.test('E-54: Content-Disposition has the name in ASCII and in UTF-8', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'Отчёт за год.txt')
  const header = (await portal.fetch(text(file.DOWNLOAD_URL))).headers.get('content-disposition')
  t.equal(header, `attachment; filename="Otchyet za god.txt"; filename*=utf-8''${encodeURIComponent('Отчёт за год.txt')}`)
})

void t.test('8.2: HEAD tells the length and sends nothing', async (t) => {
  const portal = await portalFor(t)
  const file = await portal.file('31', 'a.txt', '0123456789')
  const head = await portal.fetch(text(file.DOWNLOAD_URL), { method: 'HEAD' })
  t.same([head.status, head.headers.get('content-length'), head.text], [200, '10', ''])
  t.equal((await portal.hook('requests')).bytesDown, 0)
})

void t.test('E-57: by trait, a download without User-Agent gets nginx’s bare 404', async (t) => {
  const portal = await portalFor(t, { traits: { emptyAgentDownload: 'nginx-404' } })
  const file = await portal.file('31', 'a.txt')
  const refused = await portal.fetch(text(file.DOWNLOAD_URL), { headers: { 'User-Agent': '' } })
  t.equal(refused.status, 404)
  t.match(refused.text, /nginx/)
  t.equal((await portal.fetch(text(file.DOWNLOAD_URL), { headers: { 'User-Agent': 'x/1' } })).status, 200)
})

void t.test('E-12: downloads do not count for operating', async (t) => {
  const portal = await portalFor(t, { clock: new FakeClock() })
  const file = await portal.file('31', 'a.txt')
  await portal.hook('limits', { operatingSeconds: 0.001, costs: { download: 10 } })
  await portal.fetch(text(file.DOWNLOAD_URL))
  t.equal((await portal.fetch(text(file.DOWNLOAD_URL))).status, 200)
})

void t.test('a computed file is the same by ranges and whole, and as its hash says', async (t) => {
  const portal = await portalFor(t, { seed: 'tree:1x1x300000' })
  const item = (await portal.hook('tree')).find((each) => text(each.type) === 'file')!
  const { DOWNLOAD_URL } = await portal.result('disk.file.get', { id: item.id })
  const bytes = async (range?: string): Promise<Buffer> =>
    Buffer.from(await (await fetch(text(DOWNLOAD_URL), range === undefined ? {} : { headers: { Range: range } })).arrayBuffer())
  const whole = await bytes()
  const { createHash } = await import('node:crypto')
  t.equal(createHash('sha256').update(whole).digest('hex'), item.sha256)
  for (const [start, end] of [
    [0, 10],
    [65_530, 65_560],
    [131_072, 262_200],
    [299_990, 299_999],
  ] as const)
    t.ok((await bytes(`bytes=${start}-${end}`)).equals(whole.subarray(start, end + 1)), `${start}-${end}`)
})
