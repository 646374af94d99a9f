/** Decoding and encoding against bytes written by hand from the protocol, and against hostile ones. */
import { constants } from 'node:os'
import fc from 'fast-check'
import t from 'tap'
import { DriveError } from '../../src/base/errors.js'
import { asIno } from '../../src/base/ids.js'
import { decodeInit, encodeInit, negotiate } from '../../src/engine/init.js'
import { ReplyWriter } from '../../src/engine/reply-writer.js'
import { INIT, OPCODES } from '../../src/engine/wire-layout.js'
import { WireReader } from '../../src/engine/wire-reader.js'
import { ROOT_NODE, type Attributes, type NodeId } from '../../src/fs/operations.js'
import { MemoryFileSystem } from './memory-file-system.js'
import { scriptedSession } from './scripted-session.js'

const { errno } = constants
const owner = { uid: 1, gid: 2 }

function reader(bytes: Buffer, end = bytes.length): WireReader {
  const wire = new WireReader()
  wire.reset(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, end, true)
  return wire
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => bytes.writeUInt32LE(value >>> 0, index * 4))
  return bytes
}

void t.test('the reader never leaves the request', (t) => {
  t.equal(reader(words(7)).u32(), 7)
  t.throws(() => reader(words(7), 3).u32(), { code: 'invalid' })
  t.throws(() => reader(words(7)).u64(), { code: 'invalid' })
  t.equal(reader(words(1, 2)).u64(), 2 ** 33 + 1)
  t.throws(() => reader(words(0, 2 ** 21)).u64(), { code: 'invalid' }, 'beyond 2^53')
  t.throws(() => reader(words(0, 2 ** 21)).size(), { code: 'file-too-large' })
  t.equal(reader(words(0, 2 ** 30)).offset(), 2 ** 62)
  t.equal(reader(Buffer.from('name\0')).name(), 'name')
  t.throws(() => reader(Buffer.from('name\0'), 4).name(), { code: 'invalid' }, 'the terminator is outside')
  t.throws(() => reader(Buffer.from('\0')).name(), { code: 'invalid' }, 'empty')
  t.throws(() => reader(Buffer.from('a/b\0')).name(), { code: 'invalid' })
  t.equal(reader(Buffer.from('a/b\0')).attributeName(), 'a/b')
  t.equal(reader(Buffer.from([0x63, 0xe9, 0])).name(), undefined, 'not UTF-8')
  t.equal(reader(Buffer.from('\ufffd\0')).name(), '\ufffd')
  t.throws(() => reader(words(1)).data(5), { code: 'invalid' })
  t.throws(() => {
    reader(words(1)).skip(2 ** 31)
  }, { code: 'invalid' })
  t.end()
})

void t.test('an entry is 128 bytes in the order of fuse_entry_out', (t) => {
  const attributes: Attributes = {
    ino: asIno(2 ** 40 + 5),
    kind: 'file',
    mode: 0o644,
    sizeBytes: 2 ** 35 + 3,
    blocks: 9,
    linkCount: 1,
    uid: 1000,
    gid: 100,
    atimeMs: 1500.25,
    mtimeMs: -1.5,
    ctimeMs: 0,
  }
  const reply = new ReplyWriter()
  reply.entry({ node: 77 as NodeId, entryMs: 2500, attributesMs: Infinity, attributes })
  const bytes = Buffer.from(reply.bytes.subarray(0, reply.lengthBytes))
  t.equal(bytes.length, 128)
  const u64 = (at: number): number => Number(bytes.readBigInt64LE(at))
  t.strictSame([u64(0), u64(8), u64(16), u64(24), bytes.readUInt32LE(32), bytes.readUInt32LE(36)], [77, 0, 2, 2 ** 31, 500_000_000, 0])
  t.strictSame([u64(40), u64(48), u64(56)], [2 ** 40 + 5, 2 ** 35 + 3, 9])
  t.strictSame([u64(64), u64(72), u64(80)], [1, -1, 0])
  const rest = Array.from({ length: 10 }, (_, index) => bytes.readUInt32LE(88 + index * 4))
  t.strictSame(rest, [500_250_000, 998_500_000, 0, 0o100644, 1, 1000, 100, 0, 131_072, 0])
  t.end()
})

