/** Operations on names: getting and listing them, making, removing and renaming. */
import { DriveError, hasCode } from '../base/errors.js'
import type { NodeId, RenameFlags } from '../fs/operations.js'
import type { Found } from './fuse-native-paths.js'
import { NO_STAT, listedStatArray, statArray } from './fuse-native-numbers.js'
import { plain, type PathDoor, type PathOperation, type PathRequest } from './fuse-native-operation.js'
import { FILE_TYPE, FILE_TYPE_MASK, PERMISSION_BITS } from './wire-layout.js'

const LISTING_BYTES = 128 * 1024
const LONGEST_NAME_BYTES = 1023 // what fuse-native copies a name into
const PLAIN_RENAME: RenameFlags = { noReplace: false, exchange: false }

export const getattr: PathOperation = {
  call: (door, request) =>
    door.paths.at(request.path, request, async (found) => {
      const attributes = found.attributes ?? (await attributesOf(door, request, found))
      return { result: 0, rest: [statArray(attributes)] }
    }),
  onFailure: () => [NO_STAT],
}

/** A file without a name is known only to those who have it open. */
async function attributesOf({ fileSystem, files }: PathDoor, request: PathRequest, { dentry, isHidden }: Found) {
  const open = isHidden ? files.ofNode(dentry.node) : undefined
  const { attributes } = await fileSystem.getattr(dentry.node, open?.handle, request)
  return attributes
}

/** fuse-native names no directory handle: a listing is one whole, and libfuse keeps it for whoever reads on. */
export const readdir: PathOperation = {
  call: ({ fileSystem, paths }, request) =>
    paths.at(request.path, request, async ({ dentry: { node } }) => {
      const names: string[] = []
      const stats: Uint32Array[] = []
      const { handle } = await fileSystem.opendir(node, request)
      try {
        for (let offset = 0; ; ) {
          const page = await fileSystem.readdir(node, handle, offset, LISTING_BYTES, request)
          const last = page.at(-1)
          if (last === undefined) break
          offset = last.nextOffset
          for (const { name, kind, ino } of page.filter((entry) => isCarried(entry.name))) {
            names.push(name)
            stats.push(listedStatArray(kind, ino))
          }
        }
      } finally {
        await fileSystem.releasedir(node, handle, request)
      }
      return { result: 0, rest: [names, stats] }
    }),
  onFailure: () => [[], []],
}

const isCarried = (name: string): boolean => !name.includes('/') && Buffer.byteLength(name) <= LONGEST_NAME_BYTES

export const readlink: PathOperation = {
  call: ({ fileSystem, paths }, request) =>
    paths.at(request.path, request, async ({ dentry }) => ({ result: 0, rest: [await fileSystem.readlink(dentry.node, request)] })),
  onFailure: () => [''],
}

export const mkdir = plain(({ fileSystem, paths }, request) =>
  paths.inFolderOf(request.path, request, async ({ folder, name }) => {
    const entry = await fileSystem.mkdir(folder.node, name, request.number(1) & PERMISSION_BITS, request)
    paths.dentries.letGo(paths.dentries.adopt(folder, name, entry))
  }),
)

/** A regular file is created and closed; nothing else can be made. */
export const mknod = plain(({ fileSystem, paths }, request) =>
  paths.inFolderOf(request.path, request, async ({ folder, name }) => {
    const mode = request.number(1)
    const type = mode & FILE_TYPE_MASK
    if (type !== FILE_TYPE.file && type !== 0) throw new DriveError('not-permitted', 'only files and folders can be made here')
    const flags = { read: false, write: true, append: false, truncate: false, exclusive: true }
    const { entry, opened } = await fileSystem.create(folder.node, name, mode & PERMISSION_BITS, flags, request)
    const dentry = paths.dentries.adopt(folder, name, entry)
    try {
      await fileSystem.release(entry.node as NodeId, opened.handle, request)
    } finally {
      paths.dentries.letGo(dentry)
    }
  }),
)

export const unlink = plain(async (door, request) => {
  if (door.paths.unhide(request.path)) return
  await remove(door, request, 'unlink')
})

export const rmdir = plain(async (door, request) => {
  await refuseWhileOpen(door, request, request.path)
  await remove(door, request, 'rmdir')
})

function remove({ fileSystem, paths }: PathDoor, request: PathRequest, how: 'unlink' | 'rmdir'): Promise<void> {
  return paths.inFolderOf(request.path, request, async ({ folder, name }) => {
    try {
      await fileSystem[how](folder.node, name, request)
    } finally {
      paths.dentries.drop(folder.node, name)
    }
  })
}

export const rename = plain(async (door, request) => {
  const { fileSystem, paths, files } = door
  const [from, to] = [request.path, request.text(1)]
  if (paths.isHiding(from, to) && (await isOpen(door, request, from))) return hide(door, request, from, to)
  await refuseWhileOpen(door, request, to)
  await paths.inFolderOf(from, request, (source) =>
    paths.inFolderOf(to, request, async (target) => {
      try {
        await fileSystem.rename(source.folder.node, source.name, target.folder.node, target.name, PLAIN_RENAME, request)
        files.renamed(source, target)
      } finally {
        paths.dentries.drop(source.folder.node, source.name)
        paths.dentries.drop(target.folder.node, target.name)
      }
    }),
  )
})

/** A person may give a file such a name as well. */
function isOpen({ paths, files }: PathDoor, request: PathRequest, path: string): Promise<boolean> {
  return paths.at(path, request, ({ dentry }) => files.ofNode(dentry.node) !== undefined)
}

/** Unlinks an open file now; libfuse goes on using it by the hidden name, in the same folder. */
function hide({ fileSystem, paths, files }: PathDoor, request: PathRequest, from: string, to: string): Promise<void> {
  return paths.at(from, request, async ({ dentry }) => {
    const { folder, name } = dentry
    if (folder === undefined) throw new DriveError('busy', 'the root of the drive stays')
    await fileSystem.unlink(folder.node, name, request)
    paths.hide(to, dentry)
    paths.dentries.drop(folder.node, name)
    files.renamed({ folder, name }, { folder, name: to.slice(to.lastIndexOf('/') + 1) })
  })
}

/**
 * A folder must not go while a file is open whose path leads through it, deleted here or on the portal: libfuse would have
 * no path for the file when it is closed, and fuse-native dies of that.
 */
async function refuseWhileOpen({ paths, files }: PathDoor, request: PathRequest, path: string): Promise<void> {
  try {
    const isOpen = await paths.at(path, request, ({ dentry }) => files.isBelow(dentry.node))
    if (isOpen) throw new DriveError('not-empty', 'a deleted file of the folder is still open')
  } catch (error) {
    if (!hasCode(error, 'not-found')) throw error // nothing is there that would go
  }
}
