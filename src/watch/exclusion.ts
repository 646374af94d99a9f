/** Why something of the portal does not synchronize (R5, C26): for everybody by its code, or because the person here does not want it. Pure. */
import type { RemoteId, StorageId } from '../base/ids.js'
import { isExcludedCode } from './row-plan.js'

/** `excluded`: "Uploaded files" and the like, which never synchronize. `deselected`: by `folders deselect`. */
export type Exclusion = 'excluded' | 'deselected'

interface Chosen {
  readonly id: RemoteId
  readonly code: string | null
  readonly storageId?: StorageId
}

/**
 * Undefined: it synchronizes. `unselected`: see mirror/selection-rows.ts. `ownStorage`: of the account's own drive; in another
 * one the folders with these codes are like any other (13.1).
 */
export function exclusionOf({ id, code, storageId }: Chosen, unselected: ReadonlySet<RemoteId>, ownStorage?: StorageId): Exclusion | undefined {
  const isElsewhere = ownStorage !== undefined && storageId !== undefined && storageId !== ownStorage
  if (isExcludedCode(code) && !isElsewhere) return 'excluded'
  return unselected.has(id) ? 'deselected' : undefined
}
