/** What one row found for one user, and whether that meets its goal (DESIGN.md section 7). Pure. */
import { digits, spreadText, type Spread } from './spread.js'
import type { UserName } from './options.js'

export type Goal =
  | { readonly atLeast: number }
  | { readonly atMost: number }
  /** Measured to be known, not to be met. */
  | { readonly none: true }

export interface Finding {
  readonly row: string
  readonly user: UserName
  /** What was done, with the counts of this run. */
  readonly work: string
  readonly measured: Spread
  /** `× ext4`, `requests`, `s`, `MB`… */
  readonly unit: string
  readonly goal: Goal
  /** The same figure for `rclone mount`. */
  readonly rclone?: Spread
  /** What the figure rests on: absolute times, smaller counts, extrapolation. */
  readonly notes: readonly string[]
}

/** By the median; undefined where there is nothing to meet. */
export function meetsGoal({ measured, goal }: Finding): boolean | undefined {
  if ('none' in goal) return undefined
  return 'atLeast' in goal ? measured.median >= goal.atLeast : measured.median <= goal.atMost
}

export function goalText({ goal, unit }: Finding): string {
  if ('none' in goal) return '–'
  return 'atLeast' in goal ? `≥ ${digits(goal.atLeast)} ${unit}` : `≤ ${digits(goal.atMost)} ${unit}`
}

/** One line for a person who watches. */
export function findingLine(finding: Finding): string {
  const met = meetsGoal(finding)
  const verdict = met === undefined ? '      ' : met ? 'ok    ' : 'MISSED'
  const rclone = finding.rclone === undefined ? '' : `, rclone ${spreadText(finding.rclone)}`
  const notes = finding.notes.length === 0 ? '' : `\n       ${finding.notes.join('; ')}`
  return `${verdict} ${finding.row} [${finding.user}] ${finding.work}: ${spreadText(finding.measured)} ${finding.unit}, goal ${goalText(finding)}${rclone}${notes}`
}
