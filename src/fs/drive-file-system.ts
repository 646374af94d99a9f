/**
 * The virtual drive behind the kernel door: what each request means. Metadata comes from the mirror, bytes from the cache
 * or the hydrator, changes go into rows and the journal. Nothing here waits for the network but a read or write of bytes
 * that are not here, and a folder that was never listed (DESIGN.md section 6, "Never hang").
 */
import type { Clock } from '../base/clock.js'
import { DriveError } from '../base/errors.js'
import { ROOT_INO, type ContentId, type Ino } from '../base/ids.js'
import type { ContentCache } from '../cache/content-cache.js'
import type { Content } from '../cache/content.js'
import type { Hydrator } from '../hydrate/hydrator.js'
import type { Item } from '../mirror/item.js'
import type { Mirror } from '../mirror/mirror.js'
import type { Store } from '../store/store.js'
import type { Watch } from '../watch/watch.js'
import type { AnswerFeed } from './answer-feed.js'
import type { AttributesOf } from './attributes.js'
import { holdContent } from './content-holding.js'
import type { DirectOpens } from './direct-opens.js'
import type { Directories } from './directories.js'
import { VALIDITY, type Entries } from './entries.js'
import type { ExtendedAttributes } from './extended-attributes.js'
import type { FileWrites } from './file-writes.js'
import type { Handles, OpenFile } from './handles.js'
import type { KernelFiles } from './kernel-files.js'
import type { Namespace } from './namespace.js'
import { nodeIdOf, type Node, type NodeTable } from './nodes.js'
import type { ReadAgain } from './read-again.js'
import { spaceFigures } from './space-figures.js'
import type {
  AttributeChange, Attributes, Caller, DirectoryEntry, DirectoryEntryPlus, Entry, FileSystem, Handle, NodeId, Opened, OpenFlags, RenameFlags, SetXattrFlags, SpaceFigures,
} from './operations.js'
import type { TrashDoor } from './trash-door.js'

export interface DriveFileSystemOptions {
  readonly store: Store
  readonly mirror: Mirror
  readonly cache: ContentCache
  readonly hydrator: Hydrator
  readonly watch: Pick<Watch, 'ensureListed' | 'noteUse'>
  readonly nodes: NodeTable
  readonly handles: Handles
  readonly attributes: AttributesOf
  readonly feed: AnswerFeed
  readonly files: KernelFiles
  readonly entries: Entries
  readonly directories: Directories
  readonly namespace: Namespace
  readonly trash: TrashDoor
  readonly writes: FileWrites
  readonly again: ReadAgain
  readonly direct: DirectOpens
  readonly xattrs: ExtendedAttributes
  readonly clock: Clock
  readonly uid: number
  readonly gid: number
  readonly cacheDirectory: string
  /** An item, as it was before, got another name or place. */
  readonly onRenamed: (before: Item, to: Pick<Item, 'name'> & { readonly parent: Item['ino'] }) => void
  /** A file may have become eligible for upload. */
  readonly onSettled: () => void
  readonly isPreviewReader: (pid: number) => boolean
}

export class DriveFileSystem implements FileSystem {
  readonly #o: DriveFileSystemOptions

  constructor(options: DriveFileSystemOptions) {
    this.#o = options
  }

  // ---- names --------------------------------------------------------------------------------------------------------

