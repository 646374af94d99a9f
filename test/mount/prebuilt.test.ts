/** A packed addon on a machine without a compiler: taken, or refused with what to do. */
import { createHash } from 'node:crypto'
import { appendFile, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, run, type Outcome } from './playground.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const ADDON = 'native/out/elastic_drive.node'

async function temporary(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'elastic-packed-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A tree with the program and the sources of the addon, where nothing native is built. */
async function checkout(t: Test): Promise<string> {
  const tree = await temporary(t)
  await cp(join(ROOT, 'build/src'), join(tree, 'build/src'), { recursive: true })
  await copyFile(join(ROOT, 'package.json'), join(tree, 'package.json'))
  await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  await mkdir(join(tree, 'native'))
  for (const entry of await readdir(join(ROOT, 'native'), { withFileTypes: true })) {
    if (entry.isFile()) await copyFile(join(ROOT, 'native', entry.name), join(tree, 'native', entry.name))
  }
  return tree
}

/** The programs of this machine, but no compiler. */
async function pathWithoutCompiler(t: Test): Promise<string> {
  const bin = await temporary(t)
  await symlink(process.execPath, join(bin, 'node'))
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of ['bash', 'dirname', 'env', 'find', 'mkdir', 'mktemp', 'rm']) {
      const program = join(directory, name)
      if (await stat(program).then(() => true, () => false)) await symlink(program, join(bin, name)).catch(() => undefined) // the first one counts
    }
  }
  return bin
}

/** Packed as on the machine that has the compiler; the addon of this checkout stands for the one it compiles. */
async function pack(t: Test): Promise<string> {
  const tree = await checkout(t)
  await mkdir(join(tree, dirname(ADDON)))
  await copyFile(join(ROOT, ADDON), join(tree, ADDON))
  const packed = await run(join(tree, 'native/pack'), [], { env: process.env })
  if (packed.code !== 0) throw new Error(packed.stderr)
  t.match(packed.stdout, /^Packed native\/prebuilt\/linux-\w+-(glibc|musl): copy/)
  return join(tree, 'native/prebuilt')
}

await t.test('a packed addon is taken where there is no compiler, and mounts; one that does not fit is refused', skipWithout('fuse'), async (t) => {
  const prebuilt = await pack(t)
  const [machine = ''] = await readdir(prebuilt)
  const manifest = JSON.parse(await readFile(join(prebuilt, machine, 'manifest.json'), 'utf8')) as Record<string, unknown>
  t.match(manifest, { machine, nodeApi: 8, libc: /^(glibc \d|musl)/, sources: /^[0-9a-f]{64}$/, addon: /^[0-9a-f]{64}$/ })
  const env = { ...process.env, PATH: await pathWithoutCompiler(t) }
  const tree = await checkout(t)
  const build = (): Promise<Outcome> => run(join(tree, 'native/build'), [], { env })
  const isBuilt = (): Promise<boolean> => stat(join(tree, ADDON)).then(() => true, () => false)

  t.match(await build(), { code: 1, stderr: /needs a C\+\+20 compiler.*native\/pack/ }, 'nothing is packed')
  await cp(prebuilt, join(tree, 'native/prebuilt'), { recursive: true })

  await appendFile(join(tree, 'native/session.cc'), '// another source\n')
  t.match(await build(), { code: 1, stderr: /packed from other sources than these\. Install g\+\+ .* or run native\/pack with these sources/ })
  t.notOk(await isBuilt())
  await copyFile(join(ROOT, 'native/session.cc'), join(tree, 'native/session.cc'))

  const packed = join(tree, 'native/prebuilt', machine, 'elastic_drive.node')
  const bytes = await readFile(packed)
  await writeFile(packed, bytes.subarray(0, bytes.length / 2))
  t.match(await build(), { code: 1, stderr: /damaged/ })
  const cut = createHash('sha256').update(bytes.subarray(0, bytes.length / 2)).digest('hex')
  await writeFile(join(tree, 'native/prebuilt', machine, 'manifest.json'), JSON.stringify({ ...manifest, addon: cut, libc: 'glibc 9.9' }))
  t.match(await build(), { code: 1, stderr: /packed with glibc 9\.9 does not load here \((Error: .+|SIG\w+)\)/ })
  t.notOk(await isBuilt())
  t.same(await readdir(join(tree, 'native/out')), [], 'nothing half done lies about')

  await cp(prebuilt, join(tree, 'native/prebuilt'), { recursive: true })
  t.strictSame(await build(), { code: 0, signal: null, stdout: '', stderr: '' })
  const { mtimeMs } = await stat(join(tree, ADDON))
  t.match(await build(), { code: 0 })
  t.equal((await stat(join(tree, ADDON))).mtimeMs, mtimeMs, 'once is enough')
  const ground = await Playground.start(t, { seed: 'tree:1x2x1000', mounted: false, main: join(tree, 'build/src/cli/main.js') })
  await ground.connect()
  await ground.mount()
  t.match(await ground.json('status'), { engine: { name: 'native', isFallback: false } })
  t.match(await ground.shell('cat */* | wc -c'), /2000/)
  await ground.unmount()
})
