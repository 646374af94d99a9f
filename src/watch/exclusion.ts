/** Why something of the portal does not synchronize (R5, C26): for everybody by its code, or because the person here does not want it. Pure. */
import type { RemoteId } from '../base/ids.js'
import { isExcludedCode } from './row-plan.js'

/** `excluded`: "Uploaded files" and the like, which never synchronize. `deselected`: by `folders deselect`. */
export type Exclusion = 'excluded' | 'deselected'

/** Undefined: it synchronizes. `unselected`: see mirror/selection-rows.ts. */
export function exclusionOf({ id, code }: { readonly id: RemoteId; readonly code: string | null }, unselected: ReadonlySet<RemoteId>): Exclusion | undefined {
  if (isExcludedCode(code)) return 'excluded'
  return unselected.has(id) ? 'deselected' : undefined
}
