/**
 * The whole client in this process, from the door of the kernel's requests down to HTTP, on a portal of its own; without a
 * kernel and without a mount. Files are worked with by path, as a program would.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock, type Clock } from '../../src/base/clock.js'
import { DriveError } from '../../src/base/errors.js'
import { asRemoteId, asStorageId } from '../../src/base/ids.js'
import { silentLog, type Log } from '../../src/base/log.js'
import { seededRandom } from '../../src/base/random.js'
import { DriveCore } from '../../src/daemon/drive-core.js'
import { prepareDirectories, profilePaths } from '../../src/daemon/paths.js'
import { DEFAULT_SETTINGS } from '../../src/daemon/settings.js'
import { noAnswers } from '../../src/fs/kernel-answers.js'
import { noFiles } from '../../src/fs/kernel-files.js'
import { noNotices, ROOT_NODE, type Caller, type FileSystem, type Handle, type NodeId, type OpenFlags } from '../../src/fs/operations.js'
import { startPortal, type PortalOptions, type RunningPortal } from '../../src/portal/portal.js'
import { PacedClock } from './paced-clock.js'
import { withPortalTraits } from './portal-traits.js'

export interface PortalRow {
  readonly path: string
  readonly id: string
  readonly type: 'file' | 'folder' | 'link'
  readonly size: number | null
  readonly version: number | null
  readonly storage: string
}

/** Where a client and its portal live, when a test looks at that, or begins with what another left there. */
export interface LastingPlace {
  /** Without it: a fresh one, removed at the end. */
  readonly directory: string
  /** The portal keeps its state there. */
  readonly portalDirectory: string
  /** Of the machine; another one is a reboot. */
  readonly bootId: string
  /** In seconds. */
  readonly uploadDelay: number
}

/** A file that a program has open. */
export interface ProgramFile {
  write(offset: number, bytes: Uint8Array): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  fsync(): Promise<void>
  close(): Promise<void>
}

const READ: OpenFlags = { read: true, write: false, append: false, truncate: false, exclusive: false }
const WRITE: OpenFlags = { read: true, write: true, append: false, truncate: true, exclusive: false }
const DIRECTORY_REPLY_BYTES = 65_536
const PATIENCE_MS = 30_000
const HASTE = 10 // times as fast as the world

export interface ClientPlace {
  readonly portal: RunningPortal
  readonly directory: string
  readonly clock: Clock
  /** Tells when there may be news. */
  readonly rest: Pick<PacedClock, 'next'>
  readonly uploadDelaySeconds: number
  /** Of the machine; another one is a reboot. */
  readonly bootId: string
  /** Keeps to its plan, as against a portal that has limits. */
  readonly keepsToPlan?: boolean
  readonly log?: Log
}

