/** A native session without a kernel: a test puts requests into its batch, byte by byte, and reads the replies. */
import { constants } from 'node:os'
import { silentLog, type Log } from '../../src/base/log.js'
import { systemClock } from '../../src/base/clock.js'
import type { FuseAddon, FuseSession } from '../../src/engine/fuse-addon.js'
import { KernelSession } from '../../src/engine/kernel-session.js'
import type { FileSystem } from '../../src/fs/operations.js'

const RECORD_BYTES = 24
const HEADER_BYTES = 40
const SLOT_BYTES = 64 * 1024

export type Reply = { readonly errno: number } | { readonly data: Buffer }

export class ScriptedSession implements FuseSession {
  readonly replies = new Map<number, Reply>()
  /** Replies to ids that had one already, or that never were: a broken promise of the engine. */
  strayReplies = 0
  /** Answered to every reply instead of 0. */
  refuseWith = 0
  readonly #batch: Uint8Array
  readonly #wake: () => void
  readonly #records: Buffer[] = []
  readonly #ids = new Set<number>()
  readonly #interrupted = new Set<number>()
  readonly #slots: ArrayBuffer[] = []
  /** Given out and not released. */
  readonly usedSlots = new Set<number>()
  #lastId = 0

  constructor(batch: Uint8Array, wake: () => void) {
    this.#batch = batch
    this.#wake = wake
  }

  /** Hands one request to the engine; answers its id. `body` is what follows the header. */
  request(opcode: number, node: number, body: Uint8Array, extensionUnits = 0): number {
    const request = Buffer.alloc(HEADER_BYTES + body.byteLength)
    request.writeUInt32LE(request.length, 0)
    request.writeUInt32LE(opcode, 4)
    request.writeBigUInt64LE(BigInt(node), 16)
    request.writeUInt16LE(extensionUnits, 36)
    request.set(body, HEADER_BYTES)
    return this.requestBytes(request)
  }

  /** As `request`, with its header; in a slot, as native code leaves large ones. */
  requestBytes(request: Uint8Array, inSlot = false): number {
    const id = (this.#lastId += 1)
    this.#ids.add(id)
    this.#push(1, id, request, inSlot)
    return id
  }

  /** Whoever asked this is interrupted. */
  interrupt(id: number): void {
    this.#interrupted.add(id)
    this.#push(2, id, Buffer.alloc(0), false)
  }

  #push(kind: number, id: number, request: Uint8Array, inSlot: boolean): void {
    const record = Buffer.alloc((RECORD_BYTES + (inSlot ? 0 : request.byteLength) + 7) & ~7)
    record.writeUInt32LE(record.length, 0)
    record.writeUInt32LE(kind, 4)
    record.writeDoubleLE(id, 8)
    record.writeUInt32LE(inSlot ? this.#fillSlot(request) : 0xffff_ffff, 16)
    record.writeUInt32LE(request.byteLength, 20)
    if (!inSlot) record.set(request, RECORD_BYTES)
    this.#records.push(record)
    this.#wake()
  }

  #fillSlot(request: Uint8Array): number {
    let slot = 0
    while (this.usedSlots.has(slot)) slot += 1
    this.usedSlots.add(slot)
    const memory = (this.#slots[slot] ??= new ArrayBuffer(SLOT_BYTES))
    new Uint8Array(memory).set(request)
    return slot
  }

  takeBatch(): number {
    const record = this.#records.shift()
    if (record === undefined) return 0
    // What the batch held before is still behind: nothing may read it.
    this.#batch.set(record)
    return record.length
  }

  replyError(id: number, errno: number): number {
    return this.#replied(id, { errno })
  }

  replyData(id: number, data: Uint8Array, lengthBytes: number): number {
    return this.#replied(id, { data: Buffer.from(data.subarray(0, lengthBytes)) })
  }

  #replied(id: number, reply: Reply): number {
    if (!this.#ids.has(id) || this.replies.has(id)) {
      // One that was interrupted may be answered before the filesystem has its own answer.
      if (!this.#interrupted.has(id)) this.strayReplies += 1
      return constants.errno.ENOENT
    }
    this.replies.set(id, reply)
    return this.refuseWith
  }

  slotBuffer(slot: number): ArrayBuffer | undefined {
    return this.#slots[slot]
  }

  releaseSlot(slot: number): void {
    this.usedSlots.delete(slot)
  }

  notifyInode = (): void => undefined
  notifyEntry = (): void => undefined
  notifyDelete = (): void => undefined
  startAnswering = (): void => undefined
  stopAnswering = (): void => undefined
  hasDirectory = (): boolean => false
  keepDirectory = (): Float64Array => new Float64Array(0)
  dropDirectory = (): void => undefined
  keepItem = (): void => undefined
  applyChanges = (): void => undefined
  dropContent = (): void => undefined
  attachFile = (): number => 0
  detachFile = (): void => undefined
  detachContent = (): void => undefined
  lendFile = (): boolean => false
  recallFile = (): number => 0
  startPassthrough = (): number => 0
  claimFile = (): number => 0
  unclaimFile = (): void => undefined
  openStateOf = (): number => 0
  lentFigures = (): undefined => undefined
  isOpenNatively = (): boolean => false
  takeUsage = (): { folders: Float64Array; contents: Float64Array } => ({ folders: new Float64Array(0), contents: new Float64Array(0) })
  stop = (): void => undefined
  close = (): void => undefined
}

export function scriptedSession(fileSystem: FileSystem, log: Log = silentLog): ScriptedSession {
  let scripted: ScriptedSession | undefined
  class Native extends ScriptedSession {
    constructor(_device: number, _readers: number, batch: Uint8Array, wake: () => void) {
      super(batch, wake)
      // eslint-disable-next-line @typescript-eslint/no-this-alias -- the engine makes it, the test steers it
      scripted = this
    }
  }
  const never = (): never => {
    throw new Error('no kernel here')
  }
  const addon: FuseAddon = { FuseSession: Native, openFuseDevice: never, mount: never, unmount: never, socketPair: never, receiveDescriptor: never }
  new KernelSession({ addon, device: -1, fileSystem, clock: systemClock, log })
  if (scripted === undefined) throw new Error('the engine made no session')
  return scripted
}
