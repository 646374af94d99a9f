/**
 * The place of an item the portal has: rename, move or both, in an order that meets no name that is taken on the way
 * (there is no single "move and rename", bitrix24-rest.md 7.3). Items that wait for each other's names in a ring are
 * helped by one temporary name, and only they. Pure.
 */
import { isTemporaryName, portalNameFault } from '../base/names.js'
import { isLink, isMoved, shownName, type Base, type Item } from '../mirror/item.js'
import type { PlanOptions, Step, View } from './plan-view.js'

/** Undefined: the portal has the item where it stands here. */
export function planPlace(view: View, item: Item, base: Base, options: PlanOptions): Step | undefined {
  if (!isMoved(item)) return undefined
  const { parent } = view
  if (parent === undefined || (parent.deleted && !isLink(parent))) return { kind: 'recover' }
  const renames = shownName(base.name, base.id) !== item.name
  const fault = renames ? portalNameFault(item.name) : undefined
  if (fault !== undefined) return { kind: 'refuse', code: 'bad-name', text: `the portal does not take this name: ${fault}` }
  const obstacle = findObstacle(view, parent)
  if (obstacle === undefined) return stepOfOrder(view, base, renames, base.parent !== item.parent)
  return options.breakRing === true ? makeWay(view, item, base, obstacle) : obstacle
}

/** The portal does not have the folder yet, or not any more. */
export function waitForFolder(parent: Item): Step | undefined {
  if (parent.localOnly) return { kind: 'wait', reason: 'parent-stays-here', on: parent.ino }
  return parent.base === null || parent.base.trashed ? { kind: 'wait', reason: 'parent-first', on: parent.ino } : undefined
}

/** Why the final place cannot be taken yet. */
function findObstacle({ mustLeaveFirst, holdersThere }: View, parent: Item): Step | undefined {
  const folder = waitForFolder(parent)
  if (folder !== undefined) return folder
  if (mustLeaveFirst !== null) return { kind: 'wait', reason: 'moves-out-first', on: mustLeaveFirst }
  const leaving = holdersThere.find(({ isLeaving }) => isLeaving)
  // One that stays (a twin, or unknown to us) is met by the request itself, which then forks the name.
  return leaving === undefined ? undefined : { kind: 'wait', reason: 'name-leaves', on: leaving.ino }
}

function stepOfOrder({ holdersOfNewNameHere, holdersOfOldNameThere }: View, base: Base, renames: boolean, moves: boolean): Step {
  if (!moves) return { kind: 'rename', to: 'final-name' }
  // A temporary name clashes nowhere, and was taken because the final one does not fit here.
  if (!renames || isTemporaryName(base.name)) return { kind: 'move' }
  if (holdersOfNewNameHere.length === 0) return { kind: 'rename', to: 'final-name' }
  if (holdersOfOldNameThere.length === 0) return { kind: 'move' }
  return { kind: 'rename', to: 'temporary-name' }
}

/** A step that frees the name or the folder others of the ring wait for. Each one happens once at most. */
function makeWay(view: View, item: Item, base: Base, obstacle: Step): Step {
  const { parent, mustLeaveFirst, holdersOfNewNameHere, holdersOfOldNameThere } = view
  const renames = shownName(base.name, base.id) !== item.name
  const moves = base.parent !== item.parent
  const canMove = moves && parent?.base !== null && parent?.localOnly === false && mustLeaveFirst === null
  if (canMove && renames && holdersOfOldNameThere.length === 0) return { kind: 'move' }
  if (moves && renames && holdersOfNewNameHere.length === 0) return { kind: 'rename', to: 'final-name' }
  if (!isTemporaryName(base.name)) return { kind: 'rename', to: 'temporary-name' }
  return obstacle
}
