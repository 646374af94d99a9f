import { chmod, mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkProfileName, preparePrivateDirectory, prepareDirectories, profilePaths, type Surroundings } from '../../src/daemon/paths.js'

const SURROUNDINGS: Surroundings = { env: {}, homeDirectory: '/home/ada', temporaryDirectory: '/tmp', uid: 1000, workingDirectory: '/work' }
const uid = process.getuid?.() ?? 0

async function directory(test: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'elastic-paths-'))
  test.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

await t.test('a profile lives below the XDG directories, each kind in its own', (t) => {
  const env = { XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: '/c', XDG_CACHE_HOME: '/k', XDG_RUNTIME_DIR: '/run/user/1000' }
  t.match(profilePaths('work', { ...SURROUNDINGS, env }), {
    stateDirectory: '/s/elastic-drive/work',
    databasePath: '/s/elastic-drive/work/drive.db',
    configDirectory: '/c/elastic-drive/work',
    cacheDirectory: '/k/elastic-drive/work',
    socketPath: '/run/user/1000/elastic-drive/work/control',
  })
  t.end()
})

await t.test('without XDG variables, and with relative ones, the usual places are taken', (t) => {
  const expected = {
    stateDirectory: '/home/ada/.local/state/elastic-drive/default',
    configDirectory: '/home/ada/.config/elastic-drive/default',
    cacheDirectory: '/home/ada/.cache/elastic-drive/default',
    runtimeDirectory: '/tmp/elastic-drive-1000/default',
  }
  t.match(profilePaths('default', SURROUNDINGS), expected)
  t.match(profilePaths('default', { ...SURROUNDINGS, env: { XDG_STATE_HOME: 'state', XDG_RUNTIME_DIR: 'run' } }), expected)
  t.end()
})

await t.test('ELASTIC_DRIVE_HOME holds everything, and is absolute for the daemon', (t) => {
  const paths = profilePaths('default', { ...SURROUNDINGS, env: { ELASTIC_DRIVE_HOME: 'here', XDG_STATE_HOME: '/s' } })
  t.match(paths, { stateDirectory: '/work/here/state/default', configDirectory: '/work/here/config/default', cacheDirectory: '/work/here/cache/default' })
  t.equal(paths.socketPath, '/work/here/run/default/control')
  t.end()
})

await t.test('a socket path that the kernel cannot hold is replaced by a short one, the same for daemon and asker', (t) => {
  const env = { ELASTIC_DRIVE_HOME: `/${'deep/'.repeat(30)}` }
  const one = profilePaths('default', { ...SURROUNDINGS, env }).socketPath
  t.match(one, /^\/tmp\/elastic-drive-1000-sockets\/[0-9a-f]{32}$/)
  t.equal(profilePaths('default', { ...SURROUNDINGS, env }).socketPath, one)
  t.not(profilePaths('other', { ...SURROUNDINGS, env }).socketPath, one)
  const withRuntime = profilePaths('default', { ...SURROUNDINGS, env: { ...env, XDG_RUNTIME_DIR: '/run/user/1000' } }).socketPath
  t.match(withRuntime, /^\/run\/user\/1000\/elastic-drive-sockets\//)
  const longTmp = profilePaths('default', { ...SURROUNDINGS, env, temporaryDirectory: `/${'t'.repeat(100)}` }).socketPath
  t.match(longTmp, /^\/tmp\/elastic-drive-1000-sockets\//)
  t.end()
})

await t.test('a profile name is never a path, an option or hidden', (t) => {
  for (const name of ['default', 'Work-2', 'a_b', 'x'.repeat(64)]) t.equal(checkProfileName(name), name)
  for (const name of ['', '.', '..', 'a/b', 'a.b', '-x', 'ä', 'a b', 'x'.repeat(65), 'a\n']) t.throws(() => checkProfileName(name), { code: 'usage' }, JSON.stringify(name))
  t.end()
})

await t.test('the directories of a profile are made for their owner alone', async (t) => {
  const home = await directory(t)
  const paths = profilePaths('default', { ...SURROUNDINGS, env: { ELASTIC_DRIVE_HOME: home }, uid })
  await prepareDirectories(paths, uid)
  await chmod(paths.stateDirectory, 0o755)
  await prepareDirectories(paths, uid)
  for (const path of [paths.stateDirectory, paths.configDirectory, paths.cacheDirectory, paths.contentDirectory, paths.runtimeDirectory]) {
    t.equal((await stat(path)).mode & 0o777, 0o700, path)
  }
})

await t.test('a directory that another could have put there is refused', async (t) => {
  const home = await directory(t)
  await symlink(home, join(home, 'link'))
  await t.rejects(preparePrivateDirectory(join(home, 'link'), uid), { code: 'forbidden' })
  await t.rejects(preparePrivateDirectory(join(home, 'own'), uid + 1), { code: 'forbidden' })
  await mkdir(join(home, 'open'))
  await chmod(join(home, 'open'), 0o777)
  await t.rejects(preparePrivateDirectory(join(home, 'open', 'inner'), uid), { code: 'forbidden' })
  await chmod(join(home, 'open'), 0o1777)
  await preparePrivateDirectory(join(home, 'open', 'inner'), uid)
})
