/**
 * Rows of the decision table (bitrix24-desktop-sync.md 11.1) played together on one mount, each in a folder of its own:
 * first what both sides know, then what each does while they do not hear of each other, then one `sync`; at last how it
 * must have ended, here and on the portal alike. A file whose name begins with `cached` has its bytes here, others are
 * only listed.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Playground, until, type TreeItem } from './playground.js'

export const COMPANY = '13'
export const COLLEAGUE = '12'
export const RECOVERED = 'Recovered edits'

const RESETS = 1_000_000
const STATE = /# file: (.*)\nuser\.elastic-drive\.state="(.*)"/gu

/** What keeps the two sides from hearing of each other: without `paused` and `offline`, only the upload delay. */
export type Apart = 'paused' | 'offline' | 'running'

export interface End {
  /** Of a file; without it it is a folder. */
  readonly holds?: string
  /** The path at which the same object was before; `new`: it is none of before. */
  readonly is?: string
  /** How many versions it has more than before. */
  readonly versions?: number
  /** Our edit is a version after the one of before; more than one, where a write was met while it was sent (6a.5). */
  readonly edited?: true
  /** Of its bytes here, before anybody reads it. */
  readonly state?: 'cached' | 'placeholder'
}

export interface Row {
  /** `C6: …`, what the row promises. */
  readonly promise: string
  /** The folder is one of another drive, connected: the company's, or one that the colleague shares. */
  readonly storage?: typeof COMPANY | typeof COLLEAGUE
  readonly files: Readonly<Record<string, string>>
  /** Done before, and known to both sides when they part. */
  readonly earlier?: (stage: Stage) => Promise<unknown>
  readonly there?: (stage: Stage) => Promise<unknown>
  /** A shell script, in the folder. */
  readonly here?: string
  /** All that is in the folder, with ` (conflict)` for what tells a conflict copy; `gone`: the folder is not shown. */
  readonly ends: Readonly<Record<string, End>> | 'gone'
  /** What the portal has in the folder beside that, which this account may not see. */
  readonly hidden?: Readonly<Record<string, string | null>>
  /** What lies in the recovery folder for it. */
  readonly recovered?: Readonly<Record<string, string | null>>
  /** Files whose bytes are fetched to be compared. */
  readonly compared?: number
  /** The items kept their inodes. */
  readonly keepsInodes?: boolean
  readonly also?: (t: Test, stage: Stage) => Promise<unknown>
}

/** The folder of one row, on both sides. */
export class Stage {
  readonly ground: Playground
  readonly folder: string
  readonly row: Row
  /** By path in the folder: what the portal had when the sides parted. */
  before: ReadonlyMap<string, TreeItem> = new Map()
  inodes: ReadonlyMap<string, number> = new Map()
  states: ReadonlyMap<string, string> = new Map()

  constructor(ground: Playground, folder: string, row: Row) {
    this.ground = ground
    this.folder = folder
    this.row = row
  }

  get storage(): string {
    return this.row.storage ?? this.ground.portal.storage
  }

