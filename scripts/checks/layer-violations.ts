/**
 * Finds what breaks the rules of layer-rules.ts in a set of source files. Pure: paths are relative to src/ and the texts
 * are given.
 */
import { posix } from 'node:path'
import { EMPTY_WORDS, IMPORTERS_OF_PORTAL, layerOf, LONGER_FILES, LONGEST_FILE_LINES } from './layer-rules.js'
import { sourceImports, type SourceImport } from './source-imports.js'

export interface Violation {
  readonly path: string
  readonly line: number
  readonly rule: string
}

/** An import of one file of src/ by another. */
interface Edge extends SourceImport {
  readonly from: string
  readonly to: string
}

export function findViolations(sources: ReadonlyMap<string, string>): readonly Violation[] {
  const edges = [...sources].flatMap(([path, text]) => localImports(path, text))
  return [
    ...[...sources].flatMap(([path, text]) => [...nameViolations(path), ...lengthViolations(path, text)]),
    ...edges.flatMap(directionViolations),
    ...cycleViolations(edges.filter(({ to }) => sources.has(to))),
  ]
}

function localImports(from: string, text: string): readonly Edge[] {
  return sourceImports(from, text)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map((found) => ({ ...found, from, to: posix.join(posix.dirname(from), found.specifier).replace(/\.js$/, '.ts') }))
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
}

function nameViolations(path: string): readonly Violation[] {
  const violation = (rule: string): readonly Violation[] => [{ path, line: 1, rule }]
  if (layerOf(folderOf(path)) === undefined) return violation(`stands in no layer's folder`)
  const names = path.replace(/\.ts$/, '').split('/')
  const word = names.flatMap((name) => name.split(/[-.]/)).find((part) => EMPTY_WORDS.includes(part.toLowerCase()))
  if (word !== undefined) return violation(`"${word}" says nothing of what the file holds`)
  return names.at(-1) === 'index' ? violation('no barrels: a file is named by what it holds') : []
}

function lengthViolations(path: string, text: string): readonly Violation[] {
  const lines = text.replace(/\n$/, '').split('\n').length
  if (lines <= LONGEST_FILE_LINES || path in LONGER_FILES) return []
  return [{ path, line: LONGEST_FILE_LINES + 1, rule: `${lines} lines: one idea a file, at most ${LONGEST_FILE_LINES} lines` }]
}

function directionViolations({ from, to, line, specifier }: Edge): readonly Violation[] {
  const violation = (rule: string): readonly Violation[] => [{ path: from, line, rule: `${rule} ("${specifier}")` }]
  if (to.startsWith('../')) return violation('imports from outside src/')
  const [importer, imported] = [folderOf(from), folderOf(to)]
  if (importer === imported) return []
  const [upper, lower] = [layerOf(importer), layerOf(imported)]
  if (upper === undefined) return [] // told by its name already
  if (lower === undefined) return violation(`imports from ${imported}, which is no layer's folder`)
  if (upper === lower) return violation(`${importer} and ${imported} stand in one row and never import each other`)
  if (upper < lower) return violation(`imports point down: ${importer} stands below ${imported}`)
  if (imported === 'portal' && !IMPORTERS_OF_PORTAL.includes(importer)) return violation('the client shares nothing with the portal')
  return []
}

/** One violation for each import that closes a circle, told with the whole circle. */
function cycleViolations(edges: readonly Edge[]): readonly Violation[] {
  const outgoing = new Map<string, Edge[]>()
  for (const edge of edges) outgoing.set(edge.from, [...(outgoing.get(edge.from) ?? []), edge])
  const violations: Violation[] = []
  const finished = new Set<string>()
  const follow = (path: string, trail: readonly string[]): void => {
    for (const { to, line } of outgoing.get(path) ?? []) {
      const start = trail.indexOf(to)
      if (start !== -1) violations.push({ path, line, rule: `imports go in a circle: ${[...trail.slice(start), to].join(' → ')}` })
      else if (!finished.has(to)) follow(to, [...trail, to])
    }
    finished.add(path)
  }
  for (const path of outgoing.keys()) if (!finished.has(path)) follow(path, [path])
  return violations
}
