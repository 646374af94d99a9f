/** Lines that name items: the first of them, and how many more there are. */
import { bytesInWords } from './words.js'

const MOST_NAMED = 20

export function itemLines(names: readonly string[], indent = '  '): readonly string[] {
  const more = names.length - MOST_NAMED
  return [...names.slice(0, MOST_NAMED).map((name) => `${indent}${name}`), ...(more > 0 ? [`${indent}and ${more} more`] : [])]
}

export function unsentLines(unsent: readonly { readonly path: string; readonly bytes: number }[]): readonly string[] {
  return itemLines(unsent.map(({ path, bytes }) => `${path} (${bytesInWords(bytes)})`))
}
