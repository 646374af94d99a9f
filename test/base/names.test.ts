import fc from 'fast-check'
import t from 'tap'
import { caseKey, DEFAULT_LOCAL_ONLY_NAMES, namePatterns, portalNameFault, splitExtension } from '../../src/base/names.js'

// [S-60]
await t.test('names that the portal refuses are refused with the reason (bitrix24-rest.md 7.1)', (t) => {
  const faults = [
    ['', 'empty'],
    [' \t ', 'empty'],
    ['.', 'reserved'],
    ['..', 'reserved'],
    ['0', 'reserved'],
    ['a/b', 'forbidden-character'],
    ['a\\b', 'forbidden-character'],
    ['what?', 'forbidden-character'],
    ['a:b', 'forbidden-character'],
    ['a|b', 'forbidden-character'],
    ['<a>', 'forbidden-character'],
    ['"a"', 'forbidden-character'],
    ['a*', 'forbidden-character'],
    ['a\u0000b', 'forbidden-character'],
    ['a\u001fb', 'forbidden-character'],
    ['invoice\u202efdp.exe', 'forbidden-character'],
    ['a\u200bb', 'forbidden-character'],
    ['x'.repeat(256), 'too-long'],
  ] as const
  for (const [name, fault] of faults) t.equal(portalNameFault(name), fault, JSON.stringify(name))
  t.end()
})

await t.test('names that the portal takes are taken, however odd', (t) => {
  for (const name of ['report.docx', 'Отчёт за май.xlsx', ' leading and trailing ', 'dot.', '00', '.hidden', 'a%b{c}', '👍', 'x'.repeat(255)]) {
    t.equal(portalNameFault(name), undefined, name)
  }
  t.end()
})

await t.test('the portal counts characters and not bytes or halves of characters (O-7)', (t) => {
  t.equal(portalNameFault('я'.repeat(255)), undefined)
  t.equal(portalNameFault('👍'.repeat(255)), undefined)
  t.equal(portalNameFault('👍'.repeat(256)), 'too-long')
  t.end()
})

// [S-62]
await t.test('names that differ only by case have one key, and others do not', (t) => {
  for (const [a, b] of [['Readme.MD', 'README.md'], ['ОТЧЁТ', 'отчёт'], ['ΛΟΓΟΣ', 'λογος'], ['ΛΟΓΟΣ', 'λογοσ']] as const) {
    t.equal(caseKey(a), caseKey(b), `${a} ${b}`)
  }
  for (const [a, b] of [['ёж', 'еж'], ['resume', 'résumé'], ['a', 'а']] as const) t.not(caseKey(a), caseKey(b), `${a} ${b}`)
  t.end()
})

await t.test('the same letter in composed and decomposed form has one key', (t) => {
  t.equal(caseKey('\u0451'), caseKey('\u0435\u0308'))
  t.end()
})

// [S-66]
await t.test('names that only programs use match the default list (DESIGN.md section 6)', (t) => {
  const isLocalOnly = namePatterns(DEFAULT_LOCAL_ONLY_NAMES)
  const programs = [
    '.~lock.report.odt#', '~$report.docx', '.goutputstream-X1Y2Z3', '.notes.txt.swp', '.notes.txt.swx', '4913', 'lu12345abc.tmp', '~WRD0001.tmp', '~WRL123.tmp',
    'film.mkv.part', 'setup.exe.crdownload', '.fuse_hidden0000001', '.nfs000001', '.directory', '.DS_Store', 'Thumbs.db',
  ]
  for (const name of programs) t.ok(isLocalOnly(name), name)
  t.end()
})

// [S-66]
await t.test('what a person may have made does not match the default list', (t) => {
  const isLocalOnly = namePatterns(DEFAULT_LOCAL_ONLY_NAMES)
  const persons = ['49130', 'lu.txt', 'luggage.tmp.txt', 'part', 'notes.swp', 'desktop.ini', 'package.lock', 'old.bak', 'x.tmp', 'Thumbs.dbx', 'my.DS_Store', '~draft.docx']
  for (const name of persons) t.notOk(isLocalOnly(name), name)
  t.end()
})

await t.test('a pattern without * and ? matches that very name, whatever characters it has', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (pattern, other) => {
      fc.pre(!/[*?]/.test(pattern) && other !== pattern)
      const matches = namePatterns([pattern])
      t.ok(matches(pattern))
      t.notOk(matches(other))
    }),
    { seed: 7 },
  )
  t.end()
})

await t.test('a name is split before the extension that tells programs the type', (t) => {
  const splits = [
    ['report.docx', 'report', '.docx'],
    ['backup.tar.gz', 'backup', '.tar.gz'],
    ['a.b.c', 'a.b', '.c'],
    ['.bashrc', '.bashrc', ''],
    ['README', 'README', ''],
    ['ends with dot.', 'ends with dot.', ''],
    ['v1. final version', 'v1. final version', ''],
    ['x.averyveryverylongtail', 'x.averyveryverylongtail', ''],
  ] as const
  for (const [name, stem, extension] of splits) t.strictSame(splitExtension(name), [stem, extension], name)
  t.end()
})

await t.test('stem and extension make the name again', (t) => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (name) => { t.equal(splitExtension(name).join(''), name) }), { seed: 7 })
  t.end()
})
