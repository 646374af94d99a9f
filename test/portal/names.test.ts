import t from 'tap'
import { splitName } from '../../src/portal/names.js'
import { portalFor } from './drive-client.js'
import { text } from './json.js'

void t.test('E-29: names are unique per folder across types, case, accents and trailing blanks', async (t) => {
  const portal = await portalFor(t)
  await portal.file('31', 'Résumé ёлка.txt')
  for (const rival of ['résumé ёлка.txt', 'Resume Ёлка.TXT', 'Résumé елка.txt', 'Résumé ёлка.txt  ']) {
    const answer = await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: rival } })
    t.equal(answer.status, 400, rival)
    t.equal(answer.json.error, 'DISK_OBJ_22000', rival)
  }
  t.equal((await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: 'Мои' } })).status, 200)
  t.equal((await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: 'Мой' } })).status, 200, 'и and й are two letters')
})

void t.test('E-29: with the trait of PostgreSQL only equal bytes clash', async (t) => {
  const portal = await portalFor(t, { traits: { nameCollation: 'bytes' } })
  await portal.file('31', 'a.txt')
  t.equal((await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: 'A.txt' } })).status, 200)
  t.equal((await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: 'a.txt' } })).json.error, 'DISK_OBJ_22000')
})

void t.test('E-30: what is in the trash does not block its name', async (t) => {
  const portal = await portalFor(t)
  const { ID } = await portal.file('31', 'a.txt')
  const trashed = await portal.result('disk.file.markDeleted', { id: ID })
  t.equal(trashed.NAME, 'a.txt')
  t.equal((await portal.file('31', 'a.txt')).NAME, 'a.txt')
})

void t.test('E-31: addSubFolder and rename refuse bad names, uploads repair them', async (t) => {
  const portal = await portalFor(t)
  const { ID } = await portal.file('31', 'a.txt')
  for (const bad of ['a/b', 'a\\b', 'a:b', 'a*b', 'a?b', 'a"b', 'a<b', 'a>b', 'a|b', 'a\u0007b', ' '.repeat(3), 'я'.repeat(256)]) {
    t.equal((await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: bad } })).json.error, 'DISK_MO_28000', bad)
    t.equal((await portal.call('disk.file.rename', { id: ID, newName: bad })).json.error, 'DISK_MO_28001', bad)
  }
  t.equal((await portal.file('31', ' 2*3?😀.txt ')).NAME, '2_3__.txt')
  t.equal((await portal.result('disk.file.rename', { id: ID, newName: '😀.txt' })).NAME, '😀.txt')
  t.equal((await portal.folder('31', 'я'.repeat(255))).NAME, 'я'.repeat(255))
})

void t.test('E-31: by trait, uploads refuse bad names too', async (t) => {
  const portal = await portalFor(t, { traits: { uploadNames: 'refused' } })
  t.equal((await portal.call('disk.folder.uploadFile', { id: 31, data: { NAME: 'a*b' }, fileContent: 'YQ==' })).json.error, 'DISK_MO_28000')
  t.equal((await portal.upload('31', 'a*b', 'a')).json.error, 'DISK_MO_28000')
})

void t.test('E-31: the names . and .. are taken, or refused by trait', async (t) => {
  const portal = await portalFor(t)
  t.equal((await portal.folder('31', '..')).NAME, '..')
  await portal.hook('traits', { dotNames: 'refused' })
  t.equal((await portal.call('disk.folder.addSubFolder', { id: 31, data: { NAME: '.' } })).json.error, 'DISK_MO_28000')
})

void t.test('E-32: the same name is a success, another case is allowed, nothing and "0" are error 0', async (t) => {
  const portal = await portalFor(t)
  const { ID } = await portal.file('31', 'a.txt')
  t.equal((await portal.result('disk.file.rename', { id: ID, newName: 'a.txt' })).NAME, 'a.txt')
  t.equal((await portal.result('disk.file.rename', { id: ID, newName: 'A.TXT' })).NAME, 'A.TXT')
  for (const newName of ['', '0']) {
    const answer = await portal.call('disk.file.rename', { id: ID, newName })
    t.equal(answer.status, 400)
    t.equal(answer.json.error, 0)
    t.equal(answer.json.error_description, 'Empty name.')
  }
  await portal.hook('traits', { zeroName: 'accepted' })
  t.equal((await portal.result('disk.file.rename', { id: ID, newName: '0' })).NAME, '0')
  await portal.file('31', 'b.txt')
  t.equal((await portal.call('disk.file.rename', { id: ID, newName: 'B.txt' })).json.error, 'DISK_OBJ_22000')
})

void t.test('E-33: generateUniqueName counts before the extension, on from the newest, then takes the time', async (t) => {
  const portal = await portalFor(t)
  const unique = async (name: string): Promise<string> =>
    text((await portal.result('disk.folder.uploadFile', { id: 31, data: { NAME: name }, fileContent: [name, 'YQ=='], generateUniqueName: true })).NAME)
  t.equal(await unique('a.tar.gz'), 'a.tar.gz')
  t.equal(await unique('a.tar.gz'), 'a (1).tar.gz')
  t.equal(await unique('a.tar.gz'), 'a (2).tar.gz')
  await portal.file('31', 'a (7).tar.gz')
  t.equal(await unique('a.tar.gz'), 'a (8).tar.gz')
  await portal.file('31', 'b.txt')
  for (let number = 2; number <= 11; number += 1) await portal.file('31', `b (${number}).txt`)
  await portal.file('31', 'b (1).txt')
  t.match(await unique('b.txt'), /^b \d{10}\.txt$/)
})

void t.test('6.5: .tar.gz is one extension', (t) => {
  t.same(splitName('a.tar.gz'), ['a', '.tar.gz'])
  t.same(splitName('a.b.txt'), ['a.b', '.txt'])
  t.same(splitName('README'), ['README', ''])
  t.same(splitName('.profile'), ['.profile', ''])
  t.end()
})

void t.test('E-34: trailing dots and blanks are taken by addSubFolder and rename', async (t) => {
  const portal = await portalFor(t)
  const folder = await portal.folder('31', 'odd. ')
  t.equal(folder.NAME, 'odd. ')
  t.equal((await portal.result('disk.folder.rename', { id: folder.ID, newName: 'odder...' })).NAME, 'odder...')
})
