/**
 * Files that the mount and a colleague on the portal change at once, nobody waiting for the other. Every edit has a size of
 * its own, by which it is known wherever it turns up. What somebody had before his eyes when he wrote over it or deleted
 * it, he let go; every other edit must be there in the end.
 */
import { constants as flags } from 'node:fs'
import { constants } from 'node:os'
import { pattern } from './model-bytes.js'
import { errorName } from './model-check.js'
import type { Dice } from './model-dice.js'
import type { Answer, Runner } from './model-process.js'
import type { Playground, TreeItem } from './playground.js'

const { errno: E } = constants
const FIRST_EDIT_BYTES = 2_000 // sizes of edits count up from here
const WHOLE = 1_000_000
const FIRST_SLOT = 8_000_000
const UNTOLD_MS = 5_000 // so long a loaded machine may need to tell the kernel of what the daemon has learnt

export interface Edit {
  readonly sizeBytes: number
  readonly by: 'us' | 'them'
  /** Somebody who had seen it wrote over it or deleted it. */
  letGo: boolean
  /** We removed something right after it appeared there: only the mount knows whether it showed it by then. It may be in the trash. */
  mayBeTrashed: boolean
  /** What we removed so had its name: made again, or renamed over, the name keeps its item, and the edit is under ours in its history. */
  mayBeOverwritten: boolean
  /** Where it was made, and where we have renamed it to since. */
  readonly paths: Set<string>
  /** When the colleague last made it appear where it is: by writing, renaming, moving or restoring. */
  shownMs: number
}

export interface ContestOptions {
  readonly ground: Playground
  readonly runner: Runner
  readonly folder: string
  /** How many names both work on, each in the folder and below it. */
  readonly names: number
  readonly dice: Dice
  readonly theirDice: Dice
}

export class Contest {
  readonly edits = new Map<number, Edit>()
  readonly #o: ContestOptions
  readonly #trashed: string[] = []
  /** The colleague's last edit of each item, which his next one joins. */
  readonly #theirLast = new Map<string, number>()
  readonly #story: string[] = []
  #slot = FIRST_SLOT
  acts = 0
  /** What the colleague brought back from the trash, under whatever name it had there. */
  readonly restored = new Set<string>()

  constructor(options: ContestOptions) {
    this.#o = options
  }

  async begin(): Promise<void> {
    const { ground, folder } = this.#o
    await ground.act({ op: 'mkdir', path: `${folder}/below` })
    for (let name = 0; name < this.#o.names; name += 1) await this.#write(`${folder}/f${name}.txt`)
  }

  /** Something done in the mount. */
  async ours(): Promise<void> {
    const { dice } = this.#o
    const what = dice.below(10)
    const path = this.#anyPath(dice)
    if (what < 6) await this.#edit(path)
    else if (what < 9) await this.#rename(path, this.#anyPath(dice))
    else await this.#unlink(path)
  }

  /** Something done on the portal. */
  async theirs(): Promise<void> {
    const { ground, theirDice: dice, folder } = this.#o
    const what = dice.below(10)
    const there = (await ground.tree({ sha256: false })).filter(({ path, type }) => type === 'file' && path.startsWith(`${folder}/`))
    this.acts += 1
    if (there.length === 0 || what < 5) {
      await this.#write(dice.chance(0.7) && there.length > 0 ? dice.pick(there).path : this.#anyPath(dice))
      return
    }
    const item = dice.pick(there)
    if (what < 7) await this.#unlessGone('rename', () => ground.act({ op: 'rename', id: item.id, name: `t${this.acts}.txt` }))
    else if (what < 8) await this.#unlessGone('move', () => ground.act({ op: 'move', id: item.id, to: item.path.startsWith(`${folder}/below/`) ? folder : `${folder}/below` }))
    else if (what < 9) {
      await this.#unlessGone('trash', () => ground.act({ op: 'trash', id: item.id }))
      this.#trashed.push(item.id)
    } else if (this.#trashed.length > 0) {
      const [id] = this.#trashed.splice(dice.below(this.#trashed.length), 1)
      await this.#unlessGone('restore', () => ground.act({ op: 'restore', id }))
      if (id !== undefined) this.restored.add(id)
    }
  }

  /** What was done with the edit and with the paths it was at. */
  storyOf(sizeBytes: number): string {
    const about = this.#story.filter((line) => line.includes(String(sizeBytes)))
    const paths = new Set(about.flatMap((line) => line.split(' ').filter((word) => word.includes('/'))))
    return this.#story.filter((line) => line.split(' ').some((word) => paths.has(word) || word === String(sizeBytes))).join('\n')
  }

  /** All that was done. */
  get story(): string {
    return this.#story.join('\n')
  }

  #tell(line: string): void {
    this.#story.push(`${new Date().toISOString().slice(17)} ${line}`)
  }

