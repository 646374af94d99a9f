/**
 * What lies in an ordinary folder: files, folders, and whatever else a drive cannot hold. Follows no links and enters no other
 * file system. Reads only.
 */
import type { BigIntStats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../base/errors.js'
import { MARKER_NAME } from './marker.js'

export interface LocalEntry {
  readonly kind: 'file' | 'folder' | 'other'
  readonly name: string
  /** From the folder down. */
  readonly names: readonly string[]
  readonly mode: number
  readonly sizeBytes: number
  readonly mtimeMs: number
  /** Another one after any write, or when another file has the name. */
  readonly stamp: string
  /** Of a folder, in the order of their names. */
  readonly children: readonly LocalEntry[]
}

/** Everything but our marker. */
export async function scanFolder(folder: string): Promise<readonly LocalEntry[]> {
  const { dev } = await lstat(folder, { bigint: true })
  return (await scan(folder, [], dev)).filter(({ name }) => name !== MARKER_NAME)
}

/** Undefined when nothing has the name any more. */
export async function readStamp(path: string): Promise<string | undefined> {
  try {
    return stampOf(await lstat(path, { bigint: true }))
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}

async function scan(folder: string, above: readonly string[], device: bigint): Promise<readonly LocalEntry[]> {
  const entries: LocalEntry[] = []
  for (const raw of (await readdir(folder, { encoding: 'buffer' })).sort((one, other) => Buffer.compare(one, other))) {
    const name = raw.toString()
    const names = [...above, name]
    const found = await lstat(Buffer.concat([Buffer.from(`${folder}/`), raw]), { bigint: true })
    // A name that is no text cannot be sent.
    const kind = !Buffer.from(name).equals(raw) || found.dev !== device ? 'other' : found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other'
    entries.push({
      kind, name, names,
      mode: Number(found.mode) & 0o777,
      sizeBytes: kind === 'file' ? Number(found.size) : 0,
      mtimeMs: Number(found.mtimeMs),
      stamp: stampOf(found),
      children: kind === 'folder' ? await scan(join(folder, name), names, device) : [],
    })
  }
  return entries
}

function stampOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join('-')
}
