/**
 * One request of the kernel while it is unanswered: who asks, and the signal that tells the filesystem that nobody waits
 * any more. The signal is made only when someone reads it or it is needed, because most requests end at once.
 */
import { DriveError } from '../base/errors.js'
import type { Caller, NodeId } from '../fs/operations.js'
import type { RequestId } from './fuse-addon.js'

/** The parts of the request's header, in one record that is used again. */
export interface RequestHeader {
  opcode: number
  node: NodeId
  uid: number
  gid: number
  pid: number
}

export class Request implements Caller {
  readonly id: RequestId
  readonly opcode: number
  readonly node: NodeId
  readonly uid: number
  readonly gid: number
  /** The asking thread; 0 when it is in another pid namespace. */
  readonly pid: number
  /** How many bytes the reply may have, where the request says so. */
  replyLimit = 0
  /** How many entries of a listing went into the reply. */
  entriesFitted = 0
  #abort: AbortController | undefined
  #aborted = false

  constructor(id: RequestId, header: Readonly<RequestHeader>) {
    this.id = id
    this.opcode = header.opcode
    this.node = header.node
    this.uid = header.uid
    this.gid = header.gid
    this.pid = header.pid
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#aborted) this.#abort.abort(interrupted())
    }
    return this.#abort.signal
  }

  abort(): void {
    this.#aborted = true
    this.#abort?.abort(interrupted())
  }
}

function interrupted(): DriveError {
  return new DriveError('interrupted', 'nobody waits for the answer any more')
}
