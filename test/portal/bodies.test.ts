import t from 'tap'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../../src/base/random.js'
import type { Caller } from '../../src/portal/account.js'
import { ContentStore } from '../../src/portal/content-store.js'
import type { IncomingContent } from '../../src/portal/incoming.js'
import { JsonBodyReader } from '../../src/portal/json-body.js'
import { boundaryOf, MultipartReader } from '../../src/portal/multipart.js'
import { parseQuery } from '../../src/portal/parameters.js'
import { SignedLinks } from '../../src/portal/signed-links.js'

async function store(test: Pick<typeof t, 'teardown'>): Promise<{ contents: ContentStore; dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'elastic-drive-test-'))
  test.teardown(() => rm(dir, { recursive: true, force: true }))
  const contents = new ContentStore({ dir, random: seededRandom(7), headBytes: () => new Uint8Array() })
  await contents.prepare()
  return { contents, dir }
}

async function bytesOf(contents: ContentStore, incoming: IncomingContent | undefined): Promise<Buffer> {
  if (incoming === undefined) throw new Error('no content came')
  const parts: Uint8Array[] = []
  for await (const part of contents.read(incoming.content, 0, incoming.content.sizeBytes)) parts.push(part)
  return Buffer.concat(parts)
}

async function feed(reader: { feed(chunk: Buffer): Promise<void> }, body: Buffer, chunkBytes: number): Promise<void> {
  for (let at = 0; at < body.length; at += chunkBytes) await reader.feed(body.subarray(at, at + chunkBytes))
}

void t.test('E-36: a form is the same in chunks of any length, also where a chunk ends inside a boundary', async (t) => {
  const { contents } = await store(t)
  const content = Buffer.from('one\r\n--Boun\r\n--\r\n\r\n--two\r\n--B')
  const body = Buffer.concat([
    Buffer.from('preamble\r\n--Bound\r\nContent-Disposition: form-data; name="filter[ID]"\r\n\r\n5\r\n'),
    Buffer.from('--Bound\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'),
    content,
    Buffer.from('\r\n--Bound--\r\nepilogue'),
  ])
  for (const chunkBytes of [1, 2, 3, 5, 7, 16, 1000]) {
    const reader = new MultipartReader(contents, 'Bound')
    await feed(reader, body, chunkBytes)
    const { fields, files } = await reader.finish()
    t.same(JSON.stringify(fields), '{"filter":{"ID":"5"}}', `${chunkBytes}`)
    t.equal(files.get('file')?.fileName, 'a.txt')
    t.ok((await bytesOf(contents, files.get('file'))).equals(content), `${chunkBytes}`)
  }
})

void t.test('E-36: a form that ends in the middle of a file has no file', async (t) => {
  const { contents, dir } = await store(t)
  const reader = new MultipartReader(contents, 'B')
  await feed(reader, Buffer.from('--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhalf'), 10)
  t.equal((await reader.finish()).files.size, 0)
  t.same(await readdir(join(dir, 'incoming')), [])
})

void t.test('E-6: the boundary may be quoted', (t) => {
  t.equal(boundaryOf('multipart/form-data; boundary="a b"'), 'a b')
  t.equal(boundaryOf('multipart/form-data; charset=utf-8; boundary=ab'), 'ab')
  t.equal(boundaryOf('application/json'), undefined)
  t.end()
})

void t.test('E-35: long base64 is decoded in chunks of any length, with its escapes; other texts stay as they are', async (t) => {
  const { contents } = await store(t)
  const bytes = Buffer.from(seededRandom(3).hex(300_000), 'hex')
  const base64 = bytes.toString('base64')
  const json = `{"id":"5","note":"quote \\" and \\\\","fileContent":["a \\"name\\"","${base64.replaceAll('/', '\\/').replaceAll('+', '\\u002b')}"],"last":true}`
  for (const chunkBytes of [997, 4096, 65_536, 10_000_000]) {
    const reader = new JsonBodyReader(contents)
    await feed(reader, Buffer.from(json), chunkBytes)
    const parameters = (await reader.finish()) as { id: string; note: string; fileContent: [string, IncomingContent]; last: boolean }
    t.same([parameters.id, parameters.note, parameters.fileContent[0], parameters.last], ['5', 'quote " and \\', 'a "name"', true])
    t.ok((await bytesOf(contents, parameters.fileContent[1])).equals(bytes), `${chunkBytes}`)
    t.equal(reader.incoming.length, 1)
  }
})

void t.test('E-6: JSON that is broken, cut off or no object is no parameters', async (t) => {
  const { contents, dir } = await store(t)
  for (const broken of ['', 'null', '5', '"text"', '{"a":', '{"a":"never closed', `{"fileContent":"${'A'.repeat(400_000)}`]) {
    const reader = new JsonBodyReader(contents)
    await feed(reader, Buffer.from(broken), 1000)
    t.same(Object.keys(await reader.finish()), [], broken.slice(0, 20))
  }
  t.same(await readdir(join(dir, 'incoming')), [])
})

void t.test('E-6: PHP’s way with names of parameters', (t) => {
  const parsed = (query: string): unknown => JSON.parse(JSON.stringify(parseQuery(query)))
  t.same(parsed('a=1&b[]=2&b[]=3&c[x][y]=4&d&e+f=5&g.h=6'), { a: '1', b: { 0: '2', 1: '3' }, c: { x: { y: '4' } }, d: '', e_f: '5', g_h: '6' })
  t.same(parsed('a=1&a=2&filter%5B%3EID%5D=%D1%8F+b'), { a: '2', filter: { '>ID': 'я b' } })
  t.same(parsed('a%ZZ=%'), { 'a%ZZ': '%' })
  t.same(parsed('__proto__[x]=1'), JSON.parse('{"__proto__":{"x":"1"}}'))
  t.equal(({} as Record<string, unknown>).x, undefined)
  t.end()
})

void t.test('E-51: a link is bound to the auth it was made for and to its purpose', (t) => {
  const links = new SignedLinks({ secret: 'secret', random: seededRandom(1) })
  const caller: Caller = { userId: 1, scopes: [], credential: 'webhook token', authText: '1|one', linkStart: (action) => `/rest/1/one/${action}/?` }
  const token = new URL(links.make('download', caller, { id: '5' }), 'http://x').searchParams.get('token') ?? ''
  t.equal(links.read('download', caller, token).id, '5')
  t.throws(() => links.read('download', { ...caller, authText: '1|two' }, token), /Link check failed/)
  t.throws(() => links.read('upload', caller, token), /Link check failed/)
  t.throws(() => links.read('download', caller, ''), /Link check failed/)
  t.end()
})
