/**
 * What an entry of the dispatch table is: how one opcode is decoded and called, how its answer is encoded, and what must
 * be taken back when the kernel did not get the answer. Also the two helpers every table file uses.
 */
import { DriveError } from '../base/errors.js'
import type { FileSystem } from '../fs/operations.js'
import type { ReplyWriter } from './reply-writer.js'
import type { Request } from './request.js'
import type { WireReader } from './wire-reader.js'

export interface Operation<T> {
  /** Decodes at once (the bytes do not last) and calls the filesystem. */
  call(fileSystem: FileSystem, args: WireReader, request: Request): T | Promise<T>
  encode(reply: ReplyWriter, value: T, request: Request): void
  /** After the reply: gives back what of `value` the kernel did not take (lookups, handles). */
  settle?(fileSystem: FileSystem, value: T, request: Request, delivered: boolean): void | Promise<void>
  /**
   * May be answered EINTR before the filesystem is done, when the asking process is being killed: it changes nothing,
   * or what it changed is taken back by `settle`.
   */
  readonly retractable: boolean
}

/** An opcode that always gets this errno. */
export interface Refusal {
  readonly errno: number
}

/** An opcode without a reply. */
export interface Notification {
  tell(fileSystem: FileSystem, args: WireReader, request: Request): void
}

export type TableEntry = Operation<unknown> | Refusal | Notification

/** A reply without a body. */
export const encodeNothing = (): void => undefined

/** `next` of the answer, without a promise where there is none. */
export function chain<T, U>(answer: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return answer instanceof Promise ? answer.then(next) : next(answer)
}

/** A name that is to be made must be UTF-8. */
export function newName(name: string | undefined): string {
  if (name === undefined) throw new DriveError('bad-name', 'the name is not valid UTF-8')
  return name
}

/** No item has a name that is not UTF-8. */
export function oldName(name: string | undefined): string {
  if (name === undefined) throw new DriveError('not-found', 'no name here is not valid UTF-8')
  return name
}
