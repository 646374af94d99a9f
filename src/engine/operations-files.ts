/** Requests on open files: open, read, write, flush, release, fsync, fallocate. */
import { DriveError } from '../base/errors.js'
import type { Caller, FileSystem, Handle, NodeId, OpenFlags, Opened } from '../fs/operations.js'
import { chain, encodeNothing, type Operation } from './operation.js'
import { FSYNC_DATA_ONLY, GROUP_EXECUTE, OPEN, OPEN_KILLS_SET_IDS, SET_GID, SET_UID, WRITE } from './wire-layout.js'

const EMPTY = new Uint8Array(0)

export function openFlags(flags: number): OpenFlags {
  const access = flags & OPEN.accessMode
  return {
    read: access !== OPEN.writeOnly,
    write: access === OPEN.writeOnly || access === OPEN.readWrite,
    append: (flags & OPEN.append) !== 0,
    truncate: (flags & OPEN.truncate) !== 0,
    exclusive: (flags & OPEN.exclusive) !== 0,
  }
}

/** What FUSE_HANDLE_KILLPRIV_V2 leaves to us: a change by somebody without the right takes the set-id bits away. */
export function dropSetIds(fileSystem: FileSystem, node: NodeId, caller: Caller): void | Promise<void> {
  return chain(fileSystem.getattr(node, undefined, caller), ({ attributes: { mode } }) => {
    // Set-gid without group execute is not a privilege (the kernel's setattr_should_drop_sgid).
    const kept = mode & ~SET_UID & ~((mode & GROUP_EXECUTE) !== 0 ? SET_GID : 0)
    if (kept === mode) return undefined
    return chain(fileSystem.setattr(node, undefined, { mode: kept }, caller), () => undefined)
  })
}

/** fuse_open_in: flags, open_flags. */
export const open: Operation<Opened> = {
  call: (fileSystem, args, request) => {
    const flags = openFlags(args.u32())
    const killSetIds = (args.u32() & OPEN_KILLS_SET_IDS) !== 0
    const opened = fileSystem.open(request.node, flags, request)
    if (!killSetIds) return opened
    return chain(opened, (value) => chain(dropSetIds(fileSystem, request.node, request), () => value))
  },
  encode: (reply, opened) => {
    reply.opened(opened, 'file')
  },
  settle: (fileSystem, opened, request, delivered) => {
    if (!delivered) return fileSystem.release(request.node, opened.handle, request)
  },
  retractable: true,
}

/** fuse_read_in: fh, offset, size, read_flags, lock_owner, flags, padding. */
export const read: Operation<Uint8Array> = {
  call: (fileSystem, args, request) => {
    const handle = args.u64() as Handle
    const offset = args.offset()
    request.replyLimit = args.u32()
    // No file reaches so far.
    if (!Number.isSafeInteger(offset + request.replyLimit)) return EMPTY
    return fileSystem.read(request.node, handle, offset, request.replyLimit, request)
  },
  encode: (reply, data, request) => {
    reply.handOver(data.byteLength > request.replyLimit ? data.subarray(0, request.replyLimit) : data)
  },
  retractable: true,
}

/** fuse_write_in: fh, offset, size, write_flags, lock_owner, flags, padding; then the data. */
export const write: Operation<number> = {
  call: (fileSystem, args, request) => {
    const handle = args.u64() as Handle
    const offset = args.size()
    const sizeBytes = args.u32()
    const flags = args.u32()
    args.skip(16)
    const fromCache = (flags & WRITE.fromCache) !== 0
    if (!Number.isSafeInteger(offset + sizeBytes)) throw new DriveError('file-too-large', 'a position beyond 2^53')
    const written = fileSystem.write(request.node, handle, offset, args.data(sizeBytes), fromCache, request)
    if ((flags & WRITE.killSetIds) === 0) return written
    return chain(written, (count) => chain(dropSetIds(fileSystem, request.node, request), () => count))
  },
  encode: (reply, count) => {
    reply.u32(count)
    reply.u32(0)
  },
  retractable: false,
}

/** fuse_flush_in: fh, unused, padding, lock_owner. */
export const flush: Operation<void> = {
  call: (fileSystem, args, request) => fileSystem.flush(request.node, args.u64() as Handle, request),
  encode: encodeNothing,
  retractable: false,
}

/** fuse_release_in: fh, flags, release_flags, lock_owner. */
export const release: Operation<void> = {
  call: (fileSystem, args, request) => fileSystem.release(request.node, args.u64() as Handle, request),
  encode: encodeNothing,
  retractable: false,
}

/** fuse_fsync_in: fh, fsync_flags, padding. */
export const fsync: Operation<void> = {
  call: (fileSystem, args, request) => {
    const handle = args.u64() as Handle
    return fileSystem.fsync(request.node, handle, (args.u32() & FSYNC_DATA_ONLY) !== 0, request)
  },
  encode: encodeNothing,
  retractable: false,
}

/** fuse_fallocate_in: fh, offset, length, mode, padding. */
export const fallocate: Operation<void> = {
  call: (fileSystem, args, request) => {
    const handle = args.u64() as Handle
    const offset = args.size()
    const lengthBytes = args.size()
    const mode = args.u32()
    if (!Number.isSafeInteger(offset + lengthBytes)) throw new DriveError('file-too-large', 'a position beyond 2^53')
    return fileSystem.fallocate(request.node, handle, offset, lengthBytes, mode, request)
  },
  encode: encodeNothing,
  retractable: false,
}
