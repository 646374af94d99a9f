/**
 * disk.folder.* for reading (bitrix24-rest.md 5.2). `getChildren` does not check the folder itself: no access is an empty
 * list (E-20).
 */
import { mayUse, realFolder, requireObject, visibleChildren } from '../access.js'
import type { Call, Desk, Method, MethodAnswer, MethodTable } from '../desk.js'
import { listPage, OBJECT_LIST, type Page } from '../listing.js'
import { idOf, integerOf } from '../parameters.js'
import { accessDenied, notFound } from '../rest-failure.js'
import type { FolderRow, ObjectRow } from '../rows.js'
import { FIELDS, getFields } from './fields.js'

const get: Method = {
  scope: 'disk',
  parameters: ['id*'],
  run: (call, desk) => ({ result: desk.presenter.object(requireObject(call, desk, { type: 'folder', level: 'read' }), call.caller) }),
}

const getChildren: Method = {
  scope: 'disk',
  parameters: ['id*', 'filter', 'order', 'start'],
  run(call, desk) {
    const folder = desk.tree.folder(idOf(call.parameters.id) ?? 0)
    if (folder === undefined) throw notFound(call.parameters.id)
    if (desk.traits().listingWithoutRight === 'denied' && !mayUse(desk, call.caller.userId, folder, 'read')) throw accessDenied()
    return childrenAnswer(call, desk, folder, listPage(visibleChildren(call, desk, folder), OBJECT_LIST, call.parameters, { time: desk.time, traits: desk.traits(), random: desk.random }))
  },
}

/** `total` counts what the caller may see, or by trait what is there (O-32). */
export function childrenAnswer(call: Call, desk: Desk, folder: FolderRow, page: Page<ObjectRow>): MethodAnswer {
  const { rows, ...counts } = page
  if (counts.total !== undefined && desk.traits().totalCounts === 'all') {
    const { total = 0 } = listPage(desk.tree.liveChildren(realFolder(desk, folder)), OBJECT_LIST, { ...call.parameters, start: 0 }, { time: desk.time, traits: desk.traits(), random: desk.random })
    const next = Math.max(0, integerOf(call.parameters.start)) + rows.length
    return { total, ...(rows.length > 0 && next < total ? { next } : {}), result: rows.map((row) => desk.presenter.object(row, call.caller)) }
  }
  return { ...counts, result: rows.map((row) => desk.presenter.object(row, call.caller)) }
}

export const FOLDER_READS: MethodTable = {
  'disk.folder.getFields': getFields(FIELDS.folder, OBJECT_LIST),
  'disk.folder.get': get,
  'disk.folder.getChildren': getChildren,
}
