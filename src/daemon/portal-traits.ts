/**
 * What `doctor --live` found out about the profile's portal, remembered: told by `doctor`, and taken by the next mount
 * where it saves the mount from finding out by itself.
 */
import type { LiveFindings } from '../drive/live/live-check.js'
import type { TraitValue } from '../drive/live/probe.js'
import type { ProfilePaths } from './paths.js'
import { readRecord, writeFileAtomic } from './record-file.js'

export interface PortalTraits {
  /** Host of the portal that was tried. */
  readonly portal: string
  /** ISO 8601. */
  readonly checkedAt: string
  readonly traits: Readonly<Record<string, TraitValue>>
}

export async function writePortalTraits(paths: ProfilePaths, { portal, checkedAt, findings }: { readonly portal: string; readonly checkedAt: string; readonly findings: LiveFindings }): Promise<void> {
  const traits: Record<string, TraitValue> = {}
  for (const { trait, value } of findings.found) if (value !== null) traits[trait] = value
  const remembered: PortalTraits = { portal, checkedAt, traits }
  await writeFileAtomic(paths.portalTraitsPath, `${JSON.stringify(remembered, null, 2)}\n`)
}

/** Of this portal; undefined where none were tried. `profile-damaged` when the file cannot be read. */
export async function readPortalTraits(paths: ProfilePaths, portal: string): Promise<PortalTraits | undefined> {
  const record = await readRecord(paths.portalTraitsPath, 'delete it, or run "elastic-drive doctor --live" again')
  if (record?.portal !== portal || typeof record.checkedAt !== 'string' || typeof record.traits !== 'object' || record.traits === null) return undefined
  const known = Object.entries(record.traits).filter((entry): entry is [string, TraitValue] => ['string', 'number', 'boolean'].includes(typeof entry[1]))
  return { portal, checkedAt: record.checkedAt, traits: Object.fromEntries(known) }
}

/** Whether downloads of a part are worth asking for (E-52); undefined where that is not known. */
export function servesRanges({ traits }: PortalTraits): boolean | undefined {
  return typeof traits.rangeMode === 'string' ? traits.rangeMode === 'A' || traits.rangeMode === 'B' : undefined
}
