/**
 * Requests that are nearly right: the kernel's own, with handles and nodes that are open, and then something in them is
 * not as it should be. Nothing in the process may fail by it, and each has exactly one reply. ELASTIC_DRIVE_FUZZ_SEED runs
 * a seed again. Requests of mere chance are in wire.test.ts.
 */
import { randomInt } from 'node:crypto'
import t from 'tap'
import type { Log } from '../../src/base/log.js'
import { DriveError } from '../../src/base/errors.js'
import { seededRandom } from '../../src/base/random.js'
import { OPCODES, SIZE, type OperationName } from '../../src/engine/wire-layout.js'
import type { FileSystem } from '../../src/fs/operations.js'
import { MemoryFileSystem } from './memory-file-system.js'
import { scriptedSession, type ScriptedSession } from './scripted-session.js'

const SEED = Number(process.env.ELASTIC_DRIVE_FUZZ_SEED ?? randomInt(2 ** 31))
const REQUESTS = 30_000
const MOST_BYTES = 1 << 20
const HEADER_BYTES = SIZE.inHeader
const NAMES = ['a', 'b', 'c', 'folder', '.', '..', 'x'.repeat(255), 'é', ''] as const
const HOSTILE = [0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n] as const
const SILENT: readonly number[] = [OPCODES.forget, OPCODES.batchForget]

const random = seededRandom(SEED)
const below = (bound: number): number => Math.floor(random.fraction() * bound)
const oneIn = (count: number): boolean => below(count) === 0
function one<T>(list: readonly T[]): T {
  const found = list[below(list.length)]
  if (found === undefined) throw new Error('chosen from an empty list')
  return found
}

type Part = number | bigint | string | Uint8Array

/** Numbers are 32 bits, bigints 64, texts end with a zero byte. */
function bytesOf(parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(`${part}\0`)
      if (typeof part === 'object') return part
      const number = Buffer.alloc(typeof part === 'number' ? 4 : 8)
      if (typeof part === 'number') number.writeUInt32LE(part >>> 0)
      else number.writeBigUInt64LE(part)
      return number
    }),
  )
}

/** What the kernel has: nodes and handles that replies gave. */
class Known {
  readonly nodes: bigint[] = [1n]
  readonly handles: bigint[] = [0n]

  learn(opcode: number, data: Buffer): void {
    if (opcode === OPCODES.lookup || opcode === OPCODES.create || opcode === OPCODES.mkdir || opcode === OPCODES.symlink) this.nodes.push(data.readBigUInt64LE(0))
    if (opcode === OPCODES.create) this.handles.push(data.readBigUInt64LE(SIZE.entryOut))
    if (opcode === OPCODES.open || opcode === OPCODES.opendir) this.handles.push(data.readBigUInt64LE(0))
  }

  /** The body of a request as the kernel makes it (fuse_…_in, then names or data). */
  body(operation: OperationName): readonly Part[] {
    const [handle, node, name, size] = [one(this.handles), one(this.nodes), one(NAMES), below(9000)]
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the others begin with a handle, or have nothing
    switch (operation) {
      case 'lookup':
      case 'unlink':
      case 'rmdir':
      case 'removexattr': return [name]
      case 'forget': return [BigInt(below(3))]
      case 'batchForget': return [below(4), 0, node, 1n, node, 1n]
      case 'getattr': return [below(2), 0, handle]
      case 'setattr': return [below(4096), 0, handle, BigInt(size), 0n, 0n, 0n, 0n, 0, 0, 0, 0o644, 0, 0, 0, 0]
      case 'symlink': return [name, 'target']
      case 'mkdir': return [0o755, 0, name]
      case 'mknod': return [0o100644, 0, 0, 0, name]
      case 'rename': return [node, name, one(NAMES)]
      case 'rename2': return [node, below(4), 0, name, one(NAMES)]
      case 'link': return [node, name]
      case 'open': return [below(3), 0]
      case 'create': return [below(3), 0o644, 0, 0, name]
      case 'read':
      case 'readdir':
      case 'readdirplus': return [handle, BigInt(below(5000)), size, 0, 0n, 0, 0]
      case 'write': return [handle, BigInt(below(5000)), size, 0, 0n, 0, 0, Buffer.alloc(size, 7)]
      case 'fsync':
      case 'fsyncdir': return [handle, below(2), 0]
      case 'flush':
      case 'release':
      case 'releasedir': return [handle, 0n, 0n]
      case 'setxattr': return [3, below(4), `user.${name}`, Buffer.from('abc')]
      case 'getxattr': return [size, 0, `user.${name}`]
      case 'listxattr': return [size, 0]
      case 'fallocate': return [handle, BigInt(below(5000)), BigInt(size), below(4), 0]
      case 'lseek': return [handle, 0n, below(5), 0]
      case 'copyFileRange': return [handle, 0n, node, handle, 0n, BigInt(size), 0n]
      default: return [handle, BigInt(size)]
    }
  }
}

function request(opcode: number, node: bigint, body: readonly Part[]): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), bytesOf(body)])
  bytes.writeUInt32LE(bytes.length, 0)
  bytes.writeUInt32LE(opcode, 4)
  bytes.writeBigUInt64LE(node, 16)
  return bytes
}