void t.test('INIT takes what it wants of what a kernel offers, from Linux 5.10 on', (t) => {
  const all = 0xffff_ffff
  const offers = [
    { name: 'Linux 5.10', bytes: words(7, 32, 131_072, all & ~(1 << 30) & ~(1 << 28)), flagged: false, minor: 32, expireOnly: false },
    { name: 'Linux 6.1', bytes: Buffer.concat([words(7, 37, 131_072, all, 7), Buffer.alloc(44)]), flagged: true, minor: 37, expireOnly: false },
    { name: 'Linux 6.18', bytes: Buffer.concat([words(7, 45, 131_072, all, all), Buffer.alloc(44)]), flagged: true, minor: 42, expireOnly: true },
  ]
  for (const { name, bytes, flagged, minor, expireOnly } of offers) {
    const agreement = negotiate(decodeInit(reader(bytes)))
    t.match(agreement, { minor, expireOnly, maxReadaheadBytes: 131_072 }, name)
    const flags = agreement?.flags ?? 0
    t.ok(flags & INIT.parallelDirectoryOperations && flags & INIT.readdirPlus && flags & INIT.atomicTruncate && flags & INIT.maxPages, name)
    t.notOk(flags & (1 << 16) || flags & (1 << 17) || flags & (1 << 1) || flags & (1 << 10), `${name}: no writeback cache, no ENOSYS open, no locks`)
    t.equal((flags & INIT.extended) !== 0, flagged)
    const reply = new ReplyWriter()
    encodeInit(reply, agreement)
    const out = Buffer.from(reply.bytes.subarray(0, reply.lengthBytes))
    t.equal(out.length, 64)
    t.ok(out.readUInt16LE(16) >= 1024, 'max_background')
    t.equal(out.readUInt32LE(20), 1 << 20, 'max_write')
    t.equal(out.readUInt16LE(28), 256, 'max_pages')
  }
  t.equal(negotiate(decodeInit(reader(words(8, 0, 0, 0)))), undefined, 'a newer major is asked to come again')
  t.throws(() => negotiate(decodeInit(reader(words(7, 26, 131_072, 0)))), { code: 'mount-failed' })
  t.throws(() => decodeInit(reader(words(7))), { code: 'invalid' })
  t.end()
})

void t.test('every opcode there is or may be gets exactly one reply, whatever its bytes are', async (t) => {
  const silent = new Set<number>([OPCODES.forget, OPCODES.batchForget])
  const fileSystem = new MemoryFileSystem(owner)
  fileSystem.tree.add(fileSystem.tree.root, 'a', 'directory', 0o755)
  // A hostile count of forgets is not what is looked at here.
  fileSystem.forget = () => undefined
  const session = scriptedSession(fileSystem)
  const opcode = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constantFrom(...Object.values(OPCODES)), fc.nat())
  const number = fc.constantFrom(0, 1, 2, 3, 4096, 65_536, 2 ** 31, 2 ** 32 - 1)
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(fc.array(number, { maxLength: 26 }), fc.constantFrom('', 'a\0', 'b\0', 'a\0b\0', '..\0', 'no terminator', '\0', 'x/y\0'))
      .map(([values, name]) => new Uint8Array(Buffer.concat([words(...values), Buffer.from(name)]))),
  )
  await fc.assert(
    fc.asyncProperty(opcode, fc.constantFrom(0, 1, 2, 3, 2 ** 52), body, fc.constantFrom(0, 0, 1, 65_535), async (code, node, bytes, extensions) => {
      const id = session.request(code, node, bytes, extensions)
      await new Promise(setImmediate)
      const reply = session.replies.get(id)
      if (silent.has(code)) return reply === undefined
      session.replies.delete(id)
      return reply !== undefined && ('errno' in reply ? reply.errno >= 0 && reply.errno < 512 : true)
    }),
    { numRuns: 5000, seed: 7 },
  )
  t.equal(session.strayReplies, 0)
  t.ok(fileSystem.tree.nodes.size > 1, 'it still serves')
})

