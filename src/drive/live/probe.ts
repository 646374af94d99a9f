/**
 * A doubtful fact of the protocol that can be tried without harm: bitrix24-rest.md tells it as unverified, from the source
 * only, or docs and source disagree. Names and values are those of the embedded portal's traits (src/portal/traits.ts),
 * so that a real portal's answers can be set there one by one.
 */
import type { Scratch } from './scratch.js'

export type TraitValue = string | number | boolean

export interface Probe {
  readonly trait: string
  /** The item of the portal checklist. */
  readonly item: string
  readonly about: string
  /** Answers what the portal does; undefined when its answers do not tell. Throws what it could not do. */
  readonly run: (scratch: Scratch) => Promise<TraitValue | undefined>
}

/** What is not tried on somebody's drive, and why. */
export interface Untried {
  readonly trait: string
  readonly item: string
  readonly why: string
}
