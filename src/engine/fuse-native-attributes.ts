/** Operations that change attributes, those on extended attributes, and statfs. */
import { DriveError } from '../base/errors.js'
import type { AttributeChange } from '../fs/operations.js'
import { NO_SPACE, recordedTimes, spaceArray } from './fuse-native-numbers.js'
import { plain, type PathAnswer, type PathDoor, type PathOperation, type PathRequest } from './fuse-native-operation.js'
import { MAX_XATTR_BYTES, PERMISSION_BITS, XATTR } from './wire-layout.js'

const UNCHANGED_ID = 0xffff_ffff

/** libfuse asks by path; a file that has lost its name is changed through whoever has it open. */
function change({ fileSystem, paths, files }: PathDoor, request: PathRequest, wanted: AttributeChange): Promise<unknown> {
  return paths.at(request.path, request, ({ dentry: { node }, isHidden }) => {
    const open = isHidden ? files.ofNode(node) : undefined
    return fileSystem.setattr(node, open?.handle, wanted, request)
  })
}

export const chmod = plain((door, request) => change(door, request, { mode: request.number(1) & PERMISSION_BITS }))

export const chown = plain((door, request) => {
  const [uid, gid] = [request.number(1), request.number(2)]
  return change(door, request, { ...(uid !== UNCHANGED_ID && { uid }), ...(gid !== UNCHANGED_ID && { gid }) })
})

/** Comes only when both times are set at once: libfuse drops a change of one alone. */
export const utimens = plain((door, request) => {
  const times = recordedTimes(request.record, request.number(1))
  if (times === undefined) throw new DriveError('unsupported', 'this build of fuse-native does not tell modification times')
  return change(door, request, times)
})

/** Arguments: path, size (2). */
export const truncate = plain((door, request) => change(door, request, { sizeBytes: sizeOf(request.wide(1)) }))

/** Arguments: path, file, size (2). */
export const ftruncate = plain(async ({ fileSystem, files }, request) => {
  const { node, handle } = files.get(request.number(1))
  await fileSystem.setattr(node, handle, { sizeBytes: sizeOf(request.wide(2)) }, request)
})

function sizeOf(value: number): number {
  if (!Number.isSafeInteger(value)) throw new DriveError('file-too-large', 'a size beyond 2^53')
  return value
}

export const statfs: PathOperation = {
  call: ({ fileSystem, paths }, request) =>
    paths.at(request.path, request, async ({ dentry }) => ({ result: 0, rest: [spaceArray(await fileSystem.statfs(dentry.node, request))] })),
  onFailure: () => [NO_SPACE],
}

/** Without room asked for only the length, else the bytes, which must fit: more would be read beyond libfuse's buffer. */
function fill(request: PathRequest, room: Buffer, bytes: Uint8Array): PathAnswer {
  if (room.length > 0 && bytes.byteLength > room.length) throw new DriveError('range', 'the buffer of the caller is too small')
  if (room.length > 0 && !request.isOver) room.set(bytes)
  return { result: bytes.byteLength, rest: [room.buffer] }
}

/** Arguments: path, name, buffer, position. */
export const getxattr: PathOperation = {
  call: ({ fileSystem, paths }, request) =>
    paths.at(request.path, request, async ({ dentry }) => {
      const value = await fileSystem.getxattr(dentry.node, request.text(1), request)
      return fill(request, request.buffer(2), value)
    }),
  onFailure: (request) => [request.buffer(2).buffer],
}

/** Arguments: path, buffer. */
export const listxattr: PathOperation = {
  call: ({ fileSystem, paths }, request) =>
    paths.at(request.path, request, async ({ dentry }) => {
      const names = await fileSystem.listxattr(dentry.node, request)
      return fill(request, request.buffer(1), Buffer.from(names.map((name) => `${name}\0`).join('')))
    }),
  onFailure: (request) => [request.buffer(1).buffer],
}

/** Arguments: path, name, value, position, flags. The value is copied, as in write. */
export const setxattr: PathOperation = {
  call: ({ fileSystem, paths }, request) =>
    paths.at(request.path, request, async ({ dentry }) => {
      const [buffer, flags] = [request.buffer(2), request.number(4)]
      if (buffer.length > MAX_XATTR_BYTES) throw new DriveError('invalid', 'an attribute longer than the kernel allows')
      const wanted = { create: (flags & XATTR.create) !== 0, replace: (flags & XATTR.replace) !== 0 }
      await fileSystem.setxattr(dentry.node, request.text(1), Buffer.from(buffer), wanted, request)
      return { result: 0, rest: [buffer.buffer] }
    }),
  onFailure: (request) => [request.buffer(2).buffer],
}

export const removexattr = plain(({ fileSystem, paths }, request) =>
  paths.at(request.path, request, ({ dentry }) => fileSystem.removexattr(dentry.node, request.text(1), request)),
)
