/**
 * The program that is recorded: a portal and a whole client in the given directory, and what programs do with files there, by a
 * seed, with a mark for everything that may or must be found after a power loss. It ends as the power does, without a word.
 */
import { join } from 'node:path'
import { seededRandom, type Random } from '../../src/base/random.js'
import { WholeClient, type ProgramFile } from '../support/whole-client.js'
import { Marks, sha256Of } from './marks.js'

const [directory, seed] = process.argv.slice(2) as [string, string]
const BASES = ['table.db', 'notes.txt', 'log.txt', 'report.odt']
const ROUNDS = 14

class Program {
  readonly #client: WholeClient
  readonly #marks: Marks
  readonly #random: Random
  /** The newest bytes by name. */
  readonly #files = new Map<string, Buffer>()
  /** Names whose rename is not on the disk for certain, with synced bytes. */
  readonly #renamed = new Set<string>()
  #count = 0

  constructor(client: WholeClient, marks: Marks, random: Random) {
    this.#client = client
    this.#marks = marks
    this.#random = random
  }

  async begin(): Promise<void> {
    for (const name of BASES) {
      const bytes = this.#bytes()
      this.#files.set(name, bytes)
      await this.#client.act('write', { as: 'owner', path: name, content: bytes.toString('latin1') })
      this.#state(name, bytes)
    }
    await this.#client.settle()
    for (const name of BASES) {
      await this.#client.read(name) // here, whole and clean
      this.#marks.put({ kind: 'synced', name })
    }
  }

  async round(): Promise<void> {
    const isSynced = this.#chance(0.5)
    const kind = Math.floor(this.#random.fraction() * 7)
    if (kind === 0) await this.#create(isSynced)
    else if (kind === 1) await this.#change('table.db', isSynced, (bytes) => this.#pages(bytes))
    else if (kind === 2) await this.#change('log.txt', isSynced, (bytes) => [[bytes.length, this.#bytes()]])
    else if (kind === 3) await this.#truncate(isSynced)
    else if (kind === 4) await this.#saveByRename(isSynced)
    else if (kind === 5) await this.#saveInPlace(isSynced)
    else await this.#transaction()
    if (this.#chance(0.25)) await this.#client.settle()
  }

  async #create(isSynced: boolean): Promise<void> {
    const name = `new-${(this.#count += 1)}.bin`
    const bytes = this.#bytes()
    const file = await this.#make(name)
    await this.#writeAll(file, bytes)
    await this.#end(name, file, bytes, isSynced)
  }

  /** Without making the file shorter. */
  async #change(name: string, isSynced: boolean, pieces: (bytes: Buffer) => readonly (readonly [number, Buffer])[]): Promise<void> {
    this.#marks.put({ kind: 'void', name })
    const file = await this.#client.open(name)
    let bytes = this.#files.get(name) ?? Buffer.alloc(0)
    for (const [offset, piece] of pieces(bytes)) {
      const next = Buffer.alloc(Math.max(bytes.length, offset + piece.length))
      bytes.copy(next)
      piece.copy(next, offset)
      bytes = next
      await file.write(offset, piece)
    }
    await this.#end(name, file, bytes, isSynced)
  }

  async #truncate(isSynced: boolean): Promise<void> {
    const bytes = this.#files.get('notes.txt') ?? Buffer.alloc(0)
    const sizeBytes = Math.floor(bytes.length * this.#random.fraction()) + 1
    const cut = Buffer.from(bytes.subarray(0, sizeBytes))
    this.#marks.put({ kind: 'void', name: 'notes.txt' })
    const file = await this.#client.open('notes.txt')
    this.#state('notes.txt', cut) // a truncation is recorded by itself
    await file.truncate(sizeBytes)
    await this.#end('notes.txt', file, cut, isSynced)
  }