  async lookup(parent: NodeId, name: string, caller: Caller): Promise<Entry> {
    const since = this.#o.feed.mark()
    const folder = await this.#listed(this.#o.nodes.get(parent), caller)
    const [item] = await Promise.all([this.#o.mirror.child(folder.ino, name), this.#o.feed.keepFolder(folder)])
    return item === undefined ? this.#o.entries.absent(folder) : this.#o.entries.of(item, since)
  }

  /** Nodes are computed, so there is nothing to forget. */
  forget(): void {
    return undefined
  }

  async mkdir(parent: NodeId, name: string, mode: number, caller: Caller): Promise<Entry> {
    const folder = await this.#listed(this.#o.nodes.get(parent), caller)
    this.#o.watch.noteUse(folder.ino)
    const item = await this.#o.namespace.makeFolder(folder.ino, name, mode & 0o7777)
    return this.#o.entries.of(item, this.#o.feed.mark())
  }

  async unlink(parent: NodeId, name: string): Promise<void> {
    await this.#o.namespace.unlink(this.#o.nodes.get(parent).ino, name)
  }

  async rmdir(parent: NodeId, name: string, caller: Caller): Promise<void> {
    const folder = this.#o.nodes.get(parent)
    const item = await this.#o.mirror.child(folder.ino, name)
    if (item?.kind === 'folder') await this.#o.watch.ensureListed(item.ino, caller.signal)
    await this.#o.namespace.removeFolder(folder.ino, name)
  }

  async rename(parent: NodeId, name: string, newParent: NodeId, newName: string, flags: RenameFlags, caller: Caller): Promise<void> {
    if (flags.exchange) throw new DriveError('invalid', 'names cannot be exchanged in one step on the portal')
    const target = await this.#listed(this.#o.nodes.get(newParent), caller)
    const [from, to] = [{ parent: this.#o.nodes.get(parent).ino, name }, { parent: target.ino, name: newName }]
    const victim = await this.#o.mirror.child(target.ino, newName)
    if (victim?.kind === 'folder') await this.#o.watch.ensureListed(victim.ino, caller.signal)
    await this.#o.trash.check(await this.#o.mirror.child(from.parent, name), target.ino, caller.signal)
    const before = await this.#o.namespace.rename(from, to, flags.noReplace)
    if (before !== undefined) this.#o.onRenamed(before, to)
  }

  // ---- attributes ---------------------------------------------------------------------------------------------------

  async getattr(id: NodeId, handle: Handle | undefined): Promise<{ attributes: Attributes; attributesMs: number }> {
    const node = this.#o.nodes.get(id)
    const since = this.#o.feed.mark()
    const item = await this.#o.mirror.get(node.ino)
    if (this.#o.nodes.isCurrent(node, item)) {
      return { attributes: await this.#o.entries.attributes(item, since), attributesMs: VALIDITY.attributesMs }
    }
    return { attributes: this.#goneAttributes(node, item, handle), attributesMs: 0 }
  }

  async setattr(id: NodeId, handle: Handle | undefined, change: AttributeChange, caller: Caller): Promise<{ attributes: Attributes; attributesMs: number }> {
    const node = this.#o.nodes.get(id)
    if (change.uid !== undefined && change.uid !== this.#o.uid) throw new DriveError('not-permitted', 'files of the drive belong to who mounted it')
    if (change.gid !== undefined && change.gid !== this.#o.gid) throw new DriveError('not-permitted', 'files of the drive belong to who mounted it')
    if (change.sizeBytes !== undefined) await this.#truncate(node, handle, change.sizeBytes, caller.signal)
    const nowMs = this.#o.clock.nowMs()
    const mtimeMs = change.mtimeMs === 'now' ? nowMs : change.mtimeMs
    if (change.mode !== undefined || mtimeMs !== undefined) {
      await this.#o.store.transact(async (tx) => {
        const item = await this.#o.mirror.getIn(tx, node.ino)
        if (item === undefined || item.deleted) return // unlinked while open: nothing is left to keep it in
        await this.#o.mirror.update(tx, item, {
          ctimeMs: nowMs,
          ...(change.mode === undefined ? {} : { mode: change.mode & 0o7777 }),
          ...(mtimeMs === undefined ? {} : { mtimeMs: Math.floor(mtimeMs) }), // rounded up it would be another second to rsync
        })
      })
      if (mtimeMs !== undefined) await this.#o.writes.timesSet(node.ino)
    }
    return this.getattr(id, handle)
  }

  readlink(): string {
    throw new DriveError('invalid', 'the drive has no symbolic links')
  }

  statfs(): Promise<SpaceFigures> {
    return spaceFigures(this.#o.cache, this.#o.cacheDirectory)
  }

  // ---- files --------------------------------------------------------------------------------------------------------

  async create(parent: NodeId, name: string, mode: number, flags: OpenFlags, caller: Caller): Promise<{ entry: Entry; opened: Opened }> {
    const folder = await this.#listed(this.#o.nodes.get(parent), caller)
    this.#o.watch.noteUse(folder.ino)
    const since = this.#o.feed.mark()
    const opened = await this.#o.direct.wouldOpen(flags)
    const { item, content } = await this.#o.namespace.createFile(folder.ino, name, mode & 0o7777, { opened })
    const [entry, answer] = await this.#entryAndHandle(item, since, flags, content)
    if (flags.write && !content.isOpenedDirectly) await this.#o.writes.created(answer.handle)
    await this.#o.entries.tellKnown(folder.ino)
    return { entry, opened: answer }
  }

  async open(id: NodeId, flags: OpenFlags, caller: Caller): Promise<Opened> {
    const node = this.#o.nodes.get(id)
    const since = this.#o.feed.mark()
    const item = await this.#o.mirror.get(node.ino)
    if (!this.#o.nodes.isCurrent(node, item)) throw new DriveError('vanished', 'the content has changed on the portal') // the kernel looks the path up again
    if (item.kind === 'folder') throw new DriveError('is-directory', 'open of a folder')
    if (item.parent !== null) this.#o.watch.noteUse(item.parent)
    const content = await this.#contentOf(node)
    try {
      if (!content.isComplete && !flags.write && this.#o.isPreviewReader(caller.pid)) {
        throw new DriveError('forbidden', 'the file is not here and is not fetched for previews')
      }
      // The engine opens it by itself the next time.
      if (content.isComplete && !flags.write) await this.#o.entries.attributes({ ...item, contentId: content.id }, since)
      return await this.#opened(item, flags, content, flags.truncate ? caller.signal : undefined)
    } catch (error) {
      await content.release()
      throw error
    }
  }

  async read(_node: NodeId, handle: Handle, offset: number, sizeBytes: number, caller: Caller): Promise<Uint8Array> {
    const file = this.#o.handles.file(handle)
    const { content, flags } = file
    await content.settle()
    const end = Math.min(offset + sizeBytes, content.sizeBytes)
    if (offset >= end) return new Uint8Array(0)
    const bytes = await this.#o.again.run(file, offset, () => this.#o.hydrator.read(content, offset, end - offset, { signal: caller.signal }))
    // The next reads need not come here.
    if (content.isComplete) this.#o.files.attach(handle, content.id, flags.write)
    return bytes
  }

  async write(_node: NodeId, handle: Handle, offset: number, data: Uint8Array, _fromCache: boolean, caller: Caller): Promise<number> {
    const file = this.#o.handles.file(handle)
    if (!file.flags.write) throw new DriveError('bad-handle', 'the handle is not open for writing')
    return this.#o.writes.write(file, offset, data, caller.signal)
  }

  async flush(_node: NodeId, handle: Handle): Promise<void> {
    const file = this.#o.handles.file(handle)
    if (file.flags.write) await this.#o.writes.flush(file)
  }

  async release(_node: NodeId, handle: Handle): Promise<void> {
    await this.#close(this.#o.handles.file(handle))
  }

  async fsync(_node: NodeId, handle: Handle): Promise<void> {
    await this.#o.writes.fsync(this.#o.handles.file(handle))
  }

  async fallocate(_node: NodeId, handle: Handle, offset: number, lengthBytes: number, mode: number, caller: Caller): Promise<void> {
    const file = this.#o.handles.file(handle)
    if (!file.flags.write) throw new DriveError('bad-handle', 'the handle is not open for writing')
    await this.#o.writes.allocate(file, offset, lengthBytes, mode, caller.signal)
  }

  // ---- directories --------------------------------------------------------------------------------------------------

  /** Directories have no handles: offsets are good whatever came and went (directories.ts). */
  async opendir(id: NodeId, caller: Caller): Promise<Opened> {
    const folder = await this.#listed(this.#o.nodes.get(id), caller)
    this.#o.watch.noteUse(folder.ino)
    await this.#o.feed.keepFolder(folder)
    return { handle: 0 as Handle, keepCache: true, directIo: false }
  }

  async readdir(id: NodeId, _handle: Handle, offset: number, sizeBytes: number): Promise<readonly DirectoryEntry[]> {
    return this.#o.directories.entriesFrom(this.#o.nodes.get(id).ino, offset, sizeBytes, false)
  }

  async readdirplus(id: NodeId, _handle: Handle, offset: number, sizeBytes: number): Promise<readonly DirectoryEntryPlus[]> {
    return this.#o.entries.listing(this.#o.nodes.get(id).ino, offset, sizeBytes)
  }

  releasedir(): void {
    return undefined
  }

  /** Names are rows: one durable commit makes every earlier one durable. */
  async fsyncdir(): Promise<void> {
    await this.#o.store.syncCommitted()
  }

  // ---- extended attributes ------------------------------------------------------------------------------------------

  async getxattr(id: NodeId, name: string, caller: Caller): Promise<Uint8Array> {
    return this.#o.xattrs.get(await this.#item(id), name, caller.signal)
  }

  async listxattr(id: NodeId): Promise<readonly string[]> {
    return this.#o.xattrs.list(await this.#item(id))
  }

  async setxattr(id: NodeId, name: string, value: Uint8Array, flags: SetXattrFlags): Promise<void> {
    await this.#o.xattrs.set(await this.#item(id), name, value, flags)
  }

  async removexattr(id: NodeId, name: string): Promise<void> {
    await this.#o.xattrs.remove(await this.#item(id), name)
  }

  // ---- what the engine answered by itself ---------------------------------------------------------------------------

  noteUse(folders: readonly Ino[], contents: readonly ContentId[]): void {
    for (const folder of folders) this.#o.watch.noteUse(folder)
    this.#o.cache.touch(contents)
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  /** The mount is gone: whatever was open is recorded and let go. */
  async closeAll(): Promise<void> {
    for (const file of this.#o.handles.files()) await this.#close(file)
    await this.#o.direct.finish()
    await this.#o.writes.close()
    await this.#o.feed.settle()
  }

  /**
   * The bytes of the node, held for the caller. A placeholder nobody has opened gets its row here. 'vanished' when the
   * file changed on the portal in between: a node must never serve bytes of another generation.
   */
  async #contentOf(node: Node): Promise<Content> {
    const content = await holdContent(this.#o, node.ino)
    if (this.#o.nodes.isCurrent(node, await this.#o.mirror.get(node.ino))) return content
    await content.release()
    throw new DriveError('vanished', 'the content has changed on the portal')
  }

  async #entryAndHandle(item: Item, since: number, flags: OpenFlags, content: Content): Promise<[Entry, Opened]> {
    try {
      return [await this.#o.entries.of(item, since), await this.#opened(item, flags, content)]
    } catch (error) {
      await content.release()
      throw error
    }
  }

  async #opened(item: Item, flags: OpenFlags, content: Content, emptied?: AbortSignal): Promise<Opened> {
    const node = this.#o.nodes.hold(this.#o.nodes.get(nodeIdOf(item)), item)
    const file = this.#o.handles.openFile(node, flags, content, { parent: item.parent ?? ROOT_INO, name: item.name })
    if (flags.write) this.#o.feed.writerCame(node.ino)
    try {
      const backingId = await this.#o.direct.open(file)
      // The writer is known before his file is empty: the moment until his first byte is never sent.
      if (emptied !== undefined) await this.#o.writes.truncate({ node, content, byWriter: true }, 0, emptied)
      return { handle: file.handle, keepCache: true, directIo: false, backingId }
    } catch (error) {
      this.#o.writes.released(file.handle)
      this.#o.direct.closed(file)
      this.#o.handles.closeFile(file.handle)
      this.#o.nodes.letGo(node)
      throw error
    }
  }

  async #close(file: OpenFile): Promise<void> {
    // Stores through a mapping may have come after the last close(2).
    if (file.flags.write) await this.#o.writes.flush(file)
    this.#o.writes.released(file.handle)
    this.#o.direct.closed(file)
    const { lastWriter } = this.#o.handles.closeFile(file.handle)
    if (file.flags.read) this.#o.hydrator.readerGone(file.content)
    await file.content.release()
    this.#o.nodes.letGo(file.node)
    if (!file.flags.write) return
    if (!lastWriter) this.#o.writes.leftToOthers(file.node.ino)
    this.#o.onSettled()
  }

  async #truncate(node: Node, handle: Handle | undefined, sizeBytes: number, signal: AbortSignal): Promise<void> {
    const open = handle === undefined ? undefined : this.#o.handles.file(handle)
    if (open !== undefined) return this.#o.writes.truncate({ node, content: open.content, byWriter: true }, sizeBytes, signal)
    const item = await this.#o.mirror.get(node.ino)
    if (!this.#o.nodes.isCurrent(node, item)) throw new DriveError('vanished', 'the content has changed on the portal')
    if (item.kind === 'folder') throw new DriveError('is-directory', 'a folder has no length')
    const content = await this.#contentOf(node)
    try {
      await this.#o.writes.truncate({ node, content, byWriter: false }, sizeBytes, signal)
    } finally {
      await content.release()
    }
    this.#o.onSettled()
  }

  /** The folder of the node, listed; waits for the network only the first time. */
  async #listed(node: Node, caller: Caller): Promise<Item> {
    let folder = await this.#o.mirror.get(node.ino)
    if (folder?.listedMs === null && !folder.deleted) {
      await this.#o.watch.ensureListed(folder.ino, caller.signal)
      folder = await this.#o.mirror.get(node.ino)
    }
    if (folder === undefined || folder.deleted) throw new DriveError('not-found', 'the folder is gone')
    this.#o.nodes.noteEntered(folder)
    return folder
  }

  async #item(id: NodeId): Promise<Item> {
    const node = this.#o.nodes.get(id)
    const item = node.gone ?? (await this.#o.mirror.get(node.ino))
    if (item === undefined) throw new DriveError('vanished', 'the item is gone')
    return item
  }

  /** Attributes of a node whose name or content generation is gone: only an open handle still knows them. */
  #goneAttributes(node: Node, item: Item | undefined, handle: Handle | undefined): Attributes {
    // A handle that the engine gave by itself is not known here.
    const open = (handle === undefined ? undefined : this.#o.handles.find(handle)) ?? this.#o.handles.anyOf(node)
    const last = node.gone ?? item ?? node.opened
    if (last === undefined) throw new DriveError('vanished', 'the item is gone')
    if (open === undefined) {
      if (node.gone === undefined) throw new DriveError('vanished', 'the item is gone')
      // Another handle may have cut it after its name was gone.
      const sizeBytes = last.contentId === null ? undefined : this.#o.files.figures(last.contentId)?.sizeBytes
      return { ...this.#o.attributes.of({ ...last, contentId: null }, undefined), linkCount: 0, ...(sizeBytes === undefined ? {} : { sizeBytes }) }
    }
    const { content } = open
    return { ...this.#o.attributes.of({ ...last, contentId: content.id }, undefined), sizeBytes: content.figures()?.sizeBytes ?? content.sizeBytes, linkCount: node.gone === undefined ? 1 : 0 }
  }
}
