/** The brake's decision about one side, from its tables and the size of the storages, of which no more is counted than it takes. */
import type { Ino, StorageId } from '../base/ids.js'
import type { Reader } from '../store/store.js'
import { countsNeeded, planBrake, type Deletion } from './brake-plan.js'
import { readGone, type Side } from './brake-rows.js'

/** Which of the deletions are to be held. `countOfStorage` counts no further than `atMost`. */
export async function decideBrake(
  reader: Reader,
  side: Side,
  deletions: readonly Deletion[],
  countOfStorage: (storageId: StorageId, atMost: number) => Promise<number>,
): Promise<ReadonlySet<Ino>> {
  const gone = await readGone(reader, side)
  const known = new Map<StorageId, number>()
  for (const [storageId, atMost] of countsNeeded(deletions, gone)) known.set(storageId, await countOfStorage(storageId, atMost))
  return planBrake(deletions, gone, known)
}
