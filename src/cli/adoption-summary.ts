/** What connecting again to a folder does with the files in it, as an answer and in words. Pure. */
import { join } from 'node:path'
import type { AdoptionPlan, Step } from '../daemon/adoption-plan.js'
import { itemLines } from './item-lines.js'
import { bytesInWords, countInWords } from './words.js'

const MOST_NAMED = 1_000

export interface AdoptionSummary {
  /** Only here: sent as new (F2). */
  readonly up: { readonly files: number; readonly folders: number; readonly bytes: number; readonly paths: readonly string[] }
  /** Only there: listed (F1). */
  readonly down: number
  /** The same on both sides, known without a transfer (F5, F7). */
  readonly merged: { readonly files: number; readonly folders: number; readonly bytes: number }
  /** Of equal size, but the bytes are only known on one side: compared when the drive is mounted (F5, F6). */
  readonly compare: readonly string[]
  /** Different on both sides: both are kept (F6, F8). */
  readonly conflicts: readonly string[]
  /** Names that only programs use: they stay here. */
  readonly localOnly: readonly string[]
  /** They stay in the folder, below the mount. */
  readonly left: readonly { readonly path: string; readonly why: 'excluded' | 'deselected' | 'unsupported' | 'not-connected' }[]
}

export function summarizeAdoption(folder: string, { steps, down }: AdoptionPlan): AdoptionSummary {
  const all = [...walk(steps)]
  const of = <Kind extends Step['kind']>(kind: Kind): readonly (Step & { kind: Kind })[] => all.filter((step): step is Step & { kind: Kind } => step.kind === kind)
  const named = (chosen: readonly Step[]): readonly string[] => chosen.slice(0, MOST_NAMED).map(({ entry }) => join(folder, ...entry.names))
  const sent = (against: 'nothing' | 'unproved' | 'differs'): readonly Step[] => of('send').filter((step) => step.against === against)
  return {
    up: { ...countOf(sent('nothing')), paths: named(sent('nothing')) },
    down,
    merged: countOf([...of('merge'), ...of('adopt')]),
    compare: named(sent('unproved')),
    conflicts: named(sent('differs')),
    localOnly: named(of('keep')),
    left: of('leave').slice(0, MOST_NAMED).map(({ entry, why }) => ({ path: join(folder, ...entry.names), why })),
  }
}

export function adoptionLines({ up, down, merged, compare, conflicts, localOnly, left }: AdoptionSummary): readonly string[] {
  const sizes = ({ files, folders, bytes }: AdoptionSummary['merged']): string => `${countInWords(files, 'file')} (${bytesInWords(bytes)}) and ${countInWords(folders, 'folder')}`
  return [
    `  Merged     ${sizes(merged)}, without moving a byte`,
    `  Up         ${sizes(up)} that are only here`,
    ...indented(up.paths),
    `  Down       ${countInWords(down, 'item')} to be listed`,
    ...(compare.length === 0 ? [] : [`  Compare    ${countInWords(compare.length, 'file')} of equal size`, ...indented(compare)]),
    ...(conflicts.length === 0 ? [] : [`  Conflicts  ${countInWords(conflicts.length, 'item')}: both are kept`, ...indented(conflicts)]),
    ...(localOnly.length === 0 ? [] : [`  Only here  ${countInWords(localOnly.length, 'item')} with names that only programs use`]),
    ...(left.length === 0 ? [] : [`  Left       ${countInWords(left.length, 'item')} hidden while the drive is mounted`, ...indented(left.map(({ path }) => path))]),
  ]
}

export function indented(paths: readonly string[]): readonly string[] {
  return itemLines(paths, '    ')
}

function* walk(steps: readonly Step[]): Iterable<Step> {
  for (const step of steps) {
    yield step
    if ('children' in step) yield* walk(step.children)
  }
}

function countOf(steps: readonly Step[]): { readonly files: number; readonly folders: number; readonly bytes: number } {
  const files = steps.filter(({ entry }) => entry.kind === 'file')
  return { files: files.length, folders: steps.length - files.length, bytes: files.reduce((sum, { entry }) => sum + entry.sizeBytes, 0) }
}
