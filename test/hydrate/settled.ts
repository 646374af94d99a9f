/** Lets the event loop turn until `condition` holds; fails after many turns (each waits for real input and output). */
export async function settled(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000; turn += 1) {
    if (condition()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error('the condition never held')
}
