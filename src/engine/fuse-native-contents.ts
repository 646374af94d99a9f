/** Operations on open files: create, open, read, write, flush, release, fsync, fgetattr. */
import { DriveError } from '../base/errors.js'
import type { OpenFlags } from '../fs/operations.js'
import { NO_STAT, statArray } from './fuse-native-numbers.js'
import { plain, type PathAnswer, type PathDoor, type PathOperation, type PathRequest } from './fuse-native-operation.js'
import { openFlags } from './operations-files.js'
import { PERMISSION_BITS } from './wire-layout.js'

// The flags of a create do not come through fuse-native; the kernel minds who may read or write.
const CREATE_FLAGS: OpenFlags = { read: true, write: true, append: false, truncate: false, exclusive: false }

async function close({ fileSystem, files }: PathDoor, request: PathRequest, number: number): Promise<void> {
  const { node, handle } = files.get(number)
  try {
    await fileSystem.release(node, handle, request)
  } finally {
    files.remove(number)
  }
}

async function takeBack(door: PathDoor, request: PathRequest, { result, rest: [number] }: PathAnswer): Promise<void> {
  if (result === 0) await close(door, request, Number(number))
}

export const create: PathOperation = {
  call: ({ fileSystem, paths, files }, request) =>
    paths.inFolderOf(request.path, request, async ({ folder, name }) => {
      const { entry, opened } = await fileSystem.create(folder.node, name, request.number(1) & PERMISSION_BITS, CREATE_FLAGS, request)
      const dentry = paths.dentries.adopt(folder, name, entry)
      const number = files.add(dentry, opened.handle)
      paths.dentries.letGo(dentry)
      return { result: 0, rest: [number] }
    }),
  onFailure: () => [0],
  takeBack,
}

export const open: PathOperation = {
  call: ({ fileSystem, paths, files }, request) =>
    paths.at(request.path, request, async ({ dentry }) => {
      const { handle } = await fileSystem.open(dentry.node, openFlags(request.number(1)), request)
      return { result: 0, rest: [files.add(dentry, handle)] }
    }),
  onFailure: () => [0],
  takeBack,
}

/** Arguments: path, file, buffer, length, offset (2). The bytes are copied into libfuse's buffer, which is its own again after the answer. */
export const read: PathOperation = {
  call: async ({ fileSystem, files }, request) => {
    const file = files.get(request.number(1))
    if (file.superseded) throw new DriveError('vanished', 'the content was replaced on the portal, and is open in its new form')
    const [buffer, sizeBytes, offset] = [request.buffer(2), request.number(3), request.wide(4)]
    // No file reaches so far.
    const bytes = Number.isSafeInteger(offset + sizeBytes) ? await fileSystem.read(file.node, file.handle, offset, sizeBytes, request) : new Uint8Array(0)
    if (!request.isOver) buffer.set(bytes.byteLength > sizeBytes ? bytes.subarray(0, sizeBytes) : bytes)
    return { result: Math.min(bytes.byteLength, sizeBytes), rest: [0, buffer.buffer] }
  },
  onFailure: (request) => [0, request.buffer(2).buffer],
}

/** As read. The bytes are copied first, because the request may be answered by an unmount while they are still written. */
export const write: PathOperation = {
  call: async ({ fileSystem, files }, request) => {
    const file = files.get(request.number(1))
    const [buffer, sizeBytes, offset] = [request.buffer(2), request.number(3), request.wide(4)]
    if (!Number.isSafeInteger(offset + sizeBytes)) throw new DriveError('file-too-large', 'a position beyond 2^53')
    const written = await fileSystem.write(file.node, file.handle, offset, Buffer.from(buffer.subarray(0, sizeBytes)), false, request)
    return { result: written, rest: [0, buffer.buffer] }
  },
  onFailure: (request) => [0, request.buffer(2).buffer],
}

export const flush = plain(async ({ fileSystem, files }, request) => {
  const { node, handle } = files.get(request.number(1))
  await fileSystem.flush(node, handle, request)
})

export const release = plain((door, request) => close(door, request, request.number(1)))

/** Arguments: path, data only, file. */
export const fsync = plain(async ({ fileSystem, files }, request) => {
  const { node, handle } = files.get(request.number(2))
  await fileSystem.fsync(node, handle, request.number(1) !== 0, request)
})

/** No directory handle comes with it: one is opened for this. */
export const fsyncdir = plain(({ fileSystem, paths }, request) =>
  paths.at(request.path, request, async ({ dentry: { node } }) => {
    const { handle } = await fileSystem.opendir(node, request)
    try {
      await fileSystem.fsyncdir(node, handle, request.number(1) !== 0, request)
    } finally {
      await fileSystem.releasedir(node, handle, request)
    }
  }),
)

export const fgetattr: PathOperation = {
  call: async ({ fileSystem, files }, request) => {
    const { node, handle } = files.get(request.number(1))
    const { attributes } = await fileSystem.getattr(node, handle, request)
    return { result: 0, rest: [statArray(attributes)] }
  },
  onFailure: () => [NO_STAT],
}
