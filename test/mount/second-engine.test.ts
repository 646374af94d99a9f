// The drive through the second engine: what a person does all day works, and status says which engine runs and why.
import { cp, copyFile, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, sha256, until } from './playground.js'

interface EngineAnswer {
  readonly engine: { readonly name: string; readonly why: string; readonly lacks: readonly string[]; readonly isFallback: boolean }
}

const fuse = skipWithout('fuse')
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** The program in a tree of its own, where the native addon was never built. */
async function withoutAddon(t: Test): Promise<string> {
  const tree = await mkdtemp(join(tmpdir(), 'elastic-no-addon-'))
  t.teardown(() => rm(tree, { recursive: true, force: true }))
  await cp(join(ROOT, 'build/src'), join(tree, 'build/src'), { recursive: true })
  await copyFile(join(ROOT, 'package.json'), join(tree, 'package.json'))
  await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  return join(tree, 'build/src/cli/main.js')
}

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('with --engine fuse-native files are listed, read, edited and sent, and status names the engine', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:8x10x5000', settings: { uploadDelay: '1' }, mountArguments: ['--engine', 'fuse-native'] })
  const { engine } = await ground.json<EngineAnswer>('status')
  t.match(engine, { name: 'fuse-native', why: /--engine/ })
  t.ok(engine.lacks.includes('invalidate'))
  t.match(await ground.ok('status'), /^Engine {3}fuse-native: asked for by --engine;/m)

  t.equal((await ground.shell('find . -type f | wc -l')).trim(), '80')
  const before = await ground.tree()
  const [first, second, third] = before.filter(({ type }) => type === 'file')
  if (first === undefined || second === undefined || third === undefined) throw new Error('the seed is empty')
  t.equal(await sha256(ground.path(first.path)), first.sha256)

  await ground.shell(`
    echo appended >> '${first.path}'
    mkdir -p new/deep; echo fresh > new/deep/fresh.txt
    touch -d '2020-02-02 02:02:02' -a new/deep/fresh.txt; touch -d '2021-03-03 03:03:03' new/deep/fresh.txt
    mv '${third.path}' new/moved.bin
  `)
  // A program reads the old file while another saves over it.
  await ground.shell(`exec 3< '${second.path}'; echo saved > '${second.path}.tmp'; mv '${second.path}.tmp' '${second.path}'; [ "$(head -c 4 <&3 | wc -c)" = 4 ]; ls -A "$(dirname '${second.path}')" | grep -c fuse_hidden | grep -qx 0`)
  t.match(await ground.shell(`stat -c '%y' new/deep/fresh.txt`), /2021-03-03 03:03:03/)
  await ground.ok('sync', '--wait', '60')

  const after = await ground.tree()
  t.match(after.find(({ id }) => id === first.id), { path: first.path, size: first.size + 9 }, 'an edit is a version of the same file')
  t.match(after.find(({ path }) => path === second.path), { id: second.id, size: 6 }, 'so is a save over an open file')
  t.match(after.find(({ id }) => id === third.id), { path: 'new/moved.bin' })
  t.equal(after.find(({ path }) => path === 'new/deep/fresh.txt')?.size, 6)
  t.notOk(after.some(({ path }) => path.includes('fuse_hidden') || path.endsWith('.tmp')))
})

await t.test('what changes on the portal is seen through it, and it is unmounted like the other', fuse, async (t) => {
  const ground = await Playground.start(t, { mounted: false })
  await ground.connect()
  await ground.ok('settings', 'engine', 'fuse-native')
  await ground.mount()
  t.match((await ground.json<EngineAnswer>('status')).engine.why, /setting/)
  await ground.shell('echo mine > a.txt')
  await ground.ok('sync', '--wait', '60')
  const [before] = (await ground.tree()).filter(({ path }) => path === 'a.txt')
  await ground.act({ op: 'write', path: 'a.txt', content: 'theirs, and longer' })
  await ground.act({ op: 'write', path: 'b.txt', content: 'new' })
  await ground.ok('sync', '--wait', '60')
  await until('the new content is there', async () => (await ground.shell('cat a.txt')) === 'theirs, and longer')
  await until('the new file is there', async () => (await ground.shell('ls')) === 'a.txt\nb.txt\n')
  t.equal((await ground.item('a.txt'))?.id, before?.id)
  await ground.unmount()
  t.match(await ground.cli('mount', '--engine', 'native'), { code: 0 }, 'and the other engine goes on where it stopped')
  t.match((await ground.json<EngineAnswer>('status')).engine, { name: 'native', lacks: [] })
  t.equal(await ground.shell('cat a.txt b.txt'), 'theirs, and longernew')
})

await t.test('without the native addon fuse-native serves the drive: mount says so, and status and doctor say why', fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:2x3x5000', mounted: false, main: await withoutAddon(t) })
  await ground.connect()
  const mounted = await ground.cli('mount', '--json')
  t.match(mounted, { code: 0, stderr: 'The engine is fuse-native instead of native: The native addon is not built: run native/build.\n' })
  t.match(JSON.parse(mounted.stdout), { mounted: true, engine: 'fuse-native' })
  t.match((await ground.json<EngineAnswer>('status')).engine, { name: 'fuse-native', why: /^instead of native: .* run native\/build/, isFallback: true })
  t.match(await ground.cli('doctor'), { stdout: /engine +fuse-native: instead of native: The native addon is not built/ })
  const [file] = (await ground.tree()).filter(({ type }) => type === 'file')
  if (file === undefined) throw new Error('the seed is empty')
  t.equal(await sha256(ground.path(file.path)), file.sha256)
  await ground.shell(`echo written > new.txt; echo more >> '${file.path}'`)
  await ground.ok('sync', '--wait', '60')
  t.equal((await ground.item('new.txt'))?.size, 8)
  t.equal((await ground.item(file.path))?.size, file.size + 5)
  await ground.killDaemon()
  t.match(await ground.cli('mount'), { code: 0, stderr: /^The engine is fuse-native instead of native/ }, 'also over the mount of a daemon that was killed')
  t.equal(await ground.shell('cat new.txt'), 'written\n')
  t.match(await ground.cli('mount', '--engine', 'native'), { code: 1 }, 'one that is asked for by name is never another')
  await ground.unmount()
  t.match(await ground.cli('mount', '--engine', 'native'), { code: 1, stderr: /native addon is not built/ })
})
