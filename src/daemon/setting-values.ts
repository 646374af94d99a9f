/**
 * How the values of settings are written by a person and shown to one: sizes (`64MB`, `1GiB`), seconds, yes and no, choices,
 * lists of name patterns. Pure. A value that does not fit is `undefined`, the caller says what would.
 */

/** MB is 10^6, MiB 2^20. */
const UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ['TiB', 2 ** 40],
  ['TB', 10 ** 12],
  ['GiB', 2 ** 30],
  ['GB', 10 ** 9],
  ['MiB', 2 ** 20],
  ['MB', 10 ** 6],
  ['KiB', 2 ** 10],
  ['KB', 10 ** 3],
  ['B', 1],
]

/** `64MB`, `1.5 GiB`, `4096`; undefined for anything else, and beyond what a file size can be. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,16}(?:\.\d{1,6})?)\s*([a-z]*)$/i.exec(text.trim())
  if (match === null) return undefined
  const [, digits = '', unit = ''] = match
  const scale = unit === '' ? 1 : UNITS.find(([name]) => name.toLowerCase() === unit.toLowerCase())?.[1]
  if (scale === undefined) return undefined
  const bytes = Number(digits) * scale
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined
}

/** The shortest way to write exactly this many bytes: `10GB`, `1GiB`, `1234567`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0'
  const fitting = UNITS.filter(([, scale]) => bytes % scale === 0).map(([unit, scale]) => `${bytes / scale}${unit === 'B' ? '' : unit}`)
  return fitting.reduce((shortest, next) => (next.length < shortest.length ? next : shortest))
}

export function parseSeconds(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*s?$/.exec(text.trim())
  return match === null ? undefined : Number(match[1])
}

export function parseFlag(text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  if (['true', 'yes', 'on', '1'].includes(word)) return true
  if (['false', 'no', 'off', '0'].includes(word)) return false
  return undefined
}

const MAX_PATTERNS = 200
const MAX_PATTERN_CHARACTERS = 255

/** `*.tmp,~$*` or a JSON list; the empty text is the empty list. */
export function parsePatterns(text: string): readonly string[] | undefined {
  const trimmed = text.trim()
  const patterns = trimmed.startsWith('[') ? parseJsonList(trimmed) : trimmed.split(',').map((pattern) => pattern.trim())
  return patterns === undefined ? undefined : checkPatterns(patterns.filter((pattern) => pattern !== ''))
}

export function checkPatterns(patterns: readonly unknown[]): readonly string[] | undefined {
  const sound = patterns.every((pattern): pattern is string => typeof pattern === 'string' && isPattern(pattern))
  // A pattern of stars alone would keep everything here for ever.
  return sound && patterns.length <= MAX_PATTERNS ? patterns : undefined
}

function isPattern(pattern: string): boolean {
  return pattern !== '' && pattern.length <= MAX_PATTERN_CHARACTERS && !pattern.includes('/') && !/^\*+$/.test(pattern)
}

function parseJsonList(text: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every((entry): entry is string => typeof entry === 'string') ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