  /** By one handle, so that what is written over is what was read. */
  async #edit(path: string): Promise<void> {
    const slot = this.#newSlot()
    const there = await this.#sizeOf(path)
    const opened = await this.#call(`open\t${slot}\t${path}\t${flags.O_RDWR | flags.O_CREAT}\t420`)
    // A name that differs by case, or a folder that just went.
    if (opened.errno === E.EEXIST || opened.errno === E.ENOENT) return
    if (isAway(opened)) return
    expectSuccess(`open of ${path}`, opened)
    const seen = await this.#call(`pread\t${slot}\t0\t${WHOLE}`)
    if (seen.errno === E.ESTALE || isAway(seen)) {
      // The version it was opened with is nowhere any more (it was joined by a newer one of its author's), or not to be had now.
      await this.#call(`close\t${slot}`)
      return
    }
    expectSuccess(`read of ${path}`, seen)
    const edit = this.#newEdit('us', path)
    const written = await this.#call(`pwrite\t${slot}\t0\t${edit.sizeBytes}\t${edit.sizeBytes}`) // longer than every earlier one
    const inode = (await this.#call(`fstat\t${slot}`)).bytes.toString().split('\t')[5]
    const closed = await this.#call(`close\t${slot}`)
    this.#tell(`we wrote ${edit.sizeBytes} over ${seen.value} (${there}) at ${path} (inode ${inode ?? 'unknown'}) ${written.errno} ${closed.errno}`)
    if (written.errno === E.ESTALE || closed.errno === E.ESTALE) {
      edit.letGo = true // nobody has the file any more for whom it was opened, and the program was told
      return
    }
    expectSuccess(`write of ${path}`, written)
    expectSuccess(`close of ${path}`, closed)
    this.#letGo(seen.value)
  }

  async #rename(from: string, to: string): Promise<void> {
    const over = await this.#sizeOf(to)
    const renamed = await this.#call(`rename\t${from}\t${to}\t0`)
    if (renamed.errno === E.ENOENT || renamed.errno === E.EEXIST) return
    this.#tell(`we renamed ${from} to ${to} over ${over}`)
    expectSuccess(`rename of ${from} to ${to}`, renamed)
    if (from === to) return
    this.#removed(over, to)
    for (const { paths } of this.edits.values()) if (paths.has(from)) paths.add(to)
  }

  async #unlink(path: string): Promise<void> {
    const size = await this.#sizeOf(path)
    const removed = await this.#call(`unlink\t${path}`)
    if (removed.errno === E.ENOENT) return
    this.#tell(`we removed ${path} of ${size}`)
    expectSuccess(`unlink of ${path}`, removed)
    this.#removed(size, path)
  }

  #removed(sizeBytes: number, path: string): void {
    this.#letGo(sizeBytes)
    const nowMs = performance.now()
    for (const edit of this.edits.values()) {
      if (nowMs - edit.shownMs >= UNTOLD_MS) continue
      edit.mayBeTrashed = true
      if (edit.paths.has(path)) edit.mayBeOverwritten = true
    }
  }

  async #sizeOf(path: string): Promise<number> {
    const answer = await this.#call(`stat\t${path}`)
    return answer.errno === 0 ? Number(answer.bytes.toString().split('\t')[1]) : -answer.errno
  }

  async #write(path: string): Promise<void> {
    const edit = this.#newEdit('them', path)
    const item = await this.#o.ground.act({ op: 'write', path, contentBase64: pattern(edit.sizeBytes, edit.sizeBytes).toString('base64') })
    this.#tell(`they wrote ${edit.sizeBytes} at ${path} of ${item.id}`)
    this.#letGo(this.#theirLast.get(item.id) ?? 0)
    this.#theirLast.set(item.id, edit.sizeBytes)
  }

  /** Between the look and the act it may have been renamed, trashed, or its name taken. */
  async #unlessGone(what: string, act: () => Promise<TreeItem>): Promise<void> {
    try {
      const { id, path, size } = await act()
      const edit = this.edits.get(size)
      edit?.paths.add(path)
      if (edit !== undefined) edit.shownMs = performance.now()
      this.#tell(`they did ${what} with ${id}, now ${path}`)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('answered 400')) throw error
    }
  }

  #letGo(sizeBytes: number): void {
    const edit = this.edits.get(sizeBytes)
    if (edit !== undefined) edit.letGo = true
  }

  #newEdit(by: Edit['by'], path: string): Edit {
    const edit: Edit = { sizeBytes: FIRST_EDIT_BYTES + this.edits.size, by, letGo: false, mayBeTrashed: false, mayBeOverwritten: false, paths: new Set([path]), shownMs: by === 'them' ? performance.now() : -Infinity }
    this.edits.set(edit.sizeBytes, edit)
    return edit
  }

  #anyPath(dice: Dice): string {
    return `${this.#o.folder}/${dice.chance(0.25) ? 'below/' : ''}f${dice.below(this.#o.names)}.txt`
  }

  #newSlot(): number {
    this.#slot += 1
    return this.#slot
  }

  #call(line: string): Promise<Answer> {
    return this.#o.runner.call(line)
  }
}

/** What is not here cannot be read while the portal is away, and the program is told. */
function isAway({ errno }: Answer): boolean {
  return errno === E.ENETUNREACH || errno === E.ETIMEDOUT
}

function expectSuccess(what: string, { errno }: Answer): void {
  if (errno !== 0) throw new Error(`${what} fails with ${errorName(errno)}`)
}
