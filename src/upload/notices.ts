/** What a person should hear of sending: shown in the activity and as notifications by the layers above. */
import type { ErrorCode } from '../base/errors.js'
import type { Ino } from '../base/ids.js'

export type UploadNotice =
  /** Both sides had their own content or item of one name; `ino` kept the local one under `name` (C7, C22, 6a.3). */
  | { readonly kind: 'conflict-copy'; readonly ino: Ino; readonly name: string; readonly why: 'edited-on-both-sides' | 'name-taken' | 'torn-by-power-loss' }
  /** The portal's item was gone, or not ours to change: the edit was kept as `name` (C15, C20, C24). */
  | { readonly kind: 'recovered'; readonly ino: Ino; readonly name: string; readonly why: 'gone-on-portal' | 'no-right' }
  /** A deletion was not carried out: somebody changed the item, or added to the folder (C9, 6a.12), or forbids it (C24). */
  | { readonly kind: 'brought-back'; readonly ino: Ino; readonly name: string; readonly why: 'changed-on-portal' | 'holds-unseen-items' | 'no-right' }
  /** A rename or move was taken back, because the portal does not allow it (C24). */
  | { readonly kind: 'place-restored'; readonly ino: Ino; readonly name: string; readonly why: ErrorCode }
  /** Both sides renamed or moved the item; the portal's place won (C12). */
  | { readonly kind: 'remote-place-won'; readonly ino: Ino; readonly name: string }
  /** The file got a new id on the portal, because its content could not be sent as a version (6a.7). */
  | { readonly kind: 'replaced'; readonly ino: Ino; readonly name: string; readonly why: 'empty' | 'too-large' }
  /** Somebody's version slipped in before ours: kept as the file `copy`, or, where the portal kept no trace of it, only reported (6a.15). */
  | { readonly kind: 'version-slipped-in'; readonly ino: Ino; readonly name: string; readonly copy: Ino | null }
