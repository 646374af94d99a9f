/**
 * disk.file.* and disk.version.* for reading (bitrix24-rest.md 5.3). Versions come newest first (E-40).
 */
import { realFile, requireObject } from '../access.js'
import type { Method, MethodTable } from '../desk.js'
import { listPage, OBJECT_LIST, VERSION_LIST } from '../listing.js'
import { idOf } from '../parameters.js'
import { accessDenied, notFound } from '../rest-failure.js'
import { FIELDS, getFields } from './fields.js'

const get: Method = {
  scope: 'disk',
  parameters: ['id*'],
  run: (call, desk) => ({ result: desk.presenter.object(requireObject(call, desk, { type: 'file', level: 'read' }), call.caller) }),
}

const getVersions: Method = {
  scope: 'disk',
  parameters: ['id*', 'filter', 'start'],
  needsHistory: true,
  run(call, desk) {
    const file = realFile(desk, requireObject(call, desk, { type: 'file', level: 'read' }))
    const oldestFirst = [...file.versions].reverse()
    const { rows, ...counts } = listPage(
      oldestFirst,
      VERSION_LIST,
      { ...call.parameters, order: { CREATE_TIME: 'DESC', ID: 'DESC' } },
      { time: desk.time, traits: desk.traits(), random: desk.random },
    )
    return { ...counts, result: rows.map((version) => desk.presenter.version(version, file, call.caller)) }
  },
}

const getVersion: Method = {
  scope: 'disk',
  parameters: ['id*'],
  run(call, desk) {
    const id = idOf(call.parameters.id)
    const file = id === undefined ? undefined : desk.tree.versionOwner(id)
    const version = file?.versions.find((each) => each.id === id)
    if (file === undefined || version === undefined) throw notFound(call.parameters.id)
    if (!desk.rights.allows(call.caller.userId, file, 'read')) throw accessDenied()
    return { result: desk.presenter.version(version, file, call.caller) }
  },
}

export const FILE_READS: MethodTable = {
  'disk.file.getFields': getFields(FIELDS.file, OBJECT_LIST),
  'disk.file.get': get,
  'disk.file.getVersions': getVersions,
  'disk.version.get': getVersion,
}
