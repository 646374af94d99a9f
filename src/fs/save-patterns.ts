/**
 * How programs save: which name is a backup of which, so that the portal's object stays with the name a person works on
 * (DESIGN.md 6a.6). Pure.
 */
import { isMoved, shownName, type Item } from '../mirror/item.js'

/** A name made again within this time goes on with the identity that left it. */
export const MADE_AGAIN_WITHIN_MS = 5_000

/** `report.odt~`, `report.odt.bak`, `.report.odt.swp`, `#report.odt#`, `Backup of report.odt`… of `report.odt`. */
export function isBackupOf(aside: string, name: string): boolean {
  if (aside === name) return false
  const stem = name.replace(/\.[^.]+$/u, '')
  if (aside === `${name}~` || aside === `#${name}#` || aside === `~${name}` || aside === `.${name}~`) return true
  if (aside === `Backup of ${name}` || aside.startsWith(`~WRL`) || aside.startsWith('~WRD')) return true
  const suffix = aside.startsWith(`${name}.`) ? aside.slice(name.length + 1) : aside.startsWith(`${stem}.`) ? aside.slice(stem.length + 1) : ''
  return /^(bak|old|orig|backup|save|sav|tmp|temp|prev|previous|~\d+~|bck|swp|swo|[0-9A-Fa-f]{6,}|.*\.(tmp|bak))$/u.test(suffix)
}

/**
 * Whether the item that left this name may hand its identity to the one that is made there now. `sendable`: no request
 * about it may have reached the portal. `held`: the brake keeps its deletion from being sent, however long ago it was.
 */
export function mayHandOver(left: Item, { nowMs, sendable, held }: { readonly nowMs: number; readonly sendable: boolean; readonly held: boolean }): boolean {
  if (!sendable || left.kind !== 'file' || left.base === null || left.placeChangedMs === null) return false
  if (left.deleted && held) return true
  if (nowMs - left.placeChangedMs > MADE_AGAIN_WITHIN_MS) return false
  return left.deleted || (isMoved(left) && isBackupOf(left.name, shownName(left.base.name, left.base.id)))
}
