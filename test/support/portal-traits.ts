/**
 * Traits for every portal that the client's tests start: `ELASTIC_DRIVE_PORTAL_TRAITS` is a JSON object, set by
 * scripts/traits. A test that depends on a trait names it in its own options, and those win.
 */
import type { PortalOptions } from '../../src/portal/portal.js'
import type { Traits } from '../../src/portal/traits.js'

export function portalTraits(): Partial<Traits> {
  const given = process.env.ELASTIC_DRIVE_PORTAL_TRAITS
  return given === undefined || given === '' ? {} : (JSON.parse(given) as Partial<Traits>) // the portal refuses what is no trait
}

export function withPortalTraits(options: PortalOptions): PortalOptions {
  return { ...options, traits: { ...portalTraits(), ...options.traits } }
}

/** The same for a portal that is a process. */
export function traitArguments(): readonly string[] {
  return Object.entries(portalTraits()).flatMap(([name, value]) => ['--trait', `${name}=${value}`])
}
