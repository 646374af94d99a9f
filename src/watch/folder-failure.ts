/** Which failures of a listing say something of the folder, and not of the portal, the network or the moment. */
import { hasCode } from '../base/errors.js'

export function isOfFolder(error: unknown): boolean {
  return hasCode(error, 'forbidden', 'not-found', 'vanished', 'bad-answer', 'portal-error')
}