  async #saveInPlace(isSynced: boolean): Promise<void> {
    const bytes = this.#bytes()
    this.#marks.put({ kind: 'void', name: 'notes.txt' })
    const file = await this.#client.open('notes.txt', { truncate: true })
    await this.#writeAll(file, bytes)
    await this.#end('notes.txt', file, bytes, isSynced)
  }

  async #saveByRename(isSynced: boolean): Promise<void> {
    const temporary = `report.odt.${(this.#count += 1)}`
    const bytes = this.#bytes()
    const file = await this.#make(temporary)
    await this.#writeAll(file, bytes)
    await this.#end(temporary, file, bytes, isSynced)
    if (!isSynced) this.#marks.put({ kind: 'void', name: 'report.odt' })
    this.#state('report.odt', bytes)
    this.#marks.put({ kind: 'void', name: temporary })
    await this.#client.rename(temporary, 'report.odt')
    this.#files.delete(temporary)
    this.#renamed.delete('report.odt')
    if (!isSynced) return
    this.#renamed.add('report.odt')
    if (!this.#chance(0.5)) return
    await this.#client.syncFolder()
    this.#namesSynced()
  }

  /** As SQLite with a rollback journal. */
  async #transaction(): Promise<void> {
    const journal = 'table.db-journal'
    const before = this.#files.get('table.db') ?? Buffer.alloc(0)
    const file = await this.#make(journal)
    await this.#writeAll(file, before)
    await this.#end(journal, file, before, true)
    await this.#client.syncFolder()
    this.#namesSynced()
    await this.#change('table.db', true, (bytes) => this.#pages(bytes))
    this.#marks.put({ kind: 'void', name: journal })
    await this.#client.unlink(journal)
    this.#files.delete(journal)
  }

  #pages(bytes: Buffer): readonly (readonly [number, Buffer])[] {
    return [0, 1, 2].map(() => {
      const offset = Math.floor((this.#random.fraction() * bytes.length) / 512) * 512
      return [offset, this.#text(700)] as const
    })
  }

  #make(name: string): Promise<ProgramFile> {
    this.#marks.put({ kind: 'void', name })
    return this.#client.open(name)
  }

  async #writeAll(file: ProgramFile, bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += 5_000) await file.write(at, bytes.subarray(at, at + 5_000))
  }

  async #end(name: string, file: ProgramFile, bytes: Buffer, isSynced: boolean): Promise<void> {
    this.#state(name, bytes)
    this.#files.set(name, bytes)
    if (isSynced) {
      await file.fsync()
      this.#marks.put({ kind: 'synced', name })
      this.#namesSynced()
    }
    await file.close()
  }

  #namesSynced(): void {
    for (const name of this.#renamed) this.#marks.put({ kind: 'synced', name })
    this.#renamed.clear()
  }

  #state(name: string, bytes: Buffer): void {
    this.#marks.put({ kind: 'state', name, sha256: sha256Of(bytes) })
  }

  #bytes(): Buffer {
    return this.#text(3_000 + Math.floor(this.#random.fraction() * 30_000))
  }

  /** No two pages alike, so that a torn file is none of the whole ones. */
  #text(length: number): Buffer {
    const line = `${Math.floor(this.#random.fraction() * 2 ** 31)} `
    let text = ''
    for (let index = 0; text.length < length; index += 1) text += `${line}${index}\n`
    return Buffer.from(text.slice(0, length), 'latin1')
  }

  #chance(share: number): boolean {
    return this.#random.fraction() < share
  }
}

const client = await WholeClient.start({ teardown: () => undefined }, { plan: 'self-hosted' }, {
  directory: join(directory, 'home'), portalDirectory: join(directory, 'portal'), bootId: 'before the power loss', uploadDelay: 600,
})
const marks = new Marks(directory)
const program = new Program(client, marks, seededRandom(Number(seed)))
await program.begin()
marks.put({ kind: 'begin' })
for (let round = 0; round < ROUNDS; round += 1) await program.round()
process.exit(0)
