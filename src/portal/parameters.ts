/**
 * Parameters as PHP reads them (E-6, E-7): query strings and forms with brackets, and the ways a value is taken as an id,
 * a number, a text, a truth or a list. An unknown parameter is ignored, a missing required one is ERROR_ARGUMENT.
 */
import { RestFailure } from './rest-failure.js'

export type Parameters = Readonly<Record<string, unknown>>
type PhpArray = Record<string, unknown>

const MAX_DEPTH = 64 // PHP's max_input_nesting_level

/** `filter[>ID]=10&order[ID]=ASC` → nested objects; a list (`a[]=`) is an object with keys 0, 1, … */
export function parseQuery(text: string): PhpArray {
  const root = phpArray()
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    setByName(root, name, equals < 0 ? '' : decode(pair.slice(equals + 1)))
  }
  return root
}

/** Puts one form field in its place by its bracketed name. */
export function setByName(root: PhpArray, name: string, value: unknown): void {
  // A bracket that is never closed is no bracket, as in PHP: `filter[=NAME]=x`, not encoded, sets `filter_`.
  const open = /\[[^\]]*\]/.test(name) ? name.indexOf('[') : -1
  const top = (open <= 0 ? name : name.slice(0, open)).replace(/[ .[]/g, '_')
  if (top === '') return
  const keys = [top, ...(open <= 0 ? [] : [...name.slice(open).matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? ''))]
  if (keys.length > MAX_DEPTH) return
  let target = root
  keys.forEach((key, depth) => {
    const place = key === '' ? nextIndex(target) : key
    if (depth === keys.length - 1) {
      target[place] = value
      return
    }
    const inner = target[place]
    const next = isPhpArray(inner) ? inner : phpArray()
    target[place] = next
    target = next
  })
}

/** Query parameters under the body's: the body wins (E-6). */
export function mergeParameters(query: Parameters, body: Parameters): Parameters {
  return Object.assign(phpArray(), query, body)
}

export function phpArray(): PhpArray {
  return Object.create(null) as PhpArray
}

export function isPhpArray(value: unknown): value is PhpArray {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && (Object.getPrototypeOf(value) === null || Object.getPrototypeOf(value) === Object.prototype)
}

/** `names` in the order of the PHP signature; a trailing `*` marks the required ones. */
export function requireParameters(parameters: Parameters, names: readonly string[]): void {
  names.forEach((name, index) => {
    if (!name.endsWith('*')) return
    const bare = name.slice(0, -1)
    if (parameters[bare] === undefined || parameters[bare] === null) {
      throw new RestFailure(400, 'ERROR_ARGUMENT', `Invalid value of parameter { Parameter #${index} [ <required> $${bare} ] }.`)
    }
  })
}

/** The text of a scalar, as PHP makes one of it; anything else is empty. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (value === true) return '1'
  return ''
}

/** An object or storage id; undefined when it is not a whole number. */
export function idOf(value: unknown): number | undefined {
  const text = textOf(value).trim()
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** PHP's (int). */
export function integerOf(value: unknown): number {
  const match = /^\s*[+-]?\d{1,15}/.exec(textOf(value))
  return match === null ? 0 : Number(match[0])
}

/** PHP's truth; `falseTextIsTrue`: the text "false" is true (2.1). */
export function truthOf(value: unknown, falseTextIsTrue: boolean): boolean {
  if (value === 'false' && !falseTextIsTrue) return false
  if (Array.isArray(value)) return value.length > 0
  if (isPhpArray(value)) return Object.keys(value).length > 0
  return value !== undefined && value !== null && value !== false && value !== '' && value !== '0' && value !== 0
}

/** The entries of a PHP array, whether it came as a JSON object, a JSON list or a form. */
export function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  if (Array.isArray(value) || isPhpArray(value)) return Object.entries(value)
  return []
}

/** The values when `value` is an array of any kind, undefined for a scalar. */
export function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as readonly unknown[]
  return isPhpArray(value) ? Object.values(value) : undefined
}

function nextIndex(target: PhpArray): string {
  const taken = Object.keys(target).filter((key) => /^\d+$/.test(key)).map(Number)
  return String(taken.length === 0 ? 0 : Math.max(...taken) + 1)
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch (error) {
    if (!(error instanceof URIError)) throw error
    // PHP takes broken escapes as they stand and bytes that are no UTF-8 as they come.
    return spaced.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'))
  }
}
