/**
 * A colleague who changes one folder on the portal while the others work: what they did must show in the mount, the
 * content of what was open before must stay, and what is opened after must be the new one.
 */
import { constants as flags } from 'node:fs'
import { ModelFile, pattern } from './model-bytes.js'
import { errorName } from './model-check.js'
import type { Dice } from './model-dice.js'
import type { Runner } from './model-process.js'
import { ModelFolder, walk, type ModelTree } from './model-tree.js'
import { until, type Playground } from './playground.js'

export interface ColleagueOptions {
  readonly ground: Playground
  readonly runner: Runner
  readonly tree: ModelTree
  readonly folder: string
  readonly dice: Dice
  /** Has the drive looked through; `elastic-drive sync` where it is left out. */
  readonly sync?: () => Promise<unknown>
}

interface Trashed {
  readonly id: string
  readonly path: string
  readonly file: ModelFile
}

const ACTS_A_ROUND = 6
const SHOWN_MS = 60_000 // 15 s are promised of a machine that has nothing else to do
const FIRST_SLOT = 9_000_000
const WHOLE = 1_000_000 // more than any file of the model has

interface Held {
  readonly slot: number
  readonly path: string
  readonly bytes: Buffer
}

export class Colleague {
  readonly #o: ColleagueOptions
  readonly #trashed: Trashed[] = []
  #made = 0
  #slot = FIRST_SLOT

  constructor(options: ColleagueOptions) {
    this.#o = options
  }

  /** One round: open and read some files, change them and others on the portal, see it here. Answers how many changes. */
  async round(): Promise<number> {
    const files = this.#files()
    const changed = this.#some(files, ACTS_A_ROUND)
    const held: Held[] = []
    for (const path of changed) held.push(await this.#hold(path))
    for (const path of changed) await this.#act(path)
    await (this.#o.sync ?? (() => this.#o.ground.syncAllowing()))()
    await until('the changes of the colleague show', () => this.#shows(), SHOWN_MS)
    for (const { slot, path, bytes } of held) {
      expectBytes(`${path}, open since before it was changed`, await this.#o.runner.call(`pread\t${slot}\t0\t${WHOLE}`).then((answer) => answer.bytes), bytes)
      await this.#o.runner.call(`close\t${slot}`)
    }
    for (const path of this.#some(this.#files(), ACTS_A_ROUND)) await this.check(path)
    return changed.length
  }

  /** The file has the model's bytes for who opens it now. */
  async check(path: string): Promise<void> {
    const file = this.#o.tree.find(path)
    if (!(file instanceof ModelFile)) throw new Error(`${path} is no file of the model`)
    const { slot, bytes } = await this.#hold(path)
    expectBytes(path, bytes, file.bytes)
    await this.#o.runner.call(`close\t${slot}`)
  }

  async #hold(path: string): Promise<Held> {
    this.#slot += 1
    const slot = this.#slot
    const opened = await this.#o.runner.call(`open\t${slot}\t${path}\t${flags.O_RDONLY}\t0`)
    if (opened.errno !== 0) throw new Error(`${path} cannot be opened: ${errorName(opened.errno)}`)
    const read = await this.#o.runner.call(`pread\t${slot}\t0\t${WHOLE}`)
    if (read.errno !== 0) throw new Error(`${path} cannot be read: ${errorName(read.errno)}`)
    return { slot, path, bytes: Buffer.from(read.bytes) }
  }

  async #act(path: string): Promise<void> {
    const { ground, tree, folder, dice } = this.#o
    const what = dice.below(21)
    this.#made += 1
    const name = `theirs ${this.#made}`
    const place = dice.chance(0.5) ? folder : dice.pick(this.#folders())
    if (what < 8) {
      const bytes = pattern(this.#made, 1 + dice.below(50_000))
      await ground.act({ op: 'write', path, contentBase64: bytes.toString('base64') })
      const file = tree.find(path)
      if (file instanceof ModelFile) file.bytes = bytes
    } else if (what < 11) {
      await ground.act({ op: 'rename', path, name })
      tree.rename(path, `${parentOf(path)}/${name}`, 0)
    } else if (what < 14 && this.#files().length > ACTS_A_ROUND) {
      const { id } = await ground.act({ op: 'trash', path })
      const file = tree.find(path)
      if (file instanceof ModelFile) this.#trashed.push({ id, path, file })
      tree.unlink(path)
    } else if (what < 16) {
      await ground.act({ op: 'mkdir', path: `${place}/${name}` })
      tree.mkdir(`${place}/${name}`, 0o755)
    } else if (what === 20 && this.#trashed.length > 0) {
      await this.#restore()
    } else if (what < 18 && place !== parentOf(path)) {
      await ground.act({ op: 'move', path, to: place })
      tree.rename(path, `${place}/${path.slice(path.lastIndexOf('/') + 1)}`, 0)
    } else {
      const bytes = pattern(this.#made, 100)
      await ground.act({ op: 'write', path: `${place}/${name}`, contentBase64: bytes.toString('base64') })
      const file = tree.open(`${place}/${name}`, flags.O_CREAT, 0o644)
      if (file instanceof ModelFile) file.write(0, bytes)
    }
  }

  /** Nobody makes a name twice in here, so it comes back to where it was. */
  async #restore(): Promise<void> {
    const { ground, tree, dice } = this.#o
    const [trashed] = this.#trashed.splice(dice.below(this.#trashed.length), 1)
    if (trashed === undefined) return
    await ground.act({ op: 'restore', id: trashed.id })
    const folder = tree.find(parentOf(trashed.path))
    if (!(folder instanceof ModelFolder)) throw new Error(`${trashed.path} has no folder to come back to`)
    folder.children.set(trashed.path.slice(parentOf(trashed.path).length + 1), trashed.file)
    trashed.file.links = 1
  }

  /** Names and sizes are the model's. */
  async #shows(): Promise<boolean> {
    for (const folder of this.#folders()) {
      const node = this.#o.tree.find(folder)
      const names = (await this.#o.runner.call(`readdir\t${folder}`)).bytes.toString().split('\t')
      if (!(node instanceof ModelFolder) || names.length !== node.children.size + 2 || !names.every((name) => name.startsWith('.') || node.children.has(name))) return false
    }
    for (const path of this.#files()) {
      const node = this.#o.tree.find(path)
      const facts = (await this.#o.runner.call(`stat\t${path}`)).bytes.toString().split('\t')
      if (node instanceof ModelFile && Number(facts[1]) !== node.bytes.length) return false
    }
    return true
  }

  #files(): readonly string[] {
    return this.#below().flatMap(([path, node]) => (node.kind === 'file' ? [path] : []))
  }

  #folders(): readonly string[] {
    return [this.#o.folder, ...this.#below().flatMap(([path, node]) => (node.kind === 'folder' ? [path] : []))]
  }

  #below(): ReturnType<typeof walk> {
    const root = this.#o.tree.find(this.#o.folder)
    return root instanceof ModelFolder ? walk(root, this.#o.folder) : []
  }

  #some(paths: readonly string[], count: number): readonly string[] {
    return [...new Set(Array.from({ length: count }, () => this.#o.dice.pick(paths)))]
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function expectBytes(what: string, actual: Buffer, expected: Buffer): void {
  if (!actual.equals(expected)) throw new Error(`${what}: ${actual.length} bytes that are not the ${expected.length} expected ones`)
}
