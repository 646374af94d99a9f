/**
 * disk.folder.* for reading (bitrix24-rest.md 5.2). `getChildren` does not check the folder itself: no access is an empty
 * list (E-20).
 */
import { requireObject, visibleChildren } from '../access.js'
import type { Call, Desk, Method, MethodAnswer, MethodTable } from '../desk.js'
import { listPage, OBJECT_LIST, type Page } from '../listing.js'
import { idOf } from '../parameters.js'
import { notFound } from '../rest-failure.js'
import type { ObjectRow } from '../rows.js'
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
    return childrenAnswer(call, desk, listPage(visibleChildren(call, desk, folder), OBJECT_LIST, call.parameters, { time: desk.time, traits: desk.traits(), random: desk.random }))
  },
}

export function childrenAnswer(call: Call, desk: Desk, page: Page<ObjectRow>): MethodAnswer {
  const { rows, ...counts } = page
  return { ...counts, result: rows.map((row) => desk.presenter.object(row, call.caller)) }
}

export const FOLDER_READS: MethodTable = {
  'disk.folder.getFields': getFields(FIELDS.folder, OBJECT_LIST),
  'disk.folder.get': get,
  'disk.folder.getChildren': getChildren,
}
