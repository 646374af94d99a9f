/**
 * The rules of the house as data: the layers of DESIGN.md section 4 and the limits of STYLE.md. A folder of src/ stands in
 * one row; it imports only from rows below and from itself.
 */

/** From the ground up; folders of one row never import each other. */
export const LAYERS: readonly (readonly string[])[] = [
  ['base'],
  ['rest', 'store', 'portal'],
  ['drive'],
  ['mirror', 'cache', 'journal', 'brake'],
  ['hydrate', 'upload', 'watch'],
  ['fs', 'sync'],
  ['engine', 'control', 'web'],
  ['daemon'],
  ['cli'],
]

/** The portal is written from the protocol's facts and never from the client: only who starts it knows it. */
export const IMPORTERS_OF_PORTAL: readonly string[] = ['portal', 'daemon', 'cli']

export const LONGEST_FILE_LINES = 400

/** Files that may be longer, each with its reason. */
export const LONGER_FILES: Readonly<Record<string, string>> = {}

/** Words that say nothing of what a file holds, as a part of its name between dashes; `index` only as the whole name. */
export const EMPTY_WORDS: readonly string[] = ['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'impl']

export function layerOf(folder: string): number | undefined {
  const row = LAYERS.findIndex((folders) => folders.includes(folder))
  return row === -1 ? undefined : row
}