  /** Of a colleague, on a path of the folder. */
  act(op: string, path: string, { to, ...more }: Readonly<Record<string, string>> = {}): Promise<TreeItem> {
    return this.ground.act({ storage: this.storage, op, path: this.#at(path), ...more, ...(to === undefined ? {} : { to: this.#at(to) }) })
  }

  /** Trashed, and out of the trash. */
  async destroy(path: string): Promise<void> {
    const { id } = await this.act('trash', path)
    await this.ground.act({ op: 'purge', id })
  }

  restore(path: string): Promise<TreeItem> {
    return this.ground.act({ op: 'restore', id: this.idBefore(path) })
  }

  idBefore(path: string): string {
    const item = this.before.get(path)
    if (item === undefined) throw new Error(`${this.folder} had no ${path}`)
    return item.id
  }

  here(script: string): Promise<string> {
    return this.ground.shell(`cd '${this.folder}'; ${script}`)
  }

  /** What the portal says of an object of before, which may be in its trash. */
  async remote(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const response = await fetch(`${this.ground.portal.webhook}disk.file.get?id=${this.idBefore(path)}`)
    return ((await response.json()) as { result?: Readonly<Record<string, unknown>> }).result
  }

  #at(path: string): string {
    return path === '' ? this.folder : `${this.folder}/${path}`
  }
}

/** Each row becomes a subtest of `t`, named by its promise. What waits to be sent is due as soon as the two sides hear of each other. `full`: they do so with no history (the F-rows). */
export async function playRows(t: Test, rows: readonly Row[], apart: Apart, meeting: 'with-history' | 'full' = 'with-history'): Promise<void> {
  const settings = { uploadDelay: apart === 'running' ? '3600' : '0', hydrateOnRename: 'false' }
  const ground = await Playground.start(t, { settings, portalArguments: ['--plan', 'self-hosted'] })
  const stages = rows.map((row, index) => new Stage(ground, `${row.promise.split(':')[0] ?? ''} ${index + 1}`, row))
  await setUp(ground, stages)
  await part(ground, apart)
  for (const { row, folder } of stages) if (row.here !== undefined) await ground.shell(`cd '${folder}'; ${row.here}`)
  for (const stage of stages) await stage.row.there?.(stage)
  if (apart === 'offline') await ground.clearFaults()
  await ground.clearRequests()
  if (meeting === 'full') await ground.ok('sync', '--full', '--yes', '--wait', '60')
  else {
    if (apart === 'paused') await ground.ok('resume')
    await ground.ok('sync', '--wait', '60')
  }

  const { methods } = await ground.requests()
  t.equal(methods.download ?? 0, rows.reduce((sum, { compared = 0 }) => sum + compared, 0), 'nothing is downloaded but what has to be compared')
  await noteStates(ground, stages)
  const trees = new Map(await Promise.all([ground.portal.storage, COMPANY, COLLEAGUE].map(async (storage) => [storage, await ground.tree({ storage })] as const)))
  for (const stage of stages) await t.test(stage.row.promise, (t) => checkEnd(t, stage, trees.get(stage.storage) ?? []))
  const saved = Object.assign({}, ...rows.map(({ recovered = {} }) => recovered)) as Readonly<Record<string, string | null>>
  t.same((await contents(ground.path(RECOVERED))) ?? {}, saved, 'what could not stay where it was lies in the recovery folder')
  t.same(hashes(trees.get(ground.portal.storage) ?? [], RECOVERED), digested(saved), 'and on the portal')

  await ground.clearRequests()
  await ground.ok('sync', '--wait', '60')
  t.same(Object.keys((await ground.requests()).methods).filter((method) => /add|upload|rename|move|copy|delete|restore/u.test(method)), [], 'then nothing is sent any more')
  t.match(await ground.json('status'), { pendingUploads: 0, errors: [] })
}

async function setUp(ground: Playground, stages: readonly Stage[]): Promise<void> {
  for (const stage of stages) {
    await stage.act('mkdir', '')
    for (const [path, content] of Object.entries(stage.row.files)) await stage.act('write', path, { content })
    if (stage.row.storage === COMPANY) await stage.act('connect', '')
    if (stage.row.storage === COLLEAGUE) await stage.act('share', '')
  }
  await ground.ok('sync', '--wait', '60')
  await ground.shell(`find . > /dev/null; find . -name 'cached*' -type f -exec cat {} + > /dev/null`)
  const trees = await Promise.all([ground.portal.storage, COMPANY, COLLEAGUE].map((storage) => ground.tree({ storage })))
  for (const stage of stages) {
    stage.before = itemsBelow(trees.flat().filter(({ storage }) => storage === stage.storage), stage.folder)
    stage.inodes = new Map(await Promise.all([...stage.before.keys()].map(async (path) => [path, (await stat(ground.path(stage.folder, path))).ino] as const)))
  }
  const earlier = stages.filter(({ row }) => row.earlier !== undefined)
  for (const stage of earlier) await stage.row.earlier?.(stage)
  if (earlier.length > 0) await ground.ok('sync', '--wait', '60')
}

async function part(ground: Playground, apart: Apart): Promise<void> {
  if (apart === 'paused') await ground.ok('pause')
  if (apart !== 'offline') return
  await ground.fault({ method: '*', kind: 'reset', times: RESETS })
  await ground.ok('sync') // a look, so that it is noticed soon
  await until('the portal is known to be away', async () => (await ground.json<{ connection: string }>('status')).connection === 'offline', 60_000)
}

async function checkEnd(t: Test, stage: Stage, tree: readonly TreeItem[]): Promise<void> {
  const { row, ground, folder, before } = stage
  const shown = await contents(ground.path(folder))
  if (row.ends === 'gone') t.equal(shown, undefined, 'the folder is not shown')
  else {
    const after = new Map([...itemsBelow(tree, folder)].map(([path, item]) => [plain(path), item]))
    t.same(shown, Object.fromEntries(Object.entries(row.ends).map(([path, { holds }]) => [path, holds ?? null])), 'here')
    t.same(hashes(tree, folder), digested({ ...shown, ...row.hidden }), 'the portal has what is shown')
    for (const [path, end] of Object.entries(row.ends)) {
      const { id, version } = after.get(path) ?? {}
      if (end.is === 'new') t.notOk([...before.values()].some((item) => item.id === id), `${path} is a new object`)
      else if (end.is !== undefined) t.equal(id, before.get(end.is)?.id, `${path} is the object that was ${end.is}`)
      if (end.versions !== undefined) t.equal(version, (before.get(end.is ?? path)?.version ?? 0) + end.versions, `${path} has ${end.versions} versions more`)
      if (end.edited === true) t.ok((version ?? 0) > (before.get(end.is ?? path)?.version ?? 0), `${path} has a new version`)
      if (end.state !== undefined) t.equal(stage.states.get(path), end.state, `${path} is ${end.state}`)
      if (row.keepsInodes === true && end.is !== undefined && end.is !== 'new') t.equal((await stat(ground.path(folder, path))).ino, stage.inodes.get(end.is), `${path} kept its inode`)
    }
  }
  await row.also?.(t, stage)
}

/** Before anything is read. */
async function noteStates(ground: Playground, stages: readonly Stage[]): Promise<void> {
  const told = [...(await ground.shell('getfattr -R -n user.elastic-drive.state .')).matchAll(STATE)].map(([, path = '', state = '']) => [path, state] as const)
  for (const stage of stages) {
    const prefix = `${stage.folder}/`
    stage.states = new Map(told.filter(([path]) => path.startsWith(prefix)).map(([path, state]) => [plain(path.slice(prefix.length)), state]))
  }
}

function itemsBelow(tree: readonly TreeItem[], folder: string): ReadonlyMap<string, TreeItem> {
  const prefix = `${folder}/`
  return new Map(tree.filter(({ path }) => path.startsWith(prefix)).map((item) => [item.path.slice(prefix.length), item]))
}

/** By path; null for a folder. Undefined: there is no such folder. */
async function contents(directory: string): Promise<Readonly<Record<string, string | null>> | undefined> {
  const found: Record<string, string | null> = {}
  const walk = async (prefix: string): Promise<void> => {
    for (const entry of await readdir(join(directory, prefix), { withFileTypes: true })) {
      const path = prefix + entry.name
      found[plain(path)] = entry.isDirectory() ? null : await readFile(join(directory, path), 'utf8')
      if (entry.isDirectory()) await walk(`${path}/`)
    }
  }
  if (!(await exists(directory))) return undefined
  await walk('')
  return found
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function hashes(tree: readonly TreeItem[], folder: string): Readonly<Record<string, string | null>> {
  return Object.fromEntries([...itemsBelow(tree, folder)].map(([path, { sha256 }]) => [plain(path), sha256 ?? null]))
}

function digested(held: Readonly<Record<string, string | null>>): Readonly<Record<string, string | null>> {
  return Object.fromEntries(Object.entries(held).map(([path, content]) => [path, content === null ? null : createHash('sha256').update(content).digest('hex')]))
}

/** Without the host and time of conflict copies. */
function plain(path: string): string {
  return path.replaceAll(/ \(conflict [^()]*\)/gu, ' (conflict)')
}
