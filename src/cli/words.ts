/** Figures as a person reads them. Pure. */

const STEPS: readonly (readonly [unit: string, bytes: number])[] = [
  ['TB', 10 ** 12],
  ['GB', 10 ** 9],
  ['MB', 10 ** 6],
  ['KB', 10 ** 3],
]

/** `1.5 MB`; MB is 10^6. */
export function bytesInWords(bytes: number): string {
  const step = STEPS.find(([, size]) => bytes >= size)
  if (step === undefined) return `${bytes} B`
  const [unit, size] = step
  const figure = bytes / size
  return `${figure >= 100 ? Math.round(figure) : Math.round(figure * 10) / 10} ${unit}`
}

/** `1 edit`, `3 edits`. */
export function countInWords(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** Columns side by side, the last one ragged. */
export function tableLines(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  '))
}
