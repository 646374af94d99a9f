/** Which storage a person means. */
import t from 'tap'
import { asRemoteId, asStorageId } from '../../src/base/ids.js'
import { readKeptConnections } from '../../src/daemon/kept-connections.js'
import { findStorage, nameStorages } from '../../src/daemon/storage-names.js'
import type { RemoteStorage } from '../../src/drive/drive.js'

function storage(id: string, name: string): RemoteStorage {
  return { id: asStorageId(id), name, entityType: 'group', entityId: id, rootId: asRemoteId(`${id}0`) }
}

void t.test('a storage is found by its name, its name with the id, another case or its id, and folders of it behind that', (t) => {
  const named = nameStorages([storage('1', 'Company'), storage('2', 'Sales'), storage('3', 'sales'), storage('4', 'Legal/Tax'), storage('5', '2')])
  t.same(named.map(({ label }) => label), ['Company', 'Sales (2)', 'sales (3)', 'Legal/Tax', '2'])
  const table: readonly (readonly [wanted: string, id: string, inside: readonly string[]])[] = [
    ['Company', '1', []],
    ['COMPANY/Reports/2026', '1', ['Reports', '2026']],
    ['Company//Reports', '1', ['Reports']],
    ['Sales (2)', '2', []],
    ['Sales', '2', []],
    ['sales/Plans', '3', ['Plans']],
    ['Legal/Tax', '4', []],
    ['legal/tax/2026', '4', ['2026']],
    ['2', '5', []],
    ['3', '3', []],
  ]
  for (const [wanted, id, inside] of table) {
    const { found, inside: behind } = findStorage(named, wanted)
    t.same([found.storage.id, behind], [id, inside], wanted)
  }
  t.throws(() => findStorage(named, 'SALES'), { code: 'invalid', message: /"Sales \(2\)" or "sales \(3\)"/u }, 'several are told apart by their ids')
  t.throws(() => findStorage(named, 'Legal'), { code: 'not-found' })
  t.throws(() => findStorage(nameStorages([storage('6', 'Twin'), storage('7', 'Twin')]), 'Twin'), { code: 'invalid' })
  t.end()
})

void t.test('a record of connections is read as far as it makes sense, and no name in it leads out of the folder', (t) => {
  const sound = { realId: '33', storageId: '13', name: 'Firm', wished: 'Company', source: 'Company/Reports' }
  const kept = readKeptConnections([sound, null, 'x', { ...sound, realId: 'connected-33' }, { ...sound, name: '../x' }, { ...sound, wished: '..' }, { ...sound, source: 5 }, { ...sound, storageId: undefined }])
  t.same(kept, [sound])
  t.same(readKeptConnections({ 0: sound }), [])
  t.end()
})
