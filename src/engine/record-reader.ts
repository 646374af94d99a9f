/**
 * Walks one batch of records as native code lays them out (struct Record in native/session.h): u32 bytes, u32 kind,
 * f64 id, u32 slot, u32 length of the request; then the request itself, unless it stands in a slot.
 */
import type { NodeId } from '../fs/operations.js'
import type { FuseSession, RequestId } from './fuse-addon.js'
import type { RequestHeader } from './request.js'
import { SIZE } from './wire-layout.js'
import { WireReader } from './wire-reader.js'

const RECORD_BYTES = 24
const NO_SLOT = 0xffff_ffff
const KINDS = ['end', 'request', 'interrupt', 'end', 'usage'] as const // by number; 0 never comes

interface Memory {
  readonly bytes: Buffer
  readonly view: DataView
}

const memoryOf = (bytes: Buffer): Memory => ({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) })

export class RecordReader {
  /** Room for the largest request that is not left in a slot, many times over. */
  static readonly batchBytes = 256 * 1024

  readonly #session: FuseSession
  readonly #batch: Memory
  readonly #slots: Memory[] = []
  #next = 0
  #end = 0

  // The record that `next` moved to. Valid until the following `next`.
  kind: (typeof KINDS)[number] = 'end'
  id: RequestId = 0
  /** To be released when the request is settled. */
  slot: number | undefined
  readonly header: RequestHeader = { opcode: 0, node: 0 as NodeId, uid: 0, gid: 0, pid: 0 }
  /** Stands at the first byte after the request's header. */
  readonly args = new WireReader()

  constructor(batch: Buffer, session: FuseSession) {
    this.#batch = memoryOf(batch)
    this.#session = session
  }

  start(batchBytes: number): void {
    this.#next = 0
    this.#end = batchBytes
  }

  next(): boolean {
    if (this.#next >= this.#end) return false
    const { view } = this.#batch
    const at = this.#next
    this.#next += view.getUint32(at, true)
    this.kind = KINDS[view.getUint32(at + 4, true)] ?? 'end'
    this.id = view.getFloat64(at + 8, true)
    const slot = view.getUint32(at + 16, true)
    this.slot = slot === NO_SLOT ? undefined : slot
    if (this.kind !== 'request') return true
    const lengthBytes = view.getUint32(at + 20, true)
    if (this.slot === undefined) {
      this.#startRequest(this.#batch, at + RECORD_BYTES, lengthBytes, false)
    } else {
      this.#startRequest(this.#slot(this.slot), 0, lengthBytes, true)
    }
    return true
  }

  /** fuse_in_header: len, opcode, unique, nodeid, uid, gid, pid, u16 total_extlen, u16 padding. */
  #startRequest(memory: Memory, start: number, lengthBytes: number, stable: boolean): void {
    const { view } = memory
    this.header.opcode = view.getUint32(start + 4, true)
    this.header.node = (view.getUint32(start + 16, true) + view.getUint32(start + 20, true) * 2 ** 32) as NodeId
    this.header.uid = view.getUint32(start + 24, true)
    this.header.gid = view.getUint32(start + 28, true)
    this.header.pid = view.getUint32(start + 32, true)
    // Extensions (in units of 8 bytes) stand at the end; none are asked for.
    const extensionBytes = view.getUint16(start + 36, true) * 8
    const end = start + Math.max(lengthBytes - extensionBytes, SIZE.inHeader)
    this.args.reset(memory.bytes, view, start + SIZE.inHeader, end, stable)
  }

  #slot(slot: number): Memory {
    const known = this.#slots[slot]
    if (known !== undefined) return known
    const buffer = this.#session.slotBuffer(slot)
    if (buffer === undefined) throw new RangeError(`native code named slot ${slot}, which it never made`)
    const memory = memoryOf(Buffer.from(buffer))
    this.#slots[slot] = memory
    return memory
  }
}
