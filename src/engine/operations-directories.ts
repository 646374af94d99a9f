/** Requests on open directories. A listing takes as many entries as fit; lookups of those that do not are given back. */
import { DriveError } from '../base/errors.js'
import type { DirectoryEntry, DirectoryEntryPlus, Entry, Handle, Opened } from '../fs/operations.js'
import { encodeNothing, type Operation } from './operation.js'
import { directoryEntryBytes, type ReplyWriter } from './reply-writer.js'
import type { Request } from './request.js'
import { FSYNC_DATA_ONLY, MAX_NAME_BYTES, MAX_WRITE_BYTES } from './wire-layout.js'

/** fuse_open_in: flags, open_flags. */
export const opendir: Operation<Opened> = {
  call: (fileSystem, _args, request) => fileSystem.opendir(request.node, request),
  encode: (reply, opened) => {
    reply.opened(opened, 'directory')
  },
  settle: (fileSystem, opened, request, delivered) => {
    if (!delivered) return fileSystem.releasedir(request.node, opened.handle, request)
  },
  retractable: true,
}

/** fuse_read_in, as for read. */
export const readdir: Operation<readonly DirectoryEntry[]> = {
  call: (fileSystem, args, request) => {
    const handle = args.u64() as Handle
    const offset = args.u64()
    request.replyLimit = Math.min(args.u32(), MAX_WRITE_BYTES)
    return fileSystem.readdir(request.node, handle, offset, request.replyLimit, request)
  },
  encode: (reply, entries, request) => {
    request.entriesFitted = encodeListing(reply, entries, request, undefined)
  },
  retractable: true,
}

export const readdirplus: Operation<readonly DirectoryEntryPlus[]> = {
  call: (fileSystem, args, request) => {
    const handle = args.u64() as Handle
    const offset = args.u64()
    request.replyLimit = Math.min(args.u32(), MAX_WRITE_BYTES)
    return fileSystem.readdirplus(request.node, handle, offset, request.replyLimit, request)
  },
  encode: (reply, entries, request) => {
    request.entriesFitted = encodeListing(reply, entries, request, (index) => entries[index]?.entry)
  },
  settle: (fileSystem, entries, request, delivered) => {
    const kept = delivered ? request.entriesFitted : 0
    entries.forEach(({ name, entry }, index) => {
      if (entry.node === 0 || isDots(name)) return
      if (index >= kept || !isCarried(name)) fileSystem.forget(entry.node, 1)
    })
  },
  retractable: true,
}

const isDots = (name: string): boolean => name === '.' || name === '..'

/** The kernel fails the whole listing over one name it cannot carry, so such an entry is left out. */
function isCarried(name: string): boolean {
  return name !== '' && !name.includes('/') && !name.includes('\0') && Buffer.byteLength(name) <= MAX_NAME_BYTES
}

/** Answers how many entries are done with: they are in the reply or cannot be carried at all. */
function encodeListing(
  reply: ReplyWriter,
  entries: readonly DirectoryEntry[],
  request: Request,
  entryAt: ((index: number) => Entry | undefined) | undefined,
): number {
  for (const [index, item] of entries.entries()) {
    if (!isCarried(item.name)) continue
    const nameBytes = Buffer.byteLength(item.name)
    if (reply.lengthBytes + directoryEntryBytes(nameBytes, entryAt !== undefined) > request.replyLimit) {
      // An empty reply would be taken for the end of the directory.
      if (reply.lengthBytes === 0) throw new DriveError('invalid', 'no room for a single entry')
      return index
    }
    const entry = entryAt?.(index)
    // `.` and `..` never count as a lookup: node 0 tells the kernel so.
    if (entry !== undefined) reply.entry(isDots(item.name) ? { ...entry, node: 0 } : entry)
    reply.directoryEntry(item, nameBytes)
  }
  return entries.length
}

export const releasedir: Operation<void> = {
  call: (fileSystem, args, request) => fileSystem.releasedir(request.node, args.u64() as Handle, request),
  encode: encodeNothing,
  retractable: false,
}

export const fsyncdir: Operation<void> = {
  call: (fileSystem, args, request) => {
    const handle = args.u64() as Handle
    return fileSystem.fsyncdir(request.node, handle, (args.u32() & FSYNC_DATA_ONLY) !== 0, request)
  },
  encode: encodeNothing,
  retractable: false,
}

