/** Rows as portals send them, and as they should not. */
import t from 'tap'
import { DriveError } from '../../src/base/errors.js'
import { diskFailure, falseResult, type DiskOperation } from '../../src/drive/disk-failures.js'
import { parseId, parseItem, parseStorage, parseTime, parseVersion } from '../../src/drive/rows.js'

const file = {
  ID: '9043', NAME: 'plan.docx', CODE: null, STORAGE_ID: '12', TYPE: 'file', PARENT_ID: '31', DELETED_TYPE: '0', GLOBAL_CONTENT_VERSION: '3', FILE_ID: '32987', SIZE: '25689',
  CREATE_TIME: '2026-02-16T12:52:05+03:00', UPDATE_TIME: '2026-02-17T13:26:58+03:00', DELETE_TIME: null, CREATED_BY: '7', UPDATED_BY: 7, DELETED_BY: '0',
  DOWNLOAD_URL: 'https://acme.bitrix24.com/rest/7/abc123/download/?token=x', DETAIL_URL: 'https://acme.bitrix24.com/company/personal/user/7/disk/file/plan.docx',
}
const folder = { ID: 501, NAME: 'Sales group', STORAGE_ID: 12, TYPE: 'folder', PARENT_ID: null, REAL_OBJECT_ID: '77', DELETED_TYPE: 0, CODE: 'FOR_UPLOADED_FILES' }

t.test('the sample file of the documents is read, from strings and numbers alike', (t) => {
  const item = parseItem(file)
  t.match(item, {
    kind: 'file', id: '9043', name: 'plan.docx', code: null, storageId: '12', parentId: '31', deletedType: 0, version: 3, blobId: '32987', sizeBytes: 25_689,
    createdMs: Date.UTC(2026, 1, 16, 9, 52, 5), updatedMs: Date.UTC(2026, 1, 17, 10, 26, 58), createdBy: '7', updatedBy: '7',
  })
  t.same(parseItem({ ...file, ID: 9043, SIZE: 25_689, FILE_ID: 32_987, GLOBAL_CONTENT_VERSION: 3, DELETED_TYPE: 0, NEW_FIELD: {} }), item)
  t.end()
})

t.test('a link shows its real folder, a root has no parent, missing times do no harm', (t) => {
  t.match(parseItem(folder), { kind: 'folder', id: '501', realId: '77', parentId: null, code: 'FOR_UPLOADED_FILES', createdMs: 0, updatedMs: 0, createdBy: '0', detailUrl: null })
  t.match(parseItem({ ...folder, REAL_OBJECT_ID: undefined, PARENT_ID: '0', CODE: '0' }), { realId: '501', parentId: null, code: null })
  t.match(parseItem({ ...folder, UPDATE_TIME: null, CREATE_TIME: '2026-02-16T12:52:05Z' }), { updatedMs: Date.UTC(2026, 1, 16, 12, 52, 5) })
  t.match(parseItem({ ...file, SIZE: '9007199254740991' }), { sizeBytes: Number.MAX_SAFE_INTEGER })
  for (const deletedType of [0, '0', 3, '3', 4, null, undefined]) t.equal(parseItem({ ...folder, DELETED_TYPE: deletedType })?.deletedType, Number(deletedType ?? 0))
  t.end()
})

t.test('a row that makes no sense is no item', (t) => {
  const odd: readonly unknown[] = [
    null, 'x', 7, [], {}, { ...file, ID: '../1' }, { ...file, ID: '0' }, { ...file, ID: '1e3' }, { ...file, ID: -5 }, { ...file, ID: 1.5 }, { ...file, NAME: '' }, { ...file, NAME: null }, { ...file, NAME: 7 },
    { ...file, TYPE: 'link' }, { ...file, SIZE: '-1' }, { ...file, SIZE: null }, { ...file, SIZE: '99999999999999999999' }, { ...file, SIZE: 1e300 }, { ...file, GLOBAL_CONTENT_VERSION: 'x' },
    { ...file, FILE_ID: null }, { ...file, STORAGE_ID: '' }, { ...file, DELETED_TYPE: '9' },
  ]
  for (const row of odd) t.equal(parseItem(row), undefined, JSON.stringify(row).slice(0, 60))
  t.end()
})

t.test('dates carry their offset, ids are digits', (t) => {
  t.equal(parseTime('2026-01-27T13:06:55+02:00'), Date.UTC(2026, 0, 27, 11, 6, 55))
  t.equal(parseTime('2026-01-27T13:06:55-0330'), Date.UTC(2026, 0, 27, 16, 36, 55))
  for (const value of [null, '', '0', 'yesterday', '2026-01-27 13:06:55', '2026-13-45T99:00:00Z', 5]) t.equal(parseTime(value), undefined, String(value))
  t.equal(parseId('12345678901234567890'), '12345678901234567890')
  for (const value of ['', '0', 0, null, '01', ' 1', '1 ', '1;drop', '1'.repeat(21), NaN]) t.equal(parseId(value), undefined, String(value))
  t.match(parseStorage({ ID: '12', NAME: 'Ada', ENTITY_TYPE: 'user', ENTITY_ID: 7, ROOT_OBJECT_ID: '31' }), { id: '12', entityId: '7', rootId: '31' })
  t.equal(parseStorage({ ID: '12', ENTITY_TYPE: 'user', ENTITY_ID: '7', ROOT_OBJECT_ID: null }), undefined)
  t.match(parseVersion({ ID: 5, GLOBAL_CONTENT_VERSION: '2', SIZE: '0', CREATE_TIME: null, CREATED_BY: '3' }), { id: '5', version: 2, sizeBytes: 0, createdMs: 0, createdBy: '3', downloadUrl: '' })
  t.equal(parseVersion({ ID: 5 }), undefined)
  t.end()
})

t.test('the disk module\'s codes are named, empty ones by what was tried', (t) => {
  const code = (portalCode: string, operation: DiskOperation): string => {
    const failure = diskFailure(new DriveError('portal-error', 'x', { fields: { portalCode } }), operation)
    return failure instanceof DriveError ? failure.code : 'none'
  }
  const cases: readonly (readonly [string, DiskOperation, string])[] = [
    ['DISK_OBJ_22000', 'upload', 'exists'], ['disk_ons_22001', 'create-folder', 'exists'], ['DISK_MO_28000', 'create-folder', 'bad-name'], ['DISK_MO_28001', 'rename', 'bad-name'],
    ['DISK_FILE_22007', 'version', 'locked'], ['DISK_FOLDER_22002', 'upload', 'quota'], ['DISK_FILE_22002', 'version', 'quota'], ['DISK_FILE_22006', 'version', 'quota'],
    ['DISK_BASE_SERVICE_22001', 'upload', 'file-too-large'], ['', 'version', 'quota'], ['', 'upload', 'quota'], ['0', 'rename', 'bad-name'], ['', 'trash', 'not-permitted'], ['', 'move', 'not-permitted'],
    ['', 'look', 'portal-error'], ['SOMETHING', 'rename', 'portal-error'],
  ]
  for (const [portalCode, operation, expected] of cases) t.equal(code(portalCode, operation), expected, `${portalCode} ${operation}`)
  const other = new DriveError('offline', 'x')
  t.equal(diskFailure(other, 'look'), other)
  t.equal(falseResult('move').code, 'cross-storage')
  t.equal(falseResult('rename').code, 'portal-error')
  t.end()
})
