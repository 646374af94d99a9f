import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'

const RUNNER = resolve('build/scripts/checks/run-checks.js')

/** A checkout of nothing but test files: name below test/ → the compiled text. */
async function checkout(test: Test, files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'elastic-checkout-'))
  test.teardown(() => rm(root, { recursive: true, force: true }))
  await symlink(resolve('node_modules'), join(root, 'node_modules'))
  await writeFile(join(root, 'package.json'), '{"type":"module"}')
  for (const [name, compiled] of Object.entries(files)) {
    const [source, output] = [join(root, 'test', `${name}.test.ts`), join(root, 'build/test', `${name}.test.js`)]
    await Promise.all([source, output].map((path) => mkdir(dirname(path), { recursive: true })))
    await writeFile(source, '')
    await writeFile(output, compiled)
  }
  return root
}

function start(root: string, ...words: readonly string[]) {
  const child = spawn(process.execPath, [RUNNER, ...words], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = async () => {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { status: child.exitCode, stdout, stderr }
  }
  return { child, ended: ended() }
}

const lastLineOf = (stdout: string): string | undefined => stdout.trimEnd().split('\n').at(-1)

const HOLDS = `import t from 'tap'\nt.pass('holds')\n`

await t.test('what holds is counted on the last line, and the exit code is 0', async (t) => {
  const root = await checkout(t, { 'base/a': `${HOLDS}t.test('skipped', { skip: 'no need' })\n`, 'file-manager/b': HOLDS })
  const { status, stdout } = await start(root, 'base', 'file-manager').ended
  t.equal(status, 0)
  t.equal(lastLineOf(stdout), '3 passed, 0 failed, 1 skipped')
})

await t.test('what fails is told at the end and makes the exit code 1', async (t) => {
  const root = await checkout(t, { 'base/a': HOLDS, 'base/b': `import t from 'tap'\nconsole.error('a word of warning')\nt.equal(1, 2, 'one is two')\n` })
  const { status, stdout } = await start(root, 'base').ended
  t.equal(status, 1)
  t.equal(lastLineOf(stdout), '2 passed, 1 failed')
  t.match(stdout, /=== base\/b\.test\.ts\n[^]*one is two[^]*a word of warning/)
})

await t.test('a test that leaves a file, a process or both fails the check of what is left, and nothing stays', async (t) => {
  const root = await checkout(t, {
    'base/file': `${HOLDS}import { mkdtempSync } from 'node:fs'\nimport { tmpdir } from 'node:os'\nmkdtempSync(tmpdir() + '/elastic-forgotten-')\n`,
    'base/process': `${HOLDS}import { spawn } from 'node:child_process'\nspawn('sleep', ['1000'], { detached: true, stdio: 'inherit' }).unref()\n`,
  })
  const { status, stdout } = await start(root, 'base').ended
  t.equal(status, 1)
  t.equal(lastLineOf(stdout), '2 passed, 1 failed')
  t.match(stdout, /base\/file\.test\.ts left a temporary file or folder: elastic-forgotten-/)
  t.match(stdout, /base\/process\.test\.ts left a process: \d+ sleep 1000/)
  t.strictSame((await readdir(tmpdir())).filter((name) => name.startsWith('ed-')), [])
})

await t.test('an interrupt ends the test that hangs, cleans up and fails', async (t) => {
  const hanging = `import t from 'tap'\nsetInterval(() => undefined, 1e6)\nt.test('hangs', () => new Promise(() => undefined))\n`
  const root = await checkout(t, { 'base/hangs': hanging, 'base/other': HOLDS, 'file-manager/never': HOLDS })
  const { child, ended } = start(root, 'base', 'file-manager')
  // The other file's line is printed while the hanging one runs.
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  const { status, stdout } = await ended
  t.equal(status, 1)
  t.match(stdout, /FAILED {2}base\/hangs\.test\.ts/)
  t.match(stdout, /the run was ended by SIGINT/)
  t.notMatch(stdout, /file-manager\/never/)
  t.strictSame((await readdir(tmpdir())).filter((name) => name.startsWith('ed-')), [])
})

await t.test('a word that means nothing is wrong usage', async (t) => {
  const { status, stderr } = await start(await checkout(t, { 'base/a': HOLDS }), 'nonsense').ended
  t.equal(status, 2)
  t.match(stderr, /nonsense[^]*Folders: base/)
})
