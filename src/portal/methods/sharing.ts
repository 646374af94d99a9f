/**
 * Who may do what, and letting others in (bitrix24-rest.md 5.2, 5.4): sharing, allowed operations, levels, attached objects.
 */
import { mayUse, requireObject } from '../access.js'
import type { Call, Desk, Method, MethodTable } from '../desk.js'
import { idOf, textOf } from '../parameters.js'
import { accessDenied, notFound, RestFailure } from '../rest-failure.js'
import { LEVELS, type Level } from '../levels.js'
import { approve, invite } from '../sharing-steps.js'
import { TASKS, taskNamed } from '../tasks.js'

/** To a person of this portal; an unknown level and one above one's own are refused alike. */
const shareToUser: Method = {
  scope: 'disk',
  parameters: ['id*', 'userId*', 'taskName*'],
  run(call, desk) {
    const row = requireObject(call, desk, { type: 'folder', level: 'read' })
    const task = taskNamed(textOf(call.parameters.taskName))
    if (task === undefined || !mayUse(desk, call.caller.userId, row, task.level)) throw accessDenied()
    const toUserId = idOf(call.parameters.userId)
    const isOwner = desk.tree.storage(row.storageId)?.entityId === String(toUserId)
    if (toUserId === undefined || !desk.tree.seed.users.some(({ id }) => id === toUserId)) throw notFound(call.parameters.userId)
    // Who has the object needs no link to it: passed over without a word.
    if (isOwner) return { result: true }
    const sharing = invite(desk, row, { byUserId: call.caller.userId, toUserId, level: task.level })
    if (sharing.status === 'pending' && desk.traits().sharingConnects === 'at-once') approve(desk, sharing)
    return { result: true }
  },
}

const OPERATIONS: Readonly<Record<Level, readonly string[]>> = {
  none: [],
  read: ['disk_read'],
  add: ['disk_add'],
  edit: ['disk_edit', 'disk_delete', 'disk_restore', 'disk_start_bp'],
  full: ['disk_destroy', 'disk_rights', 'disk_sharing', 'disk_settings'],
}

/** Undocumented; of the caller, or of another person by `userId`. */
function listAllowedOperations(type: 'file' | 'folder'): Method {
  return {
    scope: 'disk',
    parameters: ['id*', 'userId'],
    run(call, desk) {
      const row = requireObject(call, desk, { type, level: 'read' })
      const level = desk.rights.level(idOf(call.parameters.userId) ?? call.caller.userId, row)
      return { result: LEVELS.slice(0, LEVELS.indexOf(level) + 1).flatMap((each) => OPERATIONS[each]) }
    },
  }
}

const getTasks: Method = {
  scope: 'disk',
  parameters: [],
  run: () => ({ result: TASKS.filter(({ level }) => level !== 'add').map(({ id, name, title }) => ({ ID: String(id), NAME: name, TITLE: title })) }),
}

const getAttached: Method = {
  scope: 'disk',
  parameters: ['id*'],
  run: (call, desk) => ({ result: attached(call, desk) }),
}

function attached(call: Call, desk: Desk): object {
  const attachment = desk.attachments.get(idOf(call.parameters.id) ?? 0)
  const file = attachment === undefined ? undefined : desk.tree.file(attachment.objectId)
  if (attachment === undefined || file === undefined) throw notFound(call.parameters.id)
  if (!mayUse(desk, call.caller.userId, file, 'read')) throw accessDenied()
  return {
    ID: String(attachment.id),
    OBJECT_ID: String(attachment.objectId),
    MODULE_ID: attachment.moduleId,
    ENTITY_TYPE: attachment.entityType,
    ENTITY_ID: attachment.entityId,
    CREATE_TIME: desk.time.iso(attachment.createSec),
    CREATED_BY: String(attachment.createdBy),
    NAME: file.name,
    SIZE: String(file.versions[0].content.sizeBytes),
    DOWNLOAD_URL: `${desk.address()}/bitrix/tools/disk/uf.php?attachedId=${attachment.id}&auth%5Bauth%5D=&action=download&ncc=1`,
  }
}

/** Only applications have a storage of their own (section 12). */
const getForApp: Method = {
  scope: 'disk',
  parameters: [],
  run() {
    throw accessDenied('Access denied! Application context required')
  },
}

/** 11.1: none of the events is the disk's; only an application may bind any, and none is ever sent here. */
const bindEvent: Method = {
  scope: null,
  parameters: ['event', 'handler'],
  run(call) {
    if (call.caller.credential === 'access token') {
      if (EVENTS.includes(textOf(call.parameters.event).toUpperCase())) return { result: true }
      throw new RestFailure(400, 'EVENT_NOT_FOUND', 'Event not found')
    }
    throw new RestFailure(403, 'WRONG_AUTH_TYPE', 'Current authorization type is denied for this method')
  },
}

const EVENTS: readonly string[] = ['ONAPPINSTALL', 'ONAPPMETHODCONFIRM', 'ONAPPPAYMENT', 'ONAPPTEST', 'ONAPPUNINSTALL', 'ONAPPUPDATE', 'ONSUBSCRIPTIONRENEW', 'ONOFFLINEEVENT', 'ONUSERADD']

const events: Method = { scope: null, parameters: ['scope', 'full'], run: () => ({ result: EVENTS }) }

export const SHARING: MethodTable = {
  'disk.folder.shareToUser': shareToUser,
  'disk.folder.listAllowedOperations': listAllowedOperations('folder'),
  'disk.file.listAllowedOperations': listAllowedOperations('file'),
  'disk.rights.getTasks': getTasks,
  'disk.attachedObject.get': getAttached,
  'disk.storage.getForApp': getForApp,
  'event.bind': bindEvent,
  events,
}
