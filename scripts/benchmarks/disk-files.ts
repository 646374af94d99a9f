/**
 * The files of ext4 that a drive is compared with, which rclone's WebDAV server shows too: made once, readable by
 * everybody, of the same count and sizes as those on the portal.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const FAN_OUT = 10 // of the portal's tree seeds: the parent of folder i is folder (i-1) div 10

export interface TreeShape {
  readonly folders: number
  readonly filesEach: number
}

/** As `tree:FOLDERSxFILES` makes it; `holes` are files that have a size and no blocks. */
export function makeTree(root: string, { folders, filesEach }: TreeShape, content: 'random' | 'holes', sizeBytes: number): void {
  if (existsSync(root)) return
  mkdirSync(root)
  const places = [root]
  for (let number = 1; number <= folders; number += 1) {
    const folder = join(places[Math.floor((number - 1) / FAN_OUT)] ?? root, `folder-${String(number).padStart(String(folders).length, '0')}`)
    places.push(folder)
    mkdirSync(folder)
    for (let index = 1; index <= filesEach; index += 1) {
      const file = openSync(join(folder, `file-${String(index).padStart(String(filesEach).length, '0')}.dat`), 'w', 0o644)
      if (content === 'holes') ftruncateSync(file, sizeBytes)
      else writeSync(file, randomBytes(sizeBytes))
      closeSync(file)
    }
  }
}

/** All files below, in the order of the folders. */
export function filesBelow(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}