void t.test('a count of forgets is believed only as far as there are bytes', (t) => {
  const fileSystem = new MemoryFileSystem(owner)
  const forgotten: (readonly [number, number])[] = []
  fileSystem.forget = (node, count) => {
    forgotten.push([node, count])
  }
  const session = scriptedSession(fileSystem)
  session.request(OPCODES.batchForget, 0, words(2 ** 32 - 1, 0, 5, 0, 1, 0, 6, 0, 3, 0, 99))
  session.request(OPCODES.forget, 7, words(4, 0))
  t.strictSame(forgotten, [[5, 1], [6, 3], [7, 4]])
  t.end()
})

void t.test('what the kernel did not take of a reply is given back', async (t) => {
  const fileSystem = new MemoryFileSystem(owner)
  const { tree } = fileSystem
  const directory = tree.add(tree.root, 'd', 'directory', 0o755)
  for (let index = 0; index < 100; index += 1) tree.add(directory, `f${index}`, 'file', 0o644)
  const session = scriptedSession(fileSystem)
  const handleOf = (id: number): number => Number((session.replies.get(id) as { data: Buffer }).data.readBigUInt64LE(0))

  const opened = session.request(OPCODES.opendir, directory.id, words(0, 0))
  const list = words(handleOf(opened), 0, 0, 0, 4096, 0, 0, 0, 0, 0)
  const listed = session.request(OPCODES.readdirplus, directory.id, list)
  const { data } = session.replies.get(listed) as { data: Buffer }
  t.ok(data.length <= 4096 && data.length > 3500)
  t.equal(fileSystem.lookups, Math.floor((4096 - 2 * 160) / 160), 'only entries in the reply count')

  session.refuseWith = errno.ENOENT
  const before = fileSystem.lookups
  const body = (name: string, ...values: readonly number[]): Buffer => Buffer.concat([words(...values), Buffer.from(`${name}\0`)])
  session.request(OPCODES.lookup, ROOT_NODE, body('d'))
  session.request(OPCODES.mkdir, ROOT_NODE, body('new', 0o755, 0))
  session.request(OPCODES.create, ROOT_NODE, body('file', 1, 0o644, 0, 0))
  session.request(OPCODES.open, tree.child(directory, 'f0').id, words(0, 0))
  session.request(OPCODES.opendir, directory.id, words(0, 0))
  session.request(OPCODES.readdirplus, directory.id, list)
  await new Promise(setImmediate)
  t.equal(fileSystem.lookups, before)
  t.equal(fileSystem.openHandles, 1, 'the directory opened first')
})

// [S-80]
void t.test('errors reach the kernel by the table; what is unknown is EIO with one log line', async (t) => {
  const fileSystem = new MemoryFileSystem(owner)
  const lines: object[] = []
  const log = { error: (fields: object) => void lines.push(fields), warn: () => undefined, info: () => undefined, debug: () => undefined, child: () => log }
  const session = scriptedSession(fileSystem, log)
  const failures: readonly (readonly [unknown, number])[] = [
    [new DriveError('offline', ''), errno.ENETUNREACH],
    [new DriveError('quota', ''), errno.EDQUOT],
    [new DriveError('vanished', ''), errno.ESTALE],
    [new TypeError('a bug'), errno.EIO],
    ['not even an error', errno.EIO],
  ]
  for (const [failure, expected] of failures) {
    for (const later of [false, true]) {
      fileSystem.statfs = () => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a bug may throw
        if (later) return Promise.reject(failure)
        throw failure
      }
      const id = session.request(OPCODES.statfs, ROOT_NODE, Buffer.alloc(0))
      await new Promise(setImmediate)
      t.strictSame(session.replies.get(id), { errno: expected })
    }
  }
  t.equal(lines.length, 4)
})
