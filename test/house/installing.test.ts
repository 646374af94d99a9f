import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import t, { type Test } from 'tap'

interface Ran {
  readonly status: number
  readonly printed: string
}

function run(program: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(program, args, options, (_error, stdout, stderr) => {
      resolve({ status: child.exitCode ?? -1, printed: stdout + stderr })
    })
  })
}

async function folder(test: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'elastic-install-'))
  test.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function writeProgram(path: string, body: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!/bin/bash\n${body}\n`)
  await chmod(path, 0o755)
}

/** A machine with nothing but bash, and the programs given. */
async function machine(test: Test, programs: Readonly<Record<string, string>>): Promise<{ env: NodeJS.ProcessEnv; calls: () => Promise<string> }> {
  const bin = await folder(test)
  for (const needed of ['bash', 'dirname', 'env', 'touch', 'rm']) {
    await symlink((await run('bash', ['-c', `command -v ${needed}`])).printed.trim(), join(bin, needed))
  }
  for (const [name, body] of Object.entries(programs)) await writeProgram(join(bin, name), body)
  const log = join(bin, 'calls.log')
  await writeFile(log, '')
  return { env: { PATH: bin, LOG: log }, calls: () => readFile(log, 'utf8') }
}

const INSTALL = resolve('scripts/install-packages')
const ROOT = { id: 'echo 0', 'apt-cache': 'exit 0' }

await t.test('missing packages are installed through apt as root, with fresh lists when the first try fails', async (t) => {
  const { env, calls } = await machine(t, {
    ...ROOT,
    'apt-get': `echo "$@" >> "$LOG"; case "$*" in *update*) touch "$LOG.fresh" ;; *) [ -e "$LOG.fresh" ] ;; esac`,
  })
  t.match(await run(INSTALL, ['run'], { env }), { status: 0 })
  const lines = (await calls()).trim().split('\n').map((line) => line.replace(/^.*Timeout=\d+ /, ''))
  const install = 'install -y --no-install-recommends fuse3 libfuse2 g++ make python3'
  t.strictSame(lines, [install, 'update', install])
})

await t.test('nothing is asked of apt where nothing is missing', async (t) => {
  const present = Object.fromEntries(['fusermount3', 'g++', 'make', 'python3', 'ldconfig', 'grep'].map((name) => [name, 'exit 0']))
  const { env, calls } = await machine(t, { ...ROOT, ...present, 'apt-get': 'echo "$@" >> "$LOG"' })
  t.strictSame(await run(INSTALL, ['run'], { env }), { status: 0, printed: '' })
  t.equal(await calls(), '')
})

await t.test('an ordinary user without sudo is told the exact command', async (t) => {
  const { env } = await machine(t, { id: 'echo 1000', 'apt-get': 'exit 0' })
  const { status, printed } = await run(INSTALL, ['run'], { env })
  t.equal(status, 1)
  t.match(printed, '  sudo apt-get install --no-install-recommends fuse3 libfuse2 g++ make python3\n')
})

await t.test('an ordinary user with sudo installs through it', async (t) => {
  const { env, calls } = await machine(t, {
    id: 'echo 1000',
    'apt-cache': 'exit 0',
    'apt-get': 'echo "as $AS: $*" >> "$LOG"',
    sudo: `[ "$1" = -n ] && exit 0; AS=root "$@"`,
  })
  t.match(await run(INSTALL, ['run'], { env }), { status: 0 })
  t.match(await calls(), /^as root: .*install -y/)
})

await t.test('where there is no apt, or only a look was asked for, the packages are named', async (t) => {
  t.match(await run(INSTALL, ['run'], await machine(t, ROOT)), { status: 1, printed: /fuse3 libfuse2 g\+\+ make python3/ })
  const { env, calls } = await machine(t, { ...ROOT, 'apt-get': 'echo "$@" >> "$LOG"' })
  t.match(await run(INSTALL, ['--check', 'test'], { env }), { status: 1, printed: /attr .*git .*rsync/ })
  t.equal(await calls(), '')
})

await t.test('a Node that is too old, or none, is told before anything else', async (t) => {
  const script = resolve('scripts/require-node')
  const old = await machine(t, { npm: 'exit 0', node: `case $1 in -p) echo 18 ;; *) echo v18.20.0 ;; esac` })
  t.match(await run(script, [], old), { status: 1, printed: /Node\.js 20 or newer; this is v18\.20\.0/ })
  t.match(await run(script, [], await machine(t, {})), { status: 1, printed: /needs Node\.js 20 or newer, with npm/ })
  t.strictSame(await run(script, [], { env: process.env }), { status: 0, printed: '' })
})

/** A checkout with the real build script, and a compiler and npm that only note that they ran. */
async function checkout(test: Test): Promise<{ root: string; build: (...args: readonly string[]) => Promise<Ran>; calls: () => Promise<string> }> {
  const root = await folder(test)
  for (const path of ['scripts/build', 'scripts/packages-current.js']) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await copyFile(path, join(root, path))
  }
  const log = join(root, 'calls.log')
  await writeFile(log, '')
  await writeFile(join(root, 'package.json'), '{"type":"module"}')
  await writeFile(join(root, 'tsconfig.json'), '{}')
  for (const path of ['src/base/a.ts', 'src/base/b.ts', 'test/base/a.test.ts']) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), '')
  }
  await writeProgram(
    join(root, 'node_modules/.bin/tsc'),
    `echo tsc >> ${log}; for f in $(find src test -name '*.ts'); do o=build/\${f%.ts}.js; mkdir -p "$(dirname "$o")"; touch "$o"; done; [ ! -e type-error ]`,
  )
  await writeProgram(join(root, 'bin/npm'), `echo "npm $*" >> ${log}; cp package-lock.json node_modules/.package-lock.json`)
  await writeLocks(root, { 'node_modules/x': { version: '1.0.0' } }, { 'node_modules/x': { version: '1.0.0' } })
  const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env.PATH ?? ''}` }
  return { root, build: (...args) => run(join(root, 'scripts/build'), args, { env }), calls: () => readFile(log, 'utf8') }
}

