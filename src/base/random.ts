/** Randomness as a dependency: the system's for real use, a seeded one for tests and for seeds of the portal. */
import { randomBytes } from 'node:crypto'

export interface Random {
  /** A number in [0, 1). */
  fraction(): number
  /** Lower-case hexadecimal digits of `byteCount` random bytes. */
  hex(byteCount: number): string
}

export const systemRandom: Random = {
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  hex: (byteCount) => randomBytes(byteCount).toString('hex'),
}

/** A repeatable sequence (mulberry32). Never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    fraction: () => next() / 2 ** 32,
    hex: (byteCount) => Array.from({ length: byteCount }, () => (next() & 0xff).toString(16).padStart(2, '0')).join(''),
  }
}