/** Something in it is not so; its header stays whole, as native code makes sure. */
function spoil(bytes: Buffer): Buffer {
  switch (below(7)) {
    case 0:
      return bytes.subarray(0, HEADER_BYTES + below(bytes.length - HEADER_BYTES + 1))
    case 1:
      return Buffer.concat([bytes, Buffer.alloc(below(100), below(256))])
    case 2:
      bytes.writeUInt16LE(one([1, 2, 65_535]), 36) // extensions
      return bytes
    case 3:
      bytes.writeBigUInt64LE(one(HOSTILE), 16) // the node
      return bytes
    case 4:
      bytes.writeUInt32LE(below(4) === 0 ? below(2 ** 32) : below(60), 4) // the opcode
      return bytes
    case 5:
      if (bytes.length >= HEADER_BYTES + 8) bytes.writeBigUInt64LE(one(HOSTILE), HEADER_BYTES + 8 * below(Math.min(Math.floor((bytes.length - HEADER_BYTES) / 8), 6)))
      return bytes
    default:
      for (let count = below(6); count >= 0 && bytes.length > HEADER_BYTES; count -= 1) bytes[HEADER_BYTES + below(Math.min(bytes.length - HEADER_BYTES, 120))] = below(256)
      return bytes
  }
}

/** A filesystem that refuses what memory is too small for, and answers now and then later. */
function fileSystem(): { memory: MemoryFileSystem; served: FileSystem } {
  const memory = new MemoryFileSystem({ uid: 1, gid: 1 })
  memory.tree.add(memory.tree.root, 'folder', 'directory', 0o755)
  memory.forget = () => undefined // hostile counts are looked at in wire.test.ts
  const served = new Proxy<FileSystem>(memory, {
    get: (_, operation) => {
      const call = Reflect.get(memory, operation) as unknown
      if (typeof call !== 'function') return call
      return (...args: readonly unknown[]): unknown => {
        const isVast = args.some((arg) => (typeof arg === 'number' ? arg > MOST_BYTES : typeof arg === 'object' && arg !== null && 'sizeBytes' in arg && Number(arg.sizeBytes) > MOST_BYTES))
        if (isVast && (operation === 'write' || operation === 'setattr' || operation === 'fallocate')) throw new DriveError('file-too-large', 'more than memory is meant for')
        const answer: unknown = Reflect.apply(call, memory, args)
        return oneIn(4) && operation !== 'forget' ? new Promise((resolve) => { setImmediate(resolve, answer) }) : answer
      }
    },
  })
  return { memory, served }
}

/** What the kernel would refuse, and so leave somebody waiting for ever. */
function fault(session: ScriptedSession, id: number, bytes: Buffer): string | undefined {
  const opcode = bytes.readUInt32LE(4)
  const reply = session.replies.get(id)
  if (SILENT.includes(opcode)) return reply === undefined ? undefined : 'a reply to what has none'
  if (reply === undefined) return 'no reply'
  if ('errno' in reply) return reply.errno >= 0 && reply.errno < 512 ? undefined : `errno ${reply.errno}`
  const limited: readonly number[] = [OPCODES.read, OPCODES.readdir, OPCODES.readdirplus]
  if (limited.includes(opcode) && reply.data.length > bytes.readUInt32LE(HEADER_BYTES + 16)) return 'more than was asked for'
  return undefined
}

void t.test('requests that are nearly right get one reply each, and nothing fails by them', async (t) => {
  t.comment(`seed ${SEED}`)
  // What has no reply that could carry it is logged under its own code.
  const failures: object[] = []
  const log: Log = { error: (fields: { code?: string }) => { if (fields.code !== 'invalid') failures.push(fields) }, warn: () => undefined, info: () => undefined, debug: () => undefined, child: () => log }
  const { memory, served } = fileSystem()
  const session = scriptedSession(served, log)
  const known = new Known()
  const operations = (Object.keys(OPCODES) as OperationName[]).filter((name) => name !== 'interrupt' && name !== 'notifyReply')
  let asked: { id: number; bytes: Buffer; whole: boolean }[] = []
  let succeeded = 0
  for (let count = 0; count < REQUESTS; count += 1) {
    const operation = one(operations)
    const whole = oneIn(3)
    const right = request(OPCODES[operation], one(known.nodes), known.body(operation))
    const bytes = whole ? right : spoil(right)
    // The engine keeps nothing of what it was handed: a copy stays for the check.
    const id = session.requestBytes(Buffer.from(bytes), oneIn(4))
    asked.push({ id, bytes, whole })
    if (oneIn(5)) session.interrupt(oneIn(2) ? id : below(count + 1))
    if (count % 50 !== 49) continue
    for (let turn = 0; turn < 4; turn += 1) await new Promise(setImmediate) // some answer later, in several steps
    for (const { id, bytes, whole } of asked) {
      const wrong = fault(session, id, bytes)
      if (wrong !== undefined) t.fail(`${wrong} (seed ${SEED}): ${bytes.toString('hex')}`)
      const reply = session.replies.get(id)
      if (whole && reply !== undefined && 'data' in reply && reply.data.length > 0) {
        succeeded += 1
        known.learn(bytes.readUInt32LE(4), reply.data)
      }
      session.replies.delete(id)
    }
    asked = []
    if (known.nodes.length > 60) known.nodes.splice(1, 30)
    if (known.handles.length > 60) known.handles.splice(1, 30)
  }
  t.equal(session.strayReplies, 0)
  t.equal(session.usedSlots.size, 0, 'every slot is given back')
  t.strictSame(failures, [], `only failures that have a name (seed ${SEED})`)
  t.ok(succeeded > REQUESTS / 30, `${succeeded} were served`)
  t.ok(memory.tree.nodes.size > 2, 'and changed something')
})
