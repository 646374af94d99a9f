/**
 * The state on disk: one file of JSON lines, a header and then every change in order, each written before it is answered,
 * so that `kill -9` loses nothing that was acknowledged. A line torn by the kill was never answered and is dropped. At each
 * start the file is written anew without what was overtaken, beside the old one and then over it.
 */
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DriveError, systemCode } from '../base/errors.js'
import type { AccountState } from './account.js'
import type { ApplicationState } from './application.js'
import type { Attachment } from './attachments.js'
import type { Grant } from './levels.js'
import type { Sharing } from './sharings.js'
import type { Counters, TreeStep } from './tree.js'

export interface LedgerHeader {
  readonly portal: 1
  readonly seed: string
  readonly madeSec: number
  readonly secret: string
}

export type LedgerEntry = { readonly steps: readonly TreeStep[]; readonly counters: Counters } | { readonly grant: Grant } | { readonly account: AccountState } | { readonly sharing: Sharing } | { readonly attachment: Attachment } | { readonly application: ApplicationState }

const FILE_NAME = 'state.ndjson'
const NEWLINE = 0x0a

/** Reads what is there; undefined when this directory is new. Fails with `database-damaged`. */
export async function readLedger(dir: string, take: (entry: LedgerEntry) => void, begin: (header: LedgerHeader) => void): Promise<boolean> {
  const path = join(dir, FILE_NAME)
  let size: number
  try {
    size = await soundLength(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
  if (size === 0) return false
  let isFirst = true
  for await (const line of createInterface({ input: createReadStream(path, { end: size - 1 }), crlfDelay: Infinity })) {
    const value = parseLine(path, line)
    if (isFirst) begin(value as LedgerHeader)
    else take(value as LedgerEntry)
    isFirst = false
  }
  return true
}

export class Ledger {
  readonly #path: string
  #descriptor: number | undefined

  constructor(dir: string) {
    this.#path = join(dir, FILE_NAME)
  }

  /** Writes the whole state anew and goes on behind it. */
  async rewrite(header: LedgerHeader, entries: Iterable<LedgerEntry>): Promise<void> {
    const fresh = `${this.#path}.new`
    await rm(fresh, { force: true })
    const file = await open(fresh, 'wx', 0o600)
    try {
      await file.write(`${JSON.stringify(header)}\n`)
      for (const entry of entries) await file.write(`${JSON.stringify(entry)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(fresh, this.#path)
    this.#descriptor = openSync(this.#path, 'a')
  }

  /** Returns when the kernel has the line. */
  append(entry: LedgerEntry): void {
    if (this.#descriptor === undefined) throw new DriveError('internal', 'the portal’s ledger is not open')
    const line = Buffer.from(`${JSON.stringify(entry)}\n`)
    let done = 0
    while (done < line.length) done += writeSync(this.#descriptor, line, done)
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

/** Up to the last complete line. */
async function soundLength(path: string): Promise<number> {
  const file = await open(path, 'r')
  try {
    let end = (await file.stat()).size
    const block = Buffer.alloc(65_536)
    while (end > 0) {
      const start = Math.max(0, end - block.length)
      const { bytesRead } = await file.read(block, 0, end - start, start)
      const at = block.subarray(0, bytesRead).lastIndexOf(NEWLINE)
      if (at >= 0) return start + at + 1
      end = start
    }
    return 0
  } finally {
    await file.close()
  }
}

function parseLine(path: string, line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new DriveError('database-damaged', `The portal's state in ${path} is damaged; start with another directory.`, { cause: error })
  }
}
