/**
 * The same work in several places, in turn: A B C A B C … so that what else the machine does meets all of them. The
 * figure is the ratio within each round; rclone falls out of the later rounds when one of its takes too long.
 */
import { ratios, type Spread } from './spread.js'
import { digits } from './spread.js'

const RCLONE_ROUND_LIMIT_S = 60

export type PlaceName = 'ext4' | 'drive' | 'rclone'

/** One round of work in one place: seconds for each unit of it, so that counts may differ. */
export type Work = (round: number) => Promise<number>

export interface Rounds {
  readonly ext4: readonly number[]
  readonly drive: readonly number[]
  readonly rclone: readonly number[]
}

export interface Places {
  readonly ext4: Work
  readonly drive: Work
  readonly rclone?: Work | undefined
}

export async function interleave(rounds: number, places: Places): Promise<Rounds> {
  const seconds: Record<PlaceName, number[]> = { ext4: [], drive: [], rclone: [] }
  let rclone = places.rclone
  for (let round = 0; round < rounds; round += 1) {
    seconds.ext4.push(await places.ext4(round))
    seconds.drive.push(await places.drive(round))
    if (rclone === undefined) continue
    const startMs = performance.now()
    seconds.rclone.push(await rclone(round))
    if (performance.now() - startMs > RCLONE_ROUND_LIMIT_S * 1000) rclone = undefined
  }
  return seconds
}

/** How many times as fast as ext4: 1 is the same, more is better. */
export function againstExt4({ ext4, drive, rclone }: Rounds): { measured: Spread; rclone?: Spread } {
  const pairs = ext4.slice(0, rclone.length)
  return { measured: ratios(ext4, drive), ...(rclone.length === 0 ? {} : { rclone: ratios(pairs, rclone) }) }
}

/** Medians as they were: `ext4 0.52 s, drive 0.47 s`. `factor` and `unit` say what one unit of work is. */
export function absolute(rounds: Rounds, unit = 's', factor = 1): string {
  const names: readonly PlaceName[] = ['ext4', 'drive', 'rclone']
  return names
    .filter((name) => rounds[name].length > 0)
    .map((name) => `${name} ${digits(ratios(rounds[name], rounds[name].map(() => 1 / factor)).median)} ${unit}`)
    .join(', ')
}
