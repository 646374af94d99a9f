/**
 * From a path as a person typed it to an absolute one below the drive's folder. Nothing below the mount is touched, because
 * it may not answer: links are followed only on the way to the folder.
 */
import { realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { isWithin } from '../daemon/place.js'

/** A path outside the folder comes out as it was typed, absolute: the daemon says that it is none of its own. */
export async function localPath(text: string, workingDirectory: string, folder: string): Promise<string> {
  const path = resolve(workingDirectory, text)
  if (isWithin(folder, path)) return path
  for (const prefix of prefixes(path)) {
    const real = await realParent(prefix)
    if (real === undefined) break
    if (real === folder) return join(folder, relative(prefix, path))
  }
  return path
}

/** `/a/b/c` → `/a`, `/a/b`, `/a/b/c`. */
function prefixes(path: string): readonly string[] {
  const names = path.split('/').slice(1)
  return names.map((_name, index) => `/${names.slice(0, index + 1).join('/')}`)
}

/** The path with links in its parents followed; undefined when they lead nowhere. */
async function realParent(path: string): Promise<string | undefined> {
  try {
    return join(await realpath(dirname(path)), basename(path))
  } catch {
    return undefined // not there, or not to be looked into: then it is no way to the folder
  }
}
