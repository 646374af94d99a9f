/**
 * The marker file inside the folder of a profile: it lies below the mount and says whose folder this is, so that a
 * folder from before is known again and no other profile takes it (DESIGN.md 6a.13). Holds no secret.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readFileIfAny, writeFileAtomic } from './record-file.js'

export const MARKER_NAME = '.elastic-drive'

export interface Marker {
  readonly profile: string
  readonly portal: string
  readonly userId: string
}

/** Undefined without a marker; `'foreign'` for a file of that name that is no marker of ours. */
export async function readMarker(folder: string): Promise<Marker | 'foreign' | undefined> {
  const text = await readFileIfAny(join(folder, MARKER_NAME))
  return text === undefined ? undefined : parseMarker(text)
}

/** Readable by all, as the folder is: it tells nothing that `ls` of the parent does not. */
export async function writeMarker(folder: string, marker: Marker): Promise<void> {
  const about = 'elastic-drive mounts a Bitrix24.Drive here; "elastic-drive mount" shows it'
  await writeFileAtomic(join(folder, MARKER_NAME), `${JSON.stringify({ about, ...marker }, undefined, 2)}\n`, 0o644)
}

/** As it is, where it says that already: writing would leave a second file beside it if the process died then. */
export async function ensureMarker(folder: string, marker: Marker): Promise<void> {
  const found = await readMarker(folder)
  const says = found !== undefined && found !== 'foreign' && found.profile === marker.profile && found.portal === marker.portal && found.userId === marker.userId
  if (!says) await writeMarker(folder, marker)
}

export async function removeMarker(folder: string): Promise<void> {
  await rm(join(folder, MARKER_NAME), { force: true })
}

function parseMarker(text: string): Marker | 'foreign' {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return 'foreign'
    throw error
  }
  if (typeof value !== 'object' || value === null) return 'foreign'
  const { profile, portal, userId } = value as Readonly<Record<string, unknown>>
  if (typeof profile !== 'string' || typeof portal !== 'string' || typeof userId !== 'string') return 'foreign'
  return { profile, portal, userId }
}
