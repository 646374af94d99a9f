/** Which failures of a listing say something of the folder, and not of the portal, the network or the moment. */
import { hasCode } from '../base/errors.js'

export function isOfFolder(error: unknown): boolean {
  return hasCode(error, 'forbidden', 'not-found', 'vanished', 'bad-answer', 'portal-error')
}

/** Of those, which say that it may be gone for this account: to be asked about by its id. */
export function seemsGone(error: unknown): boolean {
  return hasCode(error, 'not-found', 'forbidden', 'vanished')
}
