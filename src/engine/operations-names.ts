/** Requests on names in a directory: lookup, forget, create, mkdir, unlink, rmdir, rename. */
import { constants } from 'node:os'
import { DriveError } from '../base/errors.js'
import type { Entry, FileSystem, NodeId, Opened, RenameFlags } from '../fs/operations.js'
import { openFlags } from './operations-files.js'
import { chain, encodeNothing, newName, oldName, type Notification, type Operation, type Refusal } from './operation.js'
import type { ReplyWriter } from './reply-writer.js'
import type { Request } from './request.js'
import { FILE_TYPE, FILE_TYPE_MASK, PERMISSION_BITS, RENAME, SIZE } from './wire-layout.js'
import type { WireReader } from './wire-reader.js'

function encodeEntry(reply: ReplyWriter, entry: Entry): void {
  reply.entry(entry)
}

/** The kernel counts a lookup only when it took the reply. */
function forgetEntry(fileSystem: FileSystem, entry: Entry, _request: Request, delivered: boolean): void {
  if (!delivered && entry.node !== 0) fileSystem.forget(entry.node, 1)
}

export const lookup: Operation<Entry> = {
  call: (fileSystem, args, request) => fileSystem.lookup(request.node, oldName(args.name()), request),
  encode: encodeEntry,
  settle: forgetEntry,
  retractable: true,
}

export const forget: Notification = {
  tell: (fileSystem, args, request) => {
    fileSystem.forget(request.node, args.u64())
  },
}

/** fuse_batch_forget_in: count, dummy; then count times nodeid, nlookup. */
export const batchForget: Notification = {
  tell: (fileSystem, args) => {
    const count = args.u32()
    args.u32()
    // The count is believed only as far as there are bytes.
    const sound = Math.min(count, Math.floor(args.remaining / SIZE.forgetOne))
    for (let index = 0; index < sound; index += 1) {
      const node = args.u64() as NodeId
      fileSystem.forget(node, args.u64())
    }
  },
}

/** fuse_mkdir_in: mode, umask (the kernel has applied it). */
export const mkdir: Operation<Entry> = {
  call: (fileSystem, args, request) => {
    const mode = args.u32() & PERMISSION_BITS
    args.u32()
    return fileSystem.mkdir(request.node, newName(args.name()), mode, request)
  },
  encode: encodeEntry,
  settle: forgetEntry,
  retractable: false,
}

interface Created {
  readonly entry: Entry
  readonly opened: Opened
}

/** fuse_create_in: flags, mode, umask, open_flags. */
export const create: Operation<Created> = {
  call: (fileSystem, args, request) => {
    const flags = args.u32()
    const mode = args.u32() & PERMISSION_BITS
    args.skip(8)
    return fileSystem.create(request.node, newName(args.name()), mode, openFlags(flags), request)
  },
  encode: (reply, { entry, opened }) => {
    reply.entry(entry)
    reply.opened(opened, 'file')
  },
  settle: (fileSystem, { entry, opened }, request, delivered) => {
    if (delivered) return undefined
    return chain(fileSystem.release(entry.node as NodeId, opened.handle, request), () => {
      forgetEntry(fileSystem, entry, request, delivered)
    })
  },
  retractable: false,
}

/** fuse_mknod_in: mode, rdev, umask, padding. A regular file is created and closed; nothing else can be made. */
export const mknod: Operation<Entry> = {
  call: (fileSystem, args, request) => {
    const mode = args.u32()
    args.skip(12)
    const name = newName(args.name())
    const type = mode & FILE_TYPE_MASK
    if (type !== FILE_TYPE.file && type !== 0) throw new DriveError('not-permitted', 'only files and folders can be made here')
    const flags = { read: false, write: true, append: false, truncate: false, exclusive: true }
    return chain(fileSystem.create(request.node, name, mode & PERMISSION_BITS, flags, request), ({ entry, opened }) =>
      chain(fileSystem.release(entry.node as NodeId, opened.handle, request), () => entry),
    )
  },
  encode: encodeEntry,
  settle: forgetEntry,
  retractable: false,
}

export const unlink: Operation<void> = {
  call: (fileSystem, args, request) => fileSystem.unlink(request.node, oldName(args.name()), request),
  encode: encodeNothing,
  retractable: false,
}

export const rmdir: Operation<void> = {
  call: (fileSystem, args, request) => fileSystem.rmdir(request.node, oldName(args.name()), request),
  encode: encodeNothing,
  retractable: false,
}

function callRename(fileSystem: FileSystem, args: WireReader, request: Request, newParent: NodeId, flags: RenameFlags): void | Promise<void> {
  const name = oldName(args.name())
  return fileSystem.rename(request.node, name, newParent, newName(args.name()), flags, request)
}

/** fuse_rename_in: newdir. */
export const rename: Operation<void> = {
  call: (fileSystem, args, request) => callRename(fileSystem, args, request, args.u64() as NodeId, { noReplace: false, exchange: false }),
  encode: encodeNothing,
  retractable: false,
}

/** fuse_rename2_in: newdir, flags, padding. */
export const rename2: Operation<void> = {
  call: (fileSystem, args, request) => {
    const newParent = args.u64() as NodeId
    const flags = args.u32()
    args.u32()
    if ((flags & ~(RENAME.noReplace | RENAME.exchange)) !== 0) throw new DriveError('invalid', 'a rename flag that is not known')
    const wanted = { noReplace: (flags & RENAME.noReplace) !== 0, exchange: (flags & RENAME.exchange) !== 0 }
    return callRename(fileSystem, args, request, newParent, wanted)
  },
  encode: encodeNothing,
  retractable: false,
}

export const readlink: Operation<string> = {
  call: (fileSystem, _args, request) => fileSystem.readlink(request.node, request),
  encode: (reply, target) => {
    reply.handOver(Buffer.from(target))
  },
  retractable: true,
}

/** What the portal cannot store (DESIGN.md section 6, Names). */
export const notPermitted: Refusal = { errno: constants.errno.EPERM }
