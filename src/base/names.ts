/**
 * What a name may be, on the portal (bitrix24-rest.md 7.1) and in the folder, and which names stay here because only
 * programs use them (DESIGN.md section 6). Pure.
 */

/** The portal counts characters, Linux counts bytes (O-7). */
export const MAX_PORTAL_NAME_CHARACTERS = 255
export const MAX_LOCAL_NAME_BYTES = 255

// eslint-disable-next-line no-control-regex -- control characters are what the portal forbids
const FORBIDDEN_ON_PORTAL = /[\u0000-\u001f<>:"|?*/\\]/u
// Bidirectional and zero-width marks that the server lists as unsafe byte sequences (7.1).
const UNSAFE_MARKS = /[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u

/** Longer than what statfs(2) promises of names here: such a name of the portal is shown cut, so none is made here. */
export function isLongerThanShown(name: string): boolean {
  return Buffer.byteLength(name) > MAX_LOCAL_NAME_BYTES
}

/** Why the portal would refuse a name, or undefined when it takes it. */
export type NameFault = 'empty' | 'too-long' | 'forbidden-character' | 'reserved'

export function portalNameFault(name: string): NameFault | undefined {
  if (name.trim() === '') return 'empty'
  // "0" is empty to PHP, so a rename to it is refused (E-32); "." and ".." are no names anywhere.
  if (name === '.' || name === '..' || name === '0') return 'reserved'
  if (characterCount(name) > MAX_PORTAL_NAME_CHARACTERS) return 'too-long'
  if (FORBIDDEN_ON_PORTAL.test(name) || UNSAFE_MARKS.test(name)) return 'forbidden-character'
  return undefined
}

/** Code points, as the portal's database counts them. */
function characterCount(name: string): number {
  return Array.from(name).length
}

/** Simple case folding: two names with the same key cannot stand in one folder (DESIGN.md 6a.14). */
export function caseKey(name: string): string {
  // The final form of sigma is the one lower-case letter that depends on where it stands.
  return name.normalize('NFC').toLowerCase().replaceAll('ς', 'σ')
}

export const DEFAULT_LOCAL_ONLY_NAMES: readonly string[] = [
  '.~lock.*#',
  '~$*',
  '.goutputstream-*',
  '.*.sw?',
  '4913',
  'lu*.tmp',
  '~WR?*.tmp',
  '*.part',
  '*.crdownload',
  '.fuse_hidden*',
  '.nfs*',
  '.directory',
  '.DS_Store',
  'Thumbs.db',
]

/** Where a file manager keeps what it trashed, at the top of a file system (freedesktop.org trash specification): never a name of the portal. */
export function isTrashName(name: string): boolean {
  return /^\.Trash(-\d+)?$/u.test(name)
}

/** A matcher for shell patterns with `*` and `?`; letters match as written. */
export function namePatterns(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const source = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')
    return new RegExp(`^${source}$`, 'su')
  })
  return (name) => expressions.some((expression) => expression.test(name))
}

/** `report.tar.gz` → `['report', '.tar.gz']`: where a mark goes so that programs still know the type. */
export function splitExtension(name: string): readonly [stem: string, extension: string] {
  const match = /^(.+?)((?:\.tar)?\.[^./\s]{1,10})$/su.exec(name)
  return match === null ? [name, ''] : [match[1] ?? name, match[2] ?? '']
}

/** Names under which the portal may have stored an upload: uploads are trimmed and lose emoji silently (E-31). */
export function storedNames(name: string): readonly string[] {
  const corrected = name.trim().replaceAll(/\p{Extended_Pictographic}/gu, (sign) => ((sign.codePointAt(0) ?? 0) > LAST_THREE_BYTE_CHARACTER ? '_' : sign))
  return corrected === name ? [name] : [name, corrected]
}

const LAST_THREE_BYTE_CHARACTER = 0xffff // the portal's old tables store no more

const TEMPORARY_NAME = /\.~moving-[0-9a-f]{8}$/u

/** A name that no person gives, for an item of a ring on its way: `report.odt` → `report.odt.~moving-1a2b3c4d`. */
export function temporaryName(name: string, suffix: string): string {
  const mark = `.~moving-${suffix}`
  return Array.from(name).slice(0, 200).join('') + mark // 255 characters are the portal's most
}

export function isTemporaryName(name: string): boolean {
  return TEMPORARY_NAME.test(name)
}
