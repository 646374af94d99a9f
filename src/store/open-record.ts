/**
 * A small file beside a database that says how its last user ended: absent, in order; a boot id, not in order, in that
 * boot of the machine; anything else, the database was found damaged. A process that dies alone leaves to the kernel what
 * it wrote, so only a machine that went down under an open database makes it doubtful. Not synchronized to the disk: what
 * a power loss in the first seconds takes back is covered by the look that follows each start.
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { systemCode } from '../base/errors.js'

const DAMAGED = 'damaged'

export class OpenRecord {
  readonly #path: string
  readonly #bootId: string

  /** `bootId` differs after each boot of the machine. */
  constructor(databasePath: string, bootId: string) {
    this.#path = `${databasePath}.open`
    this.#bootId = bootId
  }

  /** Whether nothing has happened since the last look that could have damaged the database. */
  async isTrusted(): Promise<boolean> {
    try {
      return (await readFile(this.#path, 'utf8')) === this.#bootId
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return true
      throw error
    }
  }

  noteOpen(): Promise<void> {
    return writeFile(this.#path, this.#bootId, { mode: 0o600 })
  }

  noteDamaged(): Promise<void> {
    return writeFile(this.#path, DAMAGED, { mode: 0o600 })
  }

  noteClosed(): Promise<void> {
    return rm(this.#path, { force: true })
  }
}
