/** What a committed change of the mirror that nobody in the mount asked for means to the kernel and to the caches above. */
import type { Ino } from '../base/ids.js'

export interface Place {
  readonly parent: Ino
  readonly name: string
}

/** `generation` is that of the item's content: with the ino it says which node of the kernel is meant. */
export type MirrorDelta =
  | { readonly kind: 'appeared'; readonly ino: Ino; readonly at: Place }
  /** The row is gone, or stands nowhere any more. */
  | { readonly kind: 'vanished'; readonly ino: Ino; readonly generation: number; readonly at: Place }
  | { readonly kind: 'moved'; readonly ino: Ino; readonly from: Place; readonly to: Place }
  /** The bytes are others now: a new content generation. */
  | { readonly kind: 'content'; readonly ino: Ino; readonly at: Place }
  | { readonly kind: 'attributes'; readonly ino: Ino; readonly generation: number }
