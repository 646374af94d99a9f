/**
 * Which file system a path lies on, read from /proc/self/mountinfo without touching the path: a dead or frozen mount
 * would hang whoever stats it.
 */
import { readFile } from 'node:fs/promises'

export interface MountEntry {
  readonly mountPoint: string
  readonly type: string
  readonly source: string
}

/** In the order of mounting: of two at one place the later covers the earlier. */
export async function readMountTable(): Promise<readonly MountEntry[]> {
  return parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'))
}

/** proc(5): `36 35 98:0 /root /mount/point options fields… - type source options`, blanks written as \040. */
export function parseMountTable(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ')
    const dash = fields.indexOf('-', 6)
    const mountPoint = fields[4]
    const type = fields[dash + 1]
    if (dash < 0 || mountPoint === undefined || type === undefined) return []
    return [{ mountPoint: unescapeOctal(mountPoint), type, source: unescapeOctal(fields[dash + 2] ?? '') }]
  })
}

/** The mount that a path (absolute, lexically normal) lies on. */
export function mountOf(table: readonly MountEntry[], path: string): MountEntry | undefined {
  const over = table.filter(({ mountPoint }) => isWithin(mountPoint, path))
  const depth = Math.max(...over.map(({ mountPoint }) => mountPoint.length))
  return over.filter(({ mountPoint }) => mountPoint.length === depth).at(-1)
}

/** True when `path` is `directory` or lies below it. Lexical. */
export function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_whole, digits: string) => String.fromCharCode(parseInt(digits, 8)))
}
