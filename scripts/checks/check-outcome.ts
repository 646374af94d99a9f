/** What one check or one test file came to, in the words of the last line. */
export interface Outcome {
  readonly name: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly elapsedMs: number
  /** One text for each thing that failed, to be read at the end of the run. */
  readonly failures: readonly string[]
}

/** The outcome of something that either holds or does not. */
export function singleOutcome(name: string, elapsedMs: number, failure: string | undefined): Outcome {
  const failures = failure === undefined ? [] : [failure]
  return { name, passed: 1 - failures.length, failed: failures.length, skipped: 0, elapsedMs, failures }
}

/** `ok      store/store.test.ts  6 tests, 0.4 s`. */
export function outcomeLine({ name, passed, failed, skipped, elapsedMs }: Outcome): string {
  const counts = [
    ...(failed > 0 ? [`${failed} of ${passed + failed} failed`] : [`${passed} passed`]),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ]
  return `${failed > 0 ? 'FAILED' : 'ok    '}  ${name}  ${counts.join(', ')}, ${(elapsedMs / 1000).toFixed(1)} s`
}

/** The line that the test command ends with. */
export function lastLine(outcomes: readonly Outcome[]): string {
  const sum = (count: (outcome: Outcome) => number): number => outcomes.reduce((total, outcome) => total + count(outcome), 0)
  const skipped = sum((outcome) => outcome.skipped)
  const line = `${sum((outcome) => outcome.passed)} passed, ${sum((outcome) => outcome.failed)} failed`
  return skipped === 0 ? line : `${line}, ${skipped} skipped`
}
