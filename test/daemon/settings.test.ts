import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DEFAULT_LOCAL_ONLY_NAMES } from '../../src/base/names.js'
import { prepareDirectories, profilePaths, type ProfilePaths } from '../../src/daemon/paths.js'
import { formatSize, parseFlag, parsePatterns, parseSeconds, parseSize } from '../../src/daemon/setting-values.js'
import { DEFAULT_SETTINGS, formatSetting, readSettings, SETTING_KEYS, settingKey, writeSetting } from '../../src/daemon/settings.js'

const uid = process.getuid?.() ?? 0

async function profile(test: Test): Promise<ProfilePaths> {
  const home = await mkdtemp(join(tmpdir(), 'elastic-settings-'))
  test.teardown(() => rm(home, { recursive: true, force: true }))
  const paths = profilePaths('default', { env: { ELASTIC_DRIVE_HOME: home }, homeDirectory: home, temporaryDirectory: home, uid, workingDirectory: home })
  await prepareDirectories(paths, uid)
  return paths
}

await t.test('sizes: MB is a million bytes, MiB is 2 to the power of 20', (t) => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['64MB', 64_000_000],
    ['10GB', 10_000_000_000],
    ['1GiB', 1_073_741_824],
    ['1 KiB', 1024],
    ['1.5mib', 1_572_864],
    ['2tb', 2e12],
    ['4096', 4096],
    ['12B', 12],
    ['0', 0],
    ['', undefined],
    ['-1MB', undefined],
    ['1M', undefined],
    ['MB', undefined],
    ['1e9', undefined],
    ['1MB2', undefined],
    ['9999999999999TB', undefined],
  ]
  for (const [text, bytes] of rows) t.equal(parseSize(text), bytes, JSON.stringify(text))
  t.end()
})

await t.test('a size is shown so that reading it gives the same bytes', (t) => {
  for (const [bytes, text] of [[10e9, '10GB'], [2 ** 30, '1GiB'], [64e6, '64MB'], [1_234_567, '1234567'], [0, '0'], [1536 * 1024, '1536KiB']] as const) {
    t.equal(formatSize(bytes), text)
    t.equal(parseSize(text), bytes)
  }
  t.end()
})

await t.test('times, flags and lists of names', (t) => {
  t.same(['30', '2.5', '10s', '0'].map(parseSeconds), [30, 2.5, 10, 0])
  t.same(['x', '-1', '1m', ''].map(parseSeconds), [undefined, undefined, undefined, undefined])
  t.same(['true', 'On', 'yes', 'false', 'off', 'no', 'maybe'].map(parseFlag), [true, true, true, false, false, false, undefined])
  t.same(parsePatterns('*.tmp, ~$* ,'), ['*.tmp', '~$*'])
  t.same(parsePatterns('["a,b","c"]'), ['a,b', 'c'])
  t.same(parsePatterns(''), [])
  t.same(['*', 'a/b', '[1]', '["a"', '**'].map(parsePatterns), [undefined, undefined, undefined, undefined, undefined])
  t.end()
})

await t.test('the settings and their defaults are those of the contract', async (t) => {
  t.same(SETTING_KEYS, [
    'cacheLimit', 'freeSpaceFloor', 'hydrateOnRename', 'clickAction', 'localOnlyNames', 'showUploadedFiles', 'stallDeadline', 'uploadDelay', 'downloadLimit', 'uploadLimit', 'engine',
  ])
  const expected = {
    cacheLimit: 10_000_000_000,
    freeSpaceFloor: 1_000_000_000,
    hydrateOnRename: true,
    clickAction: 'folder',
    localOnlyNames: DEFAULT_LOCAL_ONLY_NAMES,
    showUploadedFiles: false,
    stallDeadline: 30,
    uploadDelay: 3,
    downloadLimit: null,
    uploadLimit: null,
    engine: 'native',
  }
  t.same(DEFAULT_SETTINGS, expected)
  t.same(await readSettings(await profile(t)), expected)
})

await t.test('a setting that was set is read again, the others keep their defaults, and "default" takes it back', async (t) => {
  const paths = await profile(t)
  await writeSetting(paths, 'cacheLimit', '64MB')
  await writeSetting(paths, 'uploadLimit', '500KB')
  t.same(await readSettings(paths), { ...DEFAULT_SETTINGS, cacheLimit: 64_000_000, uploadLimit: 500_000 })
  t.equal((await stat(paths.settingsPath)).mode & 0o777, 0o600)
  await writeSetting(paths, 'uploadLimit', 'none')
  await writeSetting(paths, 'cacheLimit', 'default')
  t.same(await readSettings(paths), DEFAULT_SETTINGS)
  t.same(JSON.parse(await readFile(paths.settingsPath, 'utf8')), { uploadLimit: null })
})

await t.test('every default can be typed in as it is shown', async (t) => {
  const paths = await profile(t)
  for (const key of SETTING_KEYS) await writeSetting(paths, key, formatSetting(key, DEFAULT_SETTINGS[key]))
  t.same(await readSettings(paths), DEFAULT_SETTINGS)
})

await t.test('an unknown key or a bad value is refused with what is allowed, and changes nothing', async (t) => {
  const paths = await profile(t)
  t.throws(() => settingKey('cachelimit'), { code: 'usage', message: /cacheLimit, freeSpaceFloor/ })
  t.throws(() => settingKey('toString'), { code: 'usage' })
  const rows = [
    ['cacheLimit', 'lots'], ['cacheLimit', '12'], ['cacheLimit', 'none'], ['hydrateOnRename', '2'], ['clickAction', 'both'], ['stallDeadline', '0'], ['stallDeadline', '3601'],
    ['uploadDelay', '-1'], ['downloadLimit', '0'], ['engine', 'kernel'], ['localOnlyNames', '*'],
  ] as const
  for (const [key, value] of rows) await t.rejects(writeSetting(paths, key, value), { code: 'usage', message: /it may be/ }, `${key} ${value}`)
  await t.rejects(readFile(paths.settingsPath), { code: 'ENOENT' })
})

await t.test('a settings file with what is not allowed is refused, never half used', async (t) => {
  const paths = await profile(t)
  for (const text of ['{', '[]', '{"cacheLimt":1}', '{"cacheLimit":"10GB"}', '{"engine":"x"}', '{"localOnlyNames":["*"]}']) {
    await writeFile(paths.settingsPath, text)
    await t.rejects(readSettings(paths), { code: 'profile-damaged' }, text)
  }
})