type Packages = Readonly<Record<string, { version: string; optional?: boolean }>>

/** The lock file is the newer one, as after every checkout. */
async function writeLocks(root: string, wanted: Packages, installed: Packages): Promise<void> {
  await writeFile(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages: installed }))
  await utimes(join(root, 'node_modules/.package-lock.json'), 1_000, 1_000)
  await writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages: { '': { version: '0.1.0' }, ...wanted } }))
}

await t.test('a second build compiles nothing, and a changed or new source compiles again', async (t) => {
  const { root, build, calls } = await checkout(t)
  t.match(await build(), { status: 0 })
  t.match(await build(), { status: 0 })
  t.equal(await calls(), 'tsc\n')
  await writeFile(join(root, 'src/base/new.ts'), '')
  t.match(await build(), { status: 0 })
  t.equal(await calls(), 'tsc\ntsc\n')
})

await t.test('what was compiled from a file that is gone is removed', async (t) => {
  const { root, build } = await checkout(t)
  await build()
  await rm(join(root, 'test/base/a.test.ts'))
  await rm(join(root, 'src/base/b.ts'))
  await build()
  t.equal((await run('find', ['build', '-name', '*.js'], { cwd: root })).printed, 'build/src/base/a.js\n')
})

await t.test('a build that fails says so every time until it holds', async (t) => {
  const { root, build } = await checkout(t)
  await writeFile(join(root, 'type-error'), '')
  t.match(await build(), { status: 1 })
  t.match(await build(), { status: 1 })
  await rm(join(root, 'type-error'))
  t.match(await build(), { status: 0 })
})

await t.test('a native build that fails does not keep the TypeScript from being compiled', async (t) => {
  const { root, build, calls } = await checkout(t)
  await writeProgram(join(root, 'native/build'), 'exit 3')
  t.match(await build(), { status: 3 })
  t.equal(await calls(), 'tsc\n')
})

await t.test('npm packages are installed only when others are named than are there', async (t) => {
  const { root, build, calls } = await checkout(t)
  const x = { 'node_modules/x': { version: '1.0.0' } }
  await writeLocks(root, { ...x, 'node_modules/of-windows': { version: '1.0.0', optional: true } }, x)
  await build('--packages')
  t.equal(await calls(), '')
  for (const [wanted, installed] of [
    [{ 'node_modules/x': { version: '1.0.1' } }, x],
    [{ ...x, 'node_modules/y': { version: '1.0.0' } }, x],
    [x, { ...x, 'node_modules/y': { version: '1.0.0' } }],
  ] as const) {
    await writeLocks(root, wanted, installed)
    const before = await calls()
    t.match(await build('--packages'), { status: 0 })
    t.equal(await calls(), `${before}npm ci --no-audit --no-fund\n`)
  }
})
