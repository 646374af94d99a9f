/** Compares what somebody presents with a secret, in a time that tells nothing of where they differ. */
import { timingSafeEqual } from 'node:crypto'

export function isSameSecret(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}
