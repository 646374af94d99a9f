/**
 * The portals that the client has to be good on: the defaults, each value of each trait alone, everything told the other
 * way, and mixtures in which any two traits are once flipped together and once apart.
 */
import { TRAIT_SPECS, type TraitName, type Traits } from '../../src/portal/traits.js'

export interface TraitPortal {
  readonly name: string
  readonly traits: Partial<Traits>
}

const NAMES = Object.keys(TRAIT_SPECS) as TraitName[]

function others(name: TraitName): readonly (string | number | boolean)[] {
  return TRAIT_SPECS[name].values.slice(1)
}

function portal(name: string, flipped: readonly (readonly [TraitName, string | number | boolean | undefined])[]): TraitPortal {
  return { name, traits: Object.fromEntries(flipped.filter(([, value]) => value !== undefined)) }
}

const DEFAULTS = portal('the defaults', [])
const EACH_ALONE = NAMES.flatMap((name) => others(name).map((value) => portal(`${name}=${value}`, [[name, value]])))

/** Two portals: traits of several values stand at their second and at their last. */
export const ALL_FLIPPED: readonly TraitPortal[] = [
  portal('every trait at its second value', NAMES.map((name) => [name, others(name)[0]])),
  portal('every trait at its last value', NAMES.map((name) => [name, others(name).at(-1)])),
]

export const TRAIT_PORTALS: readonly TraitPortal[] = [DEFAULTS, ...EACH_ALONE, ...ALL_FLIPPED]

/** One for each bit of a trait's number. */
export const MIXED_PORTALS: readonly TraitPortal[] = Array.from({ length: Math.ceil(Math.log2(NAMES.length)) }, (_each, bit) =>
  portal(`mixture ${bit}`, NAMES.filter((_name, index) => ((index >> bit) & 1) === 1).map((name) => [name, others(name)[bit % others(name).length]])),
)