export class WholeClient {
  readonly portal: RunningPortal
  readonly core: DriveCore
  readonly caller: Caller = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, pid: process.pid, signal: new AbortController().signal }
  readonly #rest: Pick<PacedClock, 'next'>

  static async start(t: Pick<Test, 'teardown'>, options: PortalOptions = {}, place?: LastingPlace): Promise<WholeClient> {
    const directory = place?.directory ?? (await mkdtemp(join(tmpdir(), 'elastic-client-')))
    if (place === undefined) t.teardown(() => rm(directory, { recursive: true, force: true }))
    const clock = new PacedClock(HASTE)
    const portal = await startPortal(withPortalTraits({ ...options, ...(place === undefined ? {} : { dataDir: place.portalDirectory }), clock: { ...systemClock, nowMs: () => clock.nowMs() } }))
    t.teardown(() => portal.close())
    await hook(portal, 'limits', { off: true })
    const client = await WholeClient.open({ portal, directory, clock, rest: clock, uploadDelaySeconds: place?.uploadDelay ?? 0, bootId: place?.bootId ?? 'a boot' })
    t.teardown(() => client.core.stop())
    return client
  }

  /** On a portal and a directory that outlive it, which may be those of an earlier client. Whoever opens it stops it. */
  static async open({ portal, directory, clock, rest, uploadDelaySeconds, bootId, keepsToPlan, log = silentLog }: ClientPlace): Promise<WholeClient> {
    const { result } = (await (await fetch(`${portal.webhook}disk.storage.get?id=${portal.storageId}`)).json()) as { result: { ID: unknown; ROOT_OBJECT_ID: unknown } }
    const paths = profilePaths('default', { env: { ELASTIC_DRIVE_HOME: directory }, homeDirectory: directory, temporaryDirectory: directory, uid: process.getuid?.() ?? 0, workingDirectory: directory })
    await prepareDirectories(paths, process.getuid?.() ?? 0)
    await mkdir(join(directory, 'Bitrix24'), { recursive: true })
    const core = await DriveCore.open({
      paths,
      profile: {
        portal: new URL(portal.url).host, userId: '1', userName: 'Ada Byron', storageId: asStorageId(String(result.ID)), rootFolderId: asRemoteId(String(result.ROOT_OBJECT_ID)),
        folder: join(directory, 'Bitrix24'), folderMode: 0o755, connectedAt: new Date().toISOString(), mode: 'elastic',
      },
      access: { webhook: portal.webhook },
      settings: () => ({ ...DEFAULT_SETTINGS, uploadDelay: uploadDelaySeconds, freeSpaceFloor: 0 }),
      notices: noNotices, answers: noAnswers, files: noFiles,
      clock, random: seededRandom(7), log, environment: {},
      readOnly: false, servesRanges: undefined, bootId,
    })
    if (keepsToPlan !== true) await core.drive.rest.setPlan({ capacity: 1e9, perSecond: 1e9 })
    core.start()
    return new WholeClient(portal, core, rest)
  }

  private constructor(portal: RunningPortal, core: DriveCore, rest: Pick<PacedClock, 'next'>) {
    this.portal = portal
    this.core = core
    this.#rest = rest
  }

  get #fs(): FileSystem {
    return this.core.fileSystem
  }

  /** Names of a folder, sorted. */
  async list(path = ''): Promise<readonly string[]> {
    const node = await this.node(path)
    const { handle } = await this.#fs.opendir(node, this.caller)
    const names: string[] = []
    for (let offset = 0; ; ) {
      const entries = await this.#fs.readdir(node, handle, offset, DIRECTORY_REPLY_BYTES, this.caller)
      if (entries.length === 0) break
      names.push(...entries.map(({ name }) => name))
      offset = entries.at(-1)?.nextOffset ?? offset
    }
    await this.#fs.releasedir(node, handle, this.caller)
    return names.filter((name) => name !== '.' && name !== '..').sort()
  }

  async has(path: string): Promise<boolean> {
    const { folder, name } = split(path)
    return (await this.list(folder)).includes(name)
  }

  /** All of it, or `sizeBytes` from `offset`. */
  async read(path: string, offset = 0, sizeBytes?: number): Promise<Buffer> {
    const node = await this.node(path)
    const { attributes } = await this.#fs.getattr(node, undefined, this.caller)
    const { handle } = await this.#fs.open(node, READ, this.caller)
    try {
      const end = Math.min(attributes.sizeBytes, offset + (sizeBytes ?? attributes.sizeBytes))
      const pieces: Uint8Array[] = []
      for (let at = offset; at < end; at += 131_072) pieces.push(Buffer.from(await this.#fs.read(node, handle, at, Math.min(131_072, end - at), this.caller)))
      return Buffer.concat(pieces)
    } finally {
      await this.#fs.release(node, handle, this.caller)
    }
  }

  async text(path: string): Promise<string> {
    return (await this.read(path)).toString()
  }

  /** Made or overwritten, and closed. */
  async write(path: string, text: string): Promise<void> {
    const { folder, name } = split(path)
    const parent = await this.node(folder)
    const there = await this.has(path)
    const node = there ? await this.node(path) : undefined
    const { handle, at } =
      node === undefined
        ? await Promise.resolve(this.#fs.create(parent, name, 0o644, WRITE, this.caller)).then(({ entry, opened }) => ({ handle: opened.handle, at: entry.node as NodeId }))
        : { handle: (await this.#fs.open(node, WRITE, this.caller)).handle, at: node }
    if (text !== '') await this.#fs.write(at, handle, 0, Buffer.from(text), false, this.caller)
    await this.#fs.flush(at, handle, this.caller)
    await this.#fs.release(at, handle, this.caller)
  }

  /** For writing; made when it is not there, and emptied when `truncate` says so. */
  async open(path: string, options: { truncate?: boolean } = {}): Promise<ProgramFile> {
    const flags = { ...WRITE, truncate: options.truncate === true }
    const there = await this.has(path)
    const { folder, name } = split(path)
    let node: NodeId
    let handle: Handle
    if (there) {
      node = await this.node(path)
      handle = (await this.#fs.open(node, flags, this.caller)).handle
    } else {
      const { entry, opened } = await this.#fs.create(await this.node(folder), name, 0o644, flags, this.caller)
      node = entry.node as NodeId
      handle = opened.handle
    }
    return {
      write: async (offset, bytes) => {
        await this.#fs.write(node, handle, offset, bytes, false, this.caller)
      },
      truncate: async (sizeBytes) => {
        await this.#fs.setattr(node, handle, { sizeBytes }, this.caller)
      },
      fsync: async () => {
        await this.#fs.fsync(node, handle, false, this.caller)
      },
      close: async () => {
        await this.#fs.flush(node, handle, this.caller)
        await this.#fs.release(node, handle, this.caller)
      },
    }
  }

  /** fsync of a folder. */
  async syncFolder(path = ''): Promise<void> {
    const node = await this.node(path)
    const { handle } = await this.#fs.opendir(node, this.caller)
    await this.#fs.fsyncdir(node, handle, false, this.caller)
    await this.#fs.releasedir(node, handle, this.caller)
  }

  async mkdir(path: string): Promise<void> {
    const { folder, name } = split(path)
    await this.#fs.mkdir(await this.node(folder), name, 0o755, this.caller)
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [split(from), split(to)]
    await this.node(from)
    await this.#fs.rename(await this.node(source.folder), source.name, await this.node(target.folder), target.name, { noReplace: false, exchange: false }, this.caller)
  }

  async unlink(path: string): Promise<void> {
    const { folder, name } = split(path)
    await this.node(path)
    await this.#fs.unlink(await this.node(folder), name, this.caller)
  }

  async rmdir(path: string): Promise<void> {
    const { folder, name } = split(path)
    await this.node(path)
    await this.#fs.rmdir(await this.node(folder), name, this.caller)
  }

  /** As the kernel does before anything else it asks about a name. */
  async node(path: string): Promise<NodeId> {
    let node = ROOT_NODE
    for (const name of path.split('/').filter((part) => part !== '')) {
      const entry = await this.#fs.lookup(node, name, this.caller)
      if (entry.node === 0) throw new DriveError('not-found', `there is no ${path} here`)
      node = entry.node
    }
    return node
  }

  /** Everything is sent and everything was looked at, both ways. */
  async settle(): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    await this.core.upload.hurry()
    await this.core.upload.waitUntilIdle(signal)
    await this.core.watch.syncAll(signal)
    await this.core.upload.waitUntilIdle(signal)
  }

  /** Looks whenever something of the client begins to wait. */
  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE_MS)
    for (;;) {
      const next = this.#rest.next()
      if (await condition()) return
      if (deadline.aborted) throw new Error(`it never came to it that ${what}`)
      await next
    }
  }

  /** What cannot be sent, by name of the item, with its code. */
  async failures(): Promise<readonly string[]> {
    const errors = await this.core.upload.errors()
    return Promise.all(errors.map(async ({ ino, code }) => `${(await this.core.mirror.get(ino))?.name ?? ''} ${code}`))
  }

  /** Somebody works on the web. */
  async act(op: string, fields: object = {}): Promise<PortalRow> {
    return (await hook(this.portal, 'act', { as: 'colleague', storage: this.portal.storageId, op, ...fields })) as PortalRow
  }

  hook(name: string, order?: object): Promise<unknown> {
    return hook(this.portal, name, order)
  }

  /** What the owner's drive holds on the portal, by path. */
  async tree(storage = this.portal.storageId): Promise<ReadonlyMap<string, PortalRow>> {
    const rows = (await hook(this.portal, 'tree?sha256=0')) as readonly PortalRow[]
    return new Map(rows.filter((row) => row.storage === storage).map((row) => [row.path, row]))
  }

  /** The newest bytes on the portal, asked as any program might. */
  async remote(id: string): Promise<Buffer> {
    const { result } = (await (await fetch(`${this.portal.webhook}disk.file.get?id=${id}`)).json()) as { result: { DOWNLOAD_URL: string } }
    return Buffer.from(await (await fetch(result.DOWNLOAD_URL)).arrayBuffer())
  }
}

function split(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf('/')
  return { folder: slash < 0 ? '' : path.slice(0, slash), name: path.slice(slash + 1) }
}

async function hook(portal: RunningPortal, name: string, order?: object): Promise<unknown> {
  const response = await fetch(`${portal.hooks}/${name}`, order === undefined ? {} : { method: 'POST', body: JSON.stringify(order) })
  if (!response.ok) throw new Error(`${name}: ${await response.text()}`)
  return response.json()
}
