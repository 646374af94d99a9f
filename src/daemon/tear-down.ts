/** Takes back what was set up, step by step, whatever one of the steps says; the first failure is thrown at the end. */
export async function tearDown(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
