/**
 * From a path as a person typed it to an absolute one below the drive's folder. Nothing below the mount is touched, because
 * it may not answer: links are followed only on the way there.
 */
import { readlink, realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { isWithin } from '../daemon/place.js'

const MOST_LINKS = 40 // as the kernel

/** A path outside the folder comes out as it was typed, absolute: the daemon says that it is none of its own. */
export async function localPath(text: string, workingDirectory: string, folder: string): Promise<string> {
  const path = resolve(workingDirectory, text)
  if (isWithin(folder, path)) return path
  for (const prefix of prefixes(path)) {
    const real = await realParent(prefix)
    if (real === undefined) break
    const inside = await throughLinks(real, folder)
    if (inside !== undefined) return join(inside, relative(prefix, path))
  }
  return path
}

/** `/a/b/c` → `/a`, `/a/b`, `/a/b/c`. */
function prefixes(path: string): readonly string[] {
  const names = path.split('/').slice(1)
  return names.map((_name, index) => `/${names.slice(0, index + 1).join('/')}`)
}

/** Where a path, or a link, or links one after another lead, when that is the folder or below it; nothing there is looked at. */
async function throughLinks(path: string, folder: string): Promise<string | undefined> {
  for (let at: string | undefined = path, hops = 0; at !== undefined && hops < MOST_LINKS; hops += 1) {
    if (isWithin(folder, at)) return at
    const target: string | undefined = await linkTarget(at)
    if (target === undefined) return undefined
    const next = resolve(dirname(at), target)
    at = isWithin(folder, next) ? next : await realParent(next)
  }
  return undefined
}

/** Undefined for what is no link. */
async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path)
  } catch {
    return undefined
  }
}

/** The path with links in its parents followed; undefined when they lead nowhere. */
async function realParent(path: string): Promise<string | undefined> {
  try {
    return join(await realpath(dirname(path)), basename(path))
  } catch {
    return undefined // not there, or not to be looked into: then it is no way to the folder
  }
}
