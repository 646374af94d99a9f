/**
 * What the recorded program was told and when, as lines in a file beside its other files, so that the recording holds them in
 * order; and what a portal may hold when the power failed at a moment between them.
 */
import { createHash } from 'node:crypto'
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Recorded } from './recording.js'

const FILE_NAME = 'marks'

export type Mark =
  /** The machine has been up for a while: all that is there is on the disk. */
  | { readonly kind: 'begin' }
  /** The file may end with these bytes from now on: they are about to be closed or synced, or to get this name. */
  | { readonly kind: 'state'; readonly name: string; readonly sha256: string }
  /** The bytes of the newest state were synced, and fsync answered. */
  | { readonly kind: 'synced'; readonly name: string }
  /** The name is about to go, or its bytes are about to be changed where they are: nothing is promised until it is synced again. */
  | { readonly kind: 'void'; readonly name: string }

export class Marks {
  readonly #descriptor: number

  constructor(directory: string) {
    this.#descriptor = openSync(join(directory, FILE_NAME), 'a')
  }

  put(mark: Mark): void {
    writeSync(this.#descriptor, `${JSON.stringify(mark)}\n`)
  }
}

/** Finds the marks among what was recorded, event by event. */
export class MarkReader {
  #inode: bigint | undefined

  read(event: Recorded): Mark | undefined {
    if (event.kind === 'create' && event.path === FILE_NAME) this.#inode = event.inode
    return event.kind === 'write' && event.inode === this.#inode ? (JSON.parse(event.data.toString()) as Mark) : undefined
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Of one name. */
export interface Expectation {
  /** Hashes, oldest first. */
  readonly states: string[]
  /** The portal had a good version before anything happened. */
  hadVersion: boolean
  /** The index of the last that must not be lost; undefined: the name need not be there. */
  synced: number | undefined
}

export function expectations(marks: Iterable<Mark>): ReadonlyMap<string, Expectation> {
  const names = new Map<string, Expectation>()
  const of = (name: string): Expectation => {
    const known = names.get(name) ?? { states: [], hadVersion: false, synced: undefined }
    names.set(name, known)
    return known
  }
  for (const mark of marks) {
    if (mark.kind === 'state') of(mark.name).states.push(mark.sha256)
    else if (mark.kind === 'synced') of(mark.name).synced = of(mark.name).states.length - 1
    else if (mark.kind === 'void') of(mark.name).synced = undefined
    else for (const each of names.values()) each.hadVersion = true
  }
  return names
}
