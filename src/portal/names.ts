/**
 * Names as the server judges them (E-29 … E-34, bitrix24-rest.md 7.1): what is valid, how uploads are corrected, when two
 * names clash, and how a unique one is made. Written from the server's rules, not from what a client allows.
 */

import type { Traits } from './traits.js'

const MAX_NAME_CHARACTERS = 255

// eslint-disable-next-line no-control-regex -- control characters are what the server forbids
const INVALID_CHARACTER = /[\u0000-\u001f<>:"|?*/\\]/gu
const UNSAFE_MARK = /[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu
const PICTOGRAPH = /\p{Extended_Pictographic}/gu
const LAST_THREE_BYTE_CHARACTER = 0xffff // what utf8 without mb4 can store (3.4)

export type NameRules = Pick<Traits, 'dotNames' | 'unsafeMarks'>

export function isValidName(name: string, rules: NameRules): boolean {
  if (name.trim() === '' || Array.from(name).length > MAX_NAME_CHARACTERS) return false
  if (rules.dotNames === 'refused' && (name === '.' || name === '..')) return false
  return name.search(INVALID_CHARACTER) < 0 && (rules.unsafeMarks === 'accepted' || name.search(UNSAFE_MARK) < 0)
}

/** Uploads repair names instead of refusing them (E-31): trimmed, emoji and invalid characters become `_`. */
export function uploadName(name: string, rules: Pick<Traits, 'uploadNames' | 'unsafeMarks'>): string {
  if (rules.uploadNames === 'refused') return name
  return name
    .trim()
    .replace(PICTOGRAPH, (sign) => ((sign.codePointAt(0) ?? 0) > LAST_THREE_BYTE_CHARACTER ? '_' : sign))
    .replace(INVALID_CHARACTER, '_')
    .replace(rules.unsafeMarks === 'accepted' ? /$^/u : UNSAFE_MARK, '_')
}

/** Two names with the same key clash (E-29): case, accents, ё/е and trailing blanks do not count on MySQL. */
export function nameKey(name: string, collation: Traits['nameCollation']): string {
  if (collation === 'bytes') return name
  const padded = collation === 'mysql-0900' ? name : name.replace(/ +$/, '')
  if (collation === 'mysql-accents') return padded.toLowerCase().normalize('NFC')
  return padded
    .toLowerCase()
    .normalize('NFD')
    .replace(/(и)\u0306/gu, 'й') // й is a letter of its own, ё is not
    .replace(/\p{Mn}/gu, '')
    .normalize('NFC')
}

/** `a.tar.gz` → `a`, `.tar.gz`: where ` (1)` goes (6.5). */
export function splitName(name: string): readonly [stem: string, extension: string] {
  const match = /^(.+?)((?:\.tar\.[^.]+)|(?:\.[^.]+))$/su.exec(name)
  if (match === null) return [name, '']
  const tar = /^(.+)(\.tar\.[^.]+)$/su.exec(name)
  if (tar !== null) return [tar[1] ?? name, tar[2] ?? '']
  const dot = name.lastIndexOf('.')
  return [name.slice(0, dot), name.slice(dot)]
}

const TRIES = 10

/**
 * A free name like `name` (E-33): ` (n)` before the extension, n going on from the newest sibling that has one, after ten
 * tries the time. `siblingsNewestFirst` are the names in the folder, `isTaken` is by the portal's collation.
 */
export function uniqueName(name: string, options: { siblingsNewestFirst: () => readonly string[]; isTaken: (name: string) => boolean; nowSec: number }): string {
  if (!options.isTaken(name)) return name
  const [stem, extension] = splitName(name)
  const first = lastNumber(stem, extension, options.siblingsNewestFirst()) + 1
  for (let number = first; number < first + TRIES; number += 1) {
    const candidate = `${stem} (${number})${extension}`
    if (!options.isTaken(candidate)) return candidate
  }
  return `${stem} ${options.nowSec}${extension}`
}

function lastNumber(stem: string, extension: string, siblingsNewestFirst: readonly string[]): number {
  const prefix = `${stem} (`
  const suffix = `)${extension}`
  for (const sibling of siblingsNewestFirst) {
    if (!sibling.startsWith(prefix) || !sibling.endsWith(suffix)) continue
    const number = sibling.slice(prefix.length, sibling.length - suffix.length)
    if (/^\d{1,9}$/.test(number)) return Number(number)
  }
  return 0
}
