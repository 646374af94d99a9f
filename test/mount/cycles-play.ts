/** Two sides that work on a drive whose connection comes and goes; what follows from it is in the ledger. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { CyclesLedger, type KnownFile } from './cycles-ledger.js'
import type { Dice } from './model-dice.js'
import { MAIN, type Playground } from './playground.js'

export const FOLDERS = ['a', 'b', 'c']
const WORKS = 12 // between two changes of the connection at most
const CRASH_CHANCE = 0.3
const LONGEST_LIFE_MS = 1_200 // of a command that is killed
const SYNC_SECONDS = '60'

export class CyclesPlay {
  readonly ledger = new CyclesLedger()
  readonly counts = { works: 0, kills: 0, killedCommands: 0 }
  readonly #ground: Playground
  readonly #dice: Dice
  #saves = 0
  /** Everything that was ever saved. */
  readonly #byDigest = new Map<string, string>()

  constructor(ground: Playground, dice: Dice) {
    this.#ground = ground
    this.#dice = dice
  }

  /** Somebody here or there does this and that. */
  async work(): Promise<void> {
    for (let left = 1 + this.#dice.below(WORKS); left > 0; left -= 1) {
      const work = this.#dice.pick([this.#saveHere, this.#saveHere, this.#editHere, this.#editHere, this.#renameHere, this.#deleteHere, this.#readHere, this.#readHere, this.#saveThere, this.#saveThere, this.#editThere, this.#renameThere, this.#deleteThere])
      await work.call(this)
      this.counts.works += 1
    }
  }

  /** As `work`; the daemon may die on the way and start again. */
  async workOrCrash(): Promise<void> {
    await this.work()
    if (!this.#dice.chance(CRASH_CHANCE)) return
    await this.#ground.killDaemon()
    this.counts.kills += 1
    await this.#ground.mount()
    await this.work()
  }

  async sync(): Promise<void> {
    await this.#ground.syncAllowing('--wait', SYNC_SECONDS)
    this.#lookedAround(await this.contents())
  }

  /** Both sides are equal; where things are now is known. */
  #lookedAround(found: ReadonlyMap<string, readonly string[]>): void {
    this.ledger.synced()
    for (const [content, paths] of found) {
      for (const file of this.ledger.files.values()) if (file.content === content && !paths.includes(file.path)) file.path = paths[0] ?? file.path
    }
  }

  /** The history is dropped without a disconnect; killed, it goes on or has not begun. */
  async syncInFull(): Promise<void> {
    this.ledger.dropped()
    if (this.#dice.chance(CRASH_CHANCE)) {
      const asking = this.#ground.cli('sync', '--full', '--yes', '--wait', SYNC_SECONDS)
      await new Promise((resolve) => setTimeout(resolve, this.#dice.below(LONGEST_LIFE_MS))) // the random moment
      await this.#ground.killDaemon()
      await asking
      this.counts.kills += 1
      await this.#ground.mount()
      return
    }
    await this.#ground.syncAllowing('--full', '--yes', '--wait', SYNC_SECONDS)
    this.#lookedAround(await this.contents())
  }

  async disconnect(): Promise<void> {
    this.ledger.dropped()
    if (this.#dice.chance(CRASH_CHANCE)) await this.#killed('disconnect', '--yes')
    const { code, stderr } = await this.#ground.cli('disconnect', '--yes')
    if (code !== 0 && !(code === 3 && (await this.#isDisconnected()))) throw new Error(`disconnect ended with ${String(code)}: ${stderr}`)
  }

  async connect(): Promise<void> {
    this.ledger.dropped()
    const args = ['connect', this.#ground.portal.webhook, '--folder', this.#ground.folder]
    if (this.#dice.chance(CRASH_CHANCE)) await this.#killed(...args)
    if (await this.#isDisconnected()) await this.#ground.ok(...args)
    await this.#ground.ok('settings', 'uploadDelay', '1')
    await this.#ground.mount()
  }

  /** Paths on the portal, by content. */
  async contents(): Promise<ReadonlyMap<string, readonly string[]>> {
    const known = this.#byDigest
    const found = new Map<string, string[]>()
    for (const { type, path, sha256 } of await this.#ground.tree()) {
      if (type !== 'file') continue
      const content = known.get(sha256 ?? '') ?? `${path}, which nobody has written`
      found.set(content, [...(found.get(content) ?? []), path])
    }
    return found
  }

  // ---- work ---------------------------------------------------------------------------------------------------------

  async #saveHere(): Promise<void> {
    const tag = this.#newTag('here')
    await this.#writeHere(tag, `${this.#dice.pick(FOLDERS)}/${tag}.txt`)
  }

  async #editHere(): Promise<void> {
    const [tag, file] = this.#any('here-')
    if (file !== undefined && (await this.#isHere(file))) await this.#writeHere(tag, file.path)
  }

  async #writeHere(tag: string, path: string): Promise<void> {
    const content = this.#newContent(tag)
    if (await this.#here(`printf '%s' '${content}' > '${path}'`)) this.ledger.saved(tag, path, content)
  }

  async #renameHere(): Promise<void> {
    const [tag, file] = this.#any('')
    if (file === undefined || !(await this.#isHere(file))) return
    const to = `${this.#dice.pick(FOLDERS)}/${this.#newName(tag)}`
    if (await this.#here(`mv -T '${file.path}' '${to}'`)) this.ledger.renamed(tag, to)
  }

  async #deleteHere(): Promise<void> {
    const [tag, file] = this.#any('here-')
    if (file !== undefined && (await this.#isHere(file)) && (await this.#here(`rm '${file.path}'`))) this.ledger.deleted(tag)
  }

  async #readHere(): Promise<void> {
    const [, file] = this.#any('')
    if (file !== undefined) await this.#isHere(file)
  }

  /** It is under its name, with the bytes that were saved last: after a conflict another may have the name. */
  #isHere({ path, content }: KnownFile): Promise<boolean> {
    return this.#here(`test "$(cat '${path}')" = '${content}'`)
  }

  /** What is not possible now (paused and not downloaded, not in the folder while disconnected) is left. */
  async #here(script: string): Promise<boolean> {
    return (await this.#ground.attempt(script)).code === 0
  }

  async #saveThere(): Promise<void> {
    const tag = this.#newTag('there')
    await this.#writeThere(tag, `${this.#dice.pick(FOLDERS)}/${tag}.txt`)
  }

  async #editThere(): Promise<void> {
    const [tag, path] = await this.#anyThere('there-')
    if (path !== undefined) await this.#writeThere(tag, path)
  }

  async #writeThere(tag: string, path: string): Promise<void> {
    const content = this.#newContent(tag)
    await this.#ground.act({ op: 'write', path, content })
    this.ledger.saved(tag, path, content)
  }

  async #renameThere(): Promise<void> {
    const [tag, path] = await this.#anyThere('')
    if (path === undefined) return
    const name = this.#newName(tag)
    await this.#ground.act({ op: 'rename', path, name })
    this.ledger.renamed(tag, `${path.slice(0, path.lastIndexOf('/') + 1)}${name}`)
  }

  async #deleteThere(): Promise<void> {
    const [tag, path] = await this.#anyThere('there-')
    if (path === undefined) return
    await this.#ground.act({ op: 'trash', path })
    this.ledger.deleted(tag)
  }

  /** A living file whose tag begins so. */
  #any(prefix: string): readonly [string, KnownFile | undefined] {
    const tags = [...this.ledger.files.keys()].filter((tag) => tag.startsWith(prefix))
    if (tags.length === 0) return ['', undefined]
    const tag = this.#dice.pick(tags)
    return [tag, this.ledger.files.get(tag)]
  }

  /** The same, and where the portal has its newest bytes, if it does. */
  async #anyThere(prefix: string): Promise<readonly [string, string | undefined]> {
    const [tag, file] = this.#any(prefix)
    return [tag, file === undefined ? undefined : (await this.contents()).get(file.content)?.[0]]
  }

  #newTag(side: 'here' | 'there'): string {
    return `${side}-${(this.#saves += 1)}`
  }

  #newName(tag: string): string {
    return `${tag}-${(this.#saves += 1)}.txt`
  }

  #newContent(tag: string): string {
    const content = `${tag} save ${(this.#saves += 1)}`
    this.#byDigest.set(createHash('sha256').update(content).digest('hex'), content)
    return content
  }

  // ---- the command line ---------------------------------------------------------------------------------------------

  /** The command dies at a random moment, or has ended before. */
  async #killed(...args: readonly string[]): Promise<void> {
    const command = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ELASTIC_DRIVE_HOME: this.#ground.home }, stdio: 'ignore' })
    const ended = once(command, 'exit')
    const timer = setTimeout(() => command.kill('SIGKILL'), this.#dice.below(LONGEST_LIFE_MS)) // the random moment
    const [, signal] = (await ended) as [number | null, NodeJS.Signals | null]
    clearTimeout(timer)
    if (signal === 'SIGKILL') this.counts.killedCommands += 1
  }

  async #isDisconnected(): Promise<boolean> {
    const { connection } = JSON.parse((await this.#ground.cli('status', '--json')).stdout) as { connection: string }
    return connection === 'disconnected'
  }
}
