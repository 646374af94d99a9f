/**
 * What computed contents begin with, by name. A name carries everything its bytes depend on, so nothing has to be kept.
 */

/** The bytes of a head; throws a RangeError for a name that no seed uses. */
export function headBytes(head: string): Uint8Array {
  throw new RangeError(`no head ${head}`)
}
