/**
 * Methods that rename, move, copy, trash, restore and destroy (bitrix24-rest.md section 7), for files and folders alike.
 */
import { mayUse, realFolder, requireObject, requireTarget } from '../access.js'
import { copyRow, moveRow, renameRow } from '../changes.js'
import type { Call, Desk, Method, MethodAnswer, MethodTable } from '../desk.js'
import type { JustDone } from '../present.js'
import { idOf, textOf } from '../parameters.js'
import { accessDenied, notFound, RestFailure } from '../rest-failure.js'
import type { FolderRow, ObjectRow } from '../rows.js'
import { OBJECT_SECONDS } from '../request-timer.js'
import { destroyRow, leaveTrashedLink, restoreRow, trashRow } from '../trash.js'
import { linkTarget } from '../tree.js'

const LONGEST_TRASHED_NAME = 239 // 7.4: the suffix of the trash takes 16 of 255

type ObjectType = 'file' | 'folder'

function rename(type: ObjectType): Method {
  return {
    scope: 'disk',
    parameters: ['id*', 'newName*'],
    run(call, desk) {
      const row = requireObject(call, desk, { type, level: 'edit' })
      const name = textOf(call.parameters.newName)
      // "0" is empty to PHP (E-32).
      if (name === '' || (name === '0' && desk.traits().zeroName === 'empty')) throw new RestFailure(400, desk.traits().emptyNameCode, 'Empty name.')
      return shown(call, desk, renameRow(desk, row, name, call.caller.userId))
    },
  }
}

function moveTo(type: ObjectType): Method {
  return {
    scope: 'disk',
    parameters: ['id*', 'targetFolderId*'],
    run(call, desk) {
      const row = requireObject(call, desk, { type, level: 'edit' })
      const named = requireObject(call, desk, { type: 'folder', level: 'read', parameter: 'targetFolderId' })
      if (row.parentId === null) throw new RestFailure(400, desk.traits().rootFailureCode, 'Could not move root folder.')
      const target = requireTarget(call, desk, 'targetFolderId')
      if (isLinkElsewhere(named, target, row) && desk.traits().moveIntoLink === 'copies-and-trashes') {
        copyRow(desk, row, target, { by: call.caller.userId })
        return shown(call, desk, trashRow(desk, row, call.caller.userId), 'trash')
      }
      if (target.storageId !== row.storageId) return { result: false }
      if (linkTarget(row) !== undefined && desk.traits().moveOfLink === 'result-false') return { result: false }
      return shown(call, desk, moveRow(desk, row, target), row.parentId === target.id ? 'nothing' : 'moved')
    },
  }
}

/** A link that stands in the object's storage but leads into another one (7.3). */
function isLinkElsewhere(named: FolderRow, real: FolderRow, row: ObjectRow): boolean {
  return named.id !== real.id && named.storageId === row.storageId && real.storageId !== row.storageId
}

function copyTo(type: ObjectType): Method {
  return {
    scope: 'disk',
    parameters: ['id*', 'targetFolderId*'],
    run(call, desk) {
      const row = requireObject(call, desk, { type, level: 'read' })
      const target = realFolder(desk, requireTarget(call, desk, 'targetFolderId'))
      const partial = row.type === 'folder' ? call.ordered('partial') : undefined
      let leftOut = partial?.kind === 'partial' ? partial.items : 0
      const takes = (): boolean => {
        call.timer.spend(OBJECT_SECONDS)
        leftOut -= 1
        return leftOut < 0
      }
      return shown(call, desk, copyRow(desk, row, target, { by: call.caller.userId, takes }), 'created')
    },
  }
}

function markDeleted(type: ObjectType): Method {
  return {
    scope: 'disk',
    parameters: ['id*'],
    run(call, desk) {
      const row = requireObject(call, desk, { type, level: 'edit' })
      if (desk.traits().trashOfLongNames === 'fails' && Array.from(row.name).length > LONGEST_TRASHED_NAME) throw new RestFailure(500, 'ERROR_CORE', 'Data too long for column \'NAME\'')
      const trashed = trashRow(desk, row, call.caller.userId)
      if (desk.traits().foreignTrash === 'leaves-link') leaveTrashedLink(desk, trashed, call.caller.userId)
      return shown(call, desk, trashed, 'trash')
    },
  }
}

function restore(type: ObjectType): Method {
  return {
    scope: 'disk',
    parameters: ['id*'],
    run(call, desk) {
      const row = desk.tree.get(idOf(call.parameters.id) ?? 0)
      if (row?.type !== type) throw notFound(call.parameters.id)
      if (type === 'folder' && desk.traits().folderRestore === 'administrators' && !desk.account.state.isAdmin) throw accessDenied()
      // Who trashed it may take it back without the right to restore (5.5).
      if (row.deletedBy !== call.caller.userId && !mayUse(desk, call.caller.userId, row, 'full')) throw accessDenied()
      return shown(call, desk, restoreRow(desk, row), 'trash')
    },
  }
}

/** An editor gets 403 here and may only trash (E-44). */
function destroy(type: ObjectType): Method {
  return {
    scope: 'disk',
    parameters: ['id*'],
    run(call, desk) {
      const row = requireObject(call, desk, { type, level: desk.traits().editorMayDestroy ? 'edit' : 'full' })
      destroyRow(desk, row, () => {
        call.timer.spend(OBJECT_SECONDS)
      })
      return { result: true }
    },
  }
}

/** Only storages of applications can be renamed. */
const renameStorage: Method = {
  scope: 'disk',
  parameters: ['id*', 'newName*'],
  run() {
    throw new RestFailure(400, '', 'Access denied (invalid type of storage)')
  },
}

function getExternalLink(type: ObjectType): Method {
  return {
    scope: 'disk',
    parameters: ['id*'],
    run: (call, desk) => ({ result: `${desk.address()}/~${desk.links.publicCode(requireObject(call, desk, { type, level: 'read' }).id)}` }),
  }
}

function shown(call: Call, desk: Desk, row: ObjectRow, done: JustDone = 'nothing'): MethodAnswer {
  return { result: desk.presenter.object(row, call.caller, done) }
}

export const CHANGING: MethodTable = {
  'disk.storage.rename': renameStorage,
  'disk.folder.rename': rename('folder'),
  'disk.folder.moveTo': moveTo('folder'),
  'disk.folder.copyTo': copyTo('folder'),
  'disk.folder.markDeleted': markDeleted('folder'),
  'disk.folder.restore': restore('folder'),
  'disk.folder.deleteTree': destroy('folder'),
  'disk.folder.getExternalLink': getExternalLink('folder'),
  'disk.file.rename': rename('file'),
  'disk.file.moveTo': moveTo('file'),
  'disk.file.copyTo': copyTo('file'),
  'disk.file.markDeleted': markDeleted('file'),
  'disk.file.restore': restore('file'),
  'disk.file.delete': destroy('file'),
  'disk.file.getExternalLink': getExternalLink('file'),
}
