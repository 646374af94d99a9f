/**
 * The program that is recorded for a loss that has a name: a portal and a whole client in the given directory, and the few calls
 * of that story, with a mark for everything that must be found after a power loss (workload.ts has the random ones).
 */
import { join } from 'node:path'
import { WholeClient } from '../support/whole-client.js'
import { Marks, sha256Of } from './marks.js'
import { isStory, type Story } from './named-stories.js'

const [directory, story] = process.argv.slice(2) as [string, string]

const [FIRST, SECOND, THIRD] = ['first', 'second', 'third'].map((word) => Buffer.from(Array.from({ length: 900 }, (_, line) => `${word} ${line}\n`).join(''))) as [Buffer, Buffer, Buffer]

class Player {
  readonly #client: WholeClient
  readonly #marks: Marks

  constructor(client: WholeClient, marks: Marks) {
    this.#client = client
    this.#marks = marks
  }

  async begin(): Promise<void> {
    await this.#client.act('write', { as: 'owner', path: 'report.txt', content: FIRST.toString('latin1') })
    this.#state('report.txt', FIRST)
    await this.#client.settle()
    await this.#client.read('report.txt')
    this.#marks.put({ kind: 'synced', name: 'report.txt' })
    this.#marks.put({ kind: 'begin' })
  }

  async play(told: Story): Promise<void> {
    if (told === 'an unchanged file with a new name is synced') {
      await this.#renameOver('report.txt', 'letter.txt', FIRST)
      await this.#syncThrough('letter.txt')
      return
    }
    await this.#saveSynced('report.txt.new', SECOND)
    await this.#renameOver('report.txt.new', 'report.txt', SECOND)
    if (told === 'the folder of a new name is synced') {
      await this.#client.syncFolder()
      this.#marks.put({ kind: 'synced', name: 'report.txt' })
      return
    }
    await this.#syncThrough('report.txt')
    await this.#saveSynced('report.txt.newer', THIRD)
    await this.#renameOver('report.txt.newer', 'report.txt', THIRD)
    await this.#client.read('report.txt') // what it replaced is thrown away meanwhile
  }

  async #saveSynced(name: string, bytes: Buffer): Promise<void> {
    this.#marks.put({ kind: 'void', name })
    const file = await this.#client.open(name)
    await file.write(0, bytes)
    this.#state(name, bytes)
    await file.fsync()
    this.#marks.put({ kind: 'synced', name })
    await file.close()
  }

  async #renameOver(from: string, to: string, bytes: Buffer): Promise<void> {
    this.#state(to, bytes)
    this.#marks.put({ kind: 'void', name: from })
    await this.#client.rename(from, to)
  }

  async #syncThrough(name: string): Promise<void> {
    const file = await this.#client.open(name)
    await file.fsync()
    this.#marks.put({ kind: 'synced', name })
    await file.close()
  }

  #state(name: string, bytes: Buffer): void {
    this.#marks.put({ kind: 'state', name, sha256: sha256Of(bytes) })
  }
}

if (!isStory(story)) throw new Error(`there is no story "${story}"`)
const client = await WholeClient.start({ teardown: () => undefined }, { plan: 'self-hosted' }, {
  directory: join(directory, 'home'), portalDirectory: join(directory, 'portal'), bootId: 'before the power loss', uploadDelay: 600,
})
const player = new Player(client, new Marks(directory))
await player.begin()
await player.play(story)
process.exit(0)
