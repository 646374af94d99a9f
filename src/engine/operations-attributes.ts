/** Requests on attributes: getattr, setattr, statfs and extended attributes. */
import { DriveError } from '../base/errors.js'
import type { Attributes, AttributeChange, Handle, SpaceFigures } from '../fs/operations.js'
import { chain, encodeNothing, newName, type Operation } from './operation.js'
import { dropSetIds } from './operations-files.js'
import type { ReplyWriter } from './reply-writer.js'
import type { Request } from './request.js'
import { GETATTR_HAS_HANDLE, MAX_XATTR_BYTES, PERMISSION_BITS, SETATTR, XATTR } from './wire-layout.js'
import type { WireReader } from './wire-reader.js'

interface AttributesAnswer {
  readonly attributes: Attributes
  readonly attributesMs: number
}

function encodeAttributes(reply: ReplyWriter, { attributes, attributesMs }: AttributesAnswer): void {
  reply.attributesOut(attributes, attributesMs)
}

/** fuse_getattr_in: getattr_flags, dummy, fh. */
export const getattr: Operation<AttributesAnswer> = {
  call: (fileSystem, args, request) => {
    const flags = args.u32()
    args.u32()
    const handle = (flags & GETATTR_HAS_HANDLE) === 0 ? undefined : (args.u64() as Handle)
    return fileSystem.getattr(request.node, handle, request)
  },
  encode: encodeAttributes,
  retractable: true,
}

interface SetattrRequest {
  readonly handle: Handle | undefined
  readonly change: AttributeChange
  readonly killSetIds: boolean
}

/**
 * fuse_setattr_in: valid, padding, fh, size, lock_owner, atime, mtime, ctime, atimensec, mtimensec, ctimensec, mode,
 * unused, uid, gid, unused.
 */
function decodeSetattr(args: WireReader): SetattrRequest {
  const valid = args.u32()
  args.u32()
  const has = (flag: number): boolean => (valid & flag) !== 0
  // Fields that are not valid may hold anything.
  const handle = args.offset() as Handle
  const sizeBytes = args.offset()
  if (has(SETATTR.size) && !Number.isSafeInteger(sizeBytes)) throw new DriveError('file-too-large', 'a size beyond 2^53')
  args.skip(8)
  const atime = signed(args.u32(), args.u32())
  const mtime = signed(args.u32(), args.u32())
  args.skip(8)
  const atimeMs = milliseconds(atime, args.u32())
  const mtimeMs = milliseconds(mtime, args.u32())
  args.skip(4)
  const mode = args.u32() & PERMISSION_BITS
  args.skip(4)
  const uid = args.u32()
  const gid = args.u32()
  return {
    handle: has(SETATTR.handle) ? handle : undefined,
    killSetIds: has(SETATTR.killSetIds),
    change: {
      ...(has(SETATTR.mode) && { mode }),
      ...(has(SETATTR.uid) && { uid }),
      ...(has(SETATTR.gid) && { gid }),
      ...(has(SETATTR.size) && { sizeBytes }),
      ...(has(SETATTR.atime) && { atimeMs: has(SETATTR.atimeNow) ? 'now' : atimeMs }),
      ...(has(SETATTR.mtime) && { mtimeMs: has(SETATTR.mtimeNow) ? 'now' : mtimeMs }),
    },
  }
}

const signed = (low: number, high: number): number => (high | 0) * 2 ** 32 + low

export const setattr: Operation<AttributesAnswer> = {
  call: (fileSystem, args, request) => {
    const { handle, change, killSetIds } = decodeSetattr(args)
    const changed = fileSystem.setattr(request.node, handle, change, request)
    if (!killSetIds || change.mode !== undefined) return changed
    return chain(changed, () =>
      chain(dropSetIds(fileSystem, request.node, request), () => fileSystem.getattr(request.node, handle, request)),
    )
  },
  encode: encodeAttributes,
  retractable: false,
}

export const statfs: Operation<SpaceFigures> = {
  call: (fileSystem, _args, request) => fileSystem.statfs(request.node, request),
  encode: (reply, figures) => {
    reply.space(figures)
  },
  retractable: true,
}

/** An xattr reply: without room asked for (0) only the size, else the bytes, which must fit. */
function encodeSized(reply: ReplyWriter, bytes: Uint8Array, request: Request): void {
  if (request.replyLimit === 0) {
    reply.u32(bytes.byteLength)
    reply.u32(0)
    return
  }
  if (bytes.byteLength > request.replyLimit) throw new DriveError('range', 'the buffer of the caller is too small')
  reply.handOver(bytes)
}

function xattrName(name: string | undefined): string {
  if (name === undefined) throw new DriveError('no-attribute', 'no attribute here has a name that is not UTF-8')
  return name
}

/** fuse_getxattr_in: size, padding; then the name. */
export const getxattr: Operation<Uint8Array> = {
  call: (fileSystem, args, request) => {
    request.replyLimit = args.u32()
    args.u32()
    return fileSystem.getxattr(request.node, xattrName(args.attributeName()), request)
  },
  encode: encodeSized,
  retractable: true,
}

/** fuse_getxattr_in: size, padding. */
export const listxattr: Operation<readonly string[]> = {
  call: (fileSystem, args, request) => {
    request.replyLimit = args.u32()
    return fileSystem.listxattr(request.node, request)
  },
  encode: (reply, names, request) => {
    encodeSized(reply, Buffer.from(names.map((name) => `${name}\0`).join('')), request)
  },
  retractable: true,
}

/** fuse_setxattr_in without FUSE_SETXATTR_EXT: size, flags; then the name and the value. */
export const setxattr: Operation<void> = {
  call: (fileSystem, args, request) => {
    const sizeBytes = args.u32()
    const flags = args.u32()
    const name = newName(args.attributeName())
    if (sizeBytes > MAX_XATTR_BYTES) throw new DriveError('invalid', 'an attribute longer than the kernel allows')
    const wanted = { create: (flags & XATTR.create) !== 0, replace: (flags & XATTR.replace) !== 0 }
    return fileSystem.setxattr(request.node, name, args.data(sizeBytes), wanted, request)
  },
  encode: encodeNothing,
  retractable: false,
}

export const removexattr: Operation<void> = {
  call: (fileSystem, args, request) => fileSystem.removexattr(request.node, xattrName(args.attributeName()), request),
  encode: encodeNothing,
  retractable: false,
}

const LAST_MS = 999.999

/** A double cannot tell the last nanoseconds of a second from the next second, which would be another time to rsync. */
function milliseconds(seconds: number, nanoseconds: number): number {
  return seconds * 1000 + Math.min(nanoseconds / 1e6, LAST_MS)
}
