/** Several measurements of one thing as a median with its range. Pure. */

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: readonly number[]
}

/** At least one value. */
export function spreadOf(runs: readonly number[]): Spread {
  const sorted = [...runs].sort((a, b) => a - b)
  const at = (index: number): number => sorted[index] ?? Number.NaN
  const middle = (sorted.length - 1) / 2
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1), runs }
}

/** Run by run, what stands beside each other in time: `over[i] / under[i]`. */
export function ratios(over: readonly number[], under: readonly number[]): Spread {
  return spreadOf(over.map((value, index) => value / (under[index] ?? Number.NaN)))
}

/** Three digits that say something: `0.0123`, `1.02`, `485`. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value === 0) return '0'
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(Math.min(places, 4))
}

/** `1.02 (0.98–1.10)`; one run has no range. */
export function spreadText({ median, min, max, runs }: Spread): string {
  return runs.length === 1 ? digits(median) : `${digits(median)} (${digits(min)}–${digits(max)})`
}
