/**
 * disk.storage.* for reading (bitrix24-rest.md 5.1). A list drops the storages that may not be read after the page was cut,
 * so a page may be short while `next` exists (2.4).
 */
import { requireStorage, visibleChildren } from '../access.js'
import type { Call, Desk, Method, MethodAnswer, MethodTable } from '../desk.js'
import { listPage, OBJECT_LIST, STORAGE_LIST } from '../listing.js'
import { idOf } from '../parameters.js'
import { accessDenied } from '../rest-failure.js'
import { FIELDS, getFields } from './fields.js'
import { childrenAnswer } from './folders.js'

const get: Method = {
  scope: 'disk',
  parameters: ['id*'],
  run(call, desk) {
    if (isNoNumber(call, desk)) return { result: null }
    const { storage, root } = requireStorage(call, desk)
    if (!desk.rights.allows(call.caller.userId, root, 'read')) throw accessDenied()
    return { result: desk.presenter.storage(storage) }
  },
}

const getList: Method = {
  scope: 'disk',
  parameters: ['filter', 'order', 'start'],
  run(call, desk) {
    const made = desk.tree.seed.storages.filter(({ entityType, entityId }) => desk.account.state.hasDrive !== false || entityType !== 'user' || entityId !== String(call.caller.userId))
    const page = listPage(made, STORAGE_LIST, call.parameters, { time: desk.time, traits: desk.traits(), random: desk.random })
    const readable = page.rows.filter((storage) => {
      const root = desk.tree.folder(storage.rootId)
      return root !== undefined && desk.rights.allows(call.caller.userId, root, 'read')
    })
    return { ...page, result: readable.map((storage) => desk.presenter.storage(storage)) }
  },
}

const getTypes: Method = { scope: 'disk', parameters: [], run: () => ({ result: ['user', 'common', 'group'] }) }

const getChildren: Method = {
  scope: 'disk',
  parameters: ['id*', 'filter', 'order', 'start'],
  run(call, desk): MethodAnswer {
    const { root } = requireStorage(call, desk)
    return childrenAnswer(call, desk, root, listPage(visibleChildren(call, desk, root), OBJECT_LIST, call.parameters, { time: desk.time, traits: desk.traits(), random: desk.random }))
  },
}

/** 2.3: an id that is no number answers null with 200. */
export function isNoNumber(call: Call, desk: Desk): boolean {
  return idOf(call.parameters.id) === undefined && desk.traits().nonNumericStorageId === 'null'
}

export const STORAGE_READS: MethodTable = {
  'disk.storage.getFields': getFields(FIELDS.storage, STORAGE_LIST),
  'disk.storage.get': get,
  'disk.storage.getList': getList,
  'disk.storage.getTypes': getTypes,
  'disk.storage.getChildren': getChildren,
}
