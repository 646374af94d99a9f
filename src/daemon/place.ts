/**
 * Where a path lies, told without touching what is mounted there: which mount it is on, whether it is below another path,
 * and its name without links.
 */
import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { hasCode, systemCode } from '../base/errors.js'
import { parseMountInfo, resolveMountPoint, type MountEntry } from '../engine/mount-table.js'

/** The mount that a path (absolute, without links) lies on. */
export async function readMountOf(path: string): Promise<MountEntry | undefined> {
  return mountOf(parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8')), path)
}

export function mountOf(table: readonly MountEntry[], path: string): MountEntry | undefined {
  const over = table.filter(({ folder }) => isWithin(folder, path))
  const depth = Math.max(...over.map(({ folder }) => folder.length))
  return over.findLast(({ folder }) => folder.length === depth)
}

/** True when `path` is `directory` or lies below it. Lexical. */
export function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)
}

/**
 * The folder as a person wrote it, absolute and without links, so that the kernel's table of mounts names it the same
 * way; `~` is the shell's business. What does not exist yet is taken as written below what does.
 */
export async function resolveFolder(text: string, workingDirectory: string): Promise<string> {
  const written = resolve(workingDirectory, text)
  try {
    return await resolveMountPoint(written)
  } catch (error) {
    if (hasCode(error, 'mount-failed')) return await realPathSoFar(written)
    throw error
  }
}

async function realPathSoFar(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || path === dirname(path)) return path
    return join(await realPathSoFar(dirname(path)), basename(path))
  }
}
