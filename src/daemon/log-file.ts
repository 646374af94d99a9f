/**
 * Where the daemon's log goes: a private file that is set aside when it has grown, so that a year of running does not
 * fill the disk. Written at once, because the last lines before a crash are the ones that matter. A log that cannot be
 * written never stops the daemon.
 */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import type { DestinationStream } from 'pino'

const MAX_LOG_BYTES = 10_000_000
const KEPT_LOGS = 3 // daemon.log.1 is the newest of those set aside

export class LogFile implements DestinationStream {
  readonly #path: string
  readonly #maxBytes: number
  /** Undefined after `close`, or when the file cannot be opened. */
  #descriptor: number | undefined
  #sizeBytes = 0

  constructor(path: string, maxBytes = MAX_LOG_BYTES) {
    this.#path = path
    this.#maxBytes = maxBytes
    this.#open()
  }

  write(line: string): void {
    try {
      if (this.#sizeBytes > 0 && this.#sizeBytes + Buffer.byteLength(line) > this.#maxBytes) this.#setAside()
      if (this.#descriptor !== undefined) this.#sizeBytes += writeSync(this.#descriptor, line)
    } catch {
      // The disk is full or the directory is gone: there is no better place to say so than the log itself.
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #open(): void {
    const descriptor = openSync(this.#path, 'a', 0o600)
    this.#descriptor = descriptor
    this.#sizeBytes = fstatSync(descriptor).size
  }

  #setAside(): void {
    this.close()
    for (let number = KEPT_LOGS - 1; number >= 0; number -= 1) {
      const from = number === 0 ? this.#path : `${this.#path}.${number}`
      try {
        renameSync(from, `${this.#path}.${number + 1}`)
      } catch {
        // Not that many logs yet.
      }
    }
    this.#open()
  }
}
