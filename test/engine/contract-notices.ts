/**
 * Contract: what changes behind the kernel's back is announced, and no announcement can hang anything (fuse-engine.md
 * fact 1). Validities are an hour here, so whatever is seen was announced.
 */
import { readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT_NODE } from '../../src/fs/operations.js'
import { python, startPython } from './children.js'
import type { ContractCase } from './contract-case.js'

/** Asks until the answer is the wanted one: a notice takes effect on its own thread. The test's deadline is the bound. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(setImmediate)
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

export const noticeCases: readonly ContractCase[] = [
  {
    name: 'a rename made elsewhere is seen as soon as it is announced, also where the new name was known not to exist',
    needs: ['invalidate'],
    run: async (t, { folder, fileSystem: { tree }, notices }) => {
      const node = tree.add(tree.root, 'before', 'file', 0o644)
      t.ok(await exists(join(folder, 'before')))
      t.notOk(await exists(join(folder, 'after')))
      tree.unlink(tree.root, 'before')
      tree.link(tree.root, 'after', node)
      t.ok(await exists(join(folder, 'before')), 'not announced yet')
      notices.invalidateEntry(ROOT_NODE, 'before')
      notices.invalidateEntry(ROOT_NODE, 'after')
      await until(async () => !(await exists(join(folder, 'before'))))
      await until(() => exists(join(folder, 'after')))
      t.strictSame(await readdir(folder), ['after'])
    },
  },
  {
    name: 'new attributes and new bytes of a file are seen when announced',
    needs: ['invalidate'],
    run: async (t, { folder, fileSystem: { tree }, notices }) => {
      const node = tree.add(tree.root, 'f', 'file', 0o644)
      node.write(0, Buffer.from('old bytes'))
      t.equal(await readFile(join(folder, 'f'), 'utf8'), 'old bytes')
      node.mode = 0o600
      notices.invalidateNode(node.id, -1, 0)
      await until(async () => ((await stat(join(folder, 'f'))).mode & 0o777) === 0o600)
      node.data.write('NEW')
      t.equal(await readFile(join(folder, 'f'), 'utf8'), 'old bytes', 'pages stay while only attributes were announced')
      notices.invalidateNode(node.id, 0, 0)
      await until(async () => (await readFile(join(folder, 'f'), 'utf8')) === 'NEW bytes')
    },
  },
  {
    name: 'a listing that the kernel may keep is asked for again when its folder is announced',
    needs: ['invalidate'],
    run: async (t, { folder, fileSystem, notices }) => {
      const { tree, calls } = fileSystem
      fileSystem.keepListings = true
      const d = tree.add(tree.root, 'd', 'directory', 0o755)
      tree.add(d, 'first', 'file', 0o644)
      const asked = (): number => (calls.get('readdir') ?? 0) + (calls.get('readdirplus') ?? 0)
      t.strictSame(await readdir(join(folder, 'd')), ['first'])
      const before = asked()
      t.strictSame(await readdir(join(folder, 'd')), ['first'])
      t.equal(asked(), before, 'the kernel answers itself')
      tree.add(d, 'second', 'file', 0o644)
      notices.invalidateNode(d.id, 0, 0)
      await until(async () => (await readdir(join(folder, 'd'))).length === 2)
    },
  },
  {
    name: 'a deletion made elsewhere is seen when announced, also of a folder somebody stands in',
    needs: ['invalidate'],
    run: async (t, { folder, fileSystem: { tree }, notices }) => {
      const file = tree.add(tree.root, 'f', 'file', 0o644)
      const directory = tree.add(tree.root, 'd', 'directory', 0o755)
      tree.add(directory, 'inside', 'file', 0o644)
      const child = startPython(t, folder, "os.chdir('d'); os.stat('inside'); say('in'); sys.stdin.readline(); say(errno_of(lambda: os.stat('inside')))")
      await child.said('in')
      t.ok(await exists(join(folder, 'f')))
      tree.remove(directory, 'inside')
      for (const [name, node] of [['f', file], ['d', directory]] as const) {
        tree.remove(tree.root, name)
        notices.entryDeleted(ROOT_NODE, node.id, name)
        await until(async () => !(await exists(join(folder, name))))
      }
      notices.invalidateEntry(directory.id, 'inside')
      child.tell('go')
      t.match((await child.ended).stdout, /ENOENT/)
    },
  },
  {
    name: 'a notice for a file with a stuck read waits for it, and notices for others do not',
    needs: ['invalidate'],
    run: async (t, { folder, fileSystem, notices }) => {
      const { tree, stalls } = fileSystem
      const stuck = tree.add(tree.root, 'stuck', 'file', 0o644)
      stuck.resize(5_000_000)
      const other = tree.add(tree.root, 'other', 'file', 0o644)
      t.equal((await stat(join(folder, 'other'))).size, 0)
      const stall = stalls.add({ operation: 'read', node: stuck.id })
      const reader = startPython(t, folder, "say(len(open('stuck', 'rb').read()))")
      await stall.arrived()
      notices.invalidateNode(stuck.id, 0, 0)
      other.resize(7)
      notices.invalidateNode(other.id, 0, 0)
      await until(async () => (await stat(join(folder, 'other'))).size === 7)
      t.ok(await exists(join(folder, 'stuck')), 'its folder can be looked up all the while')
      tree.remove(tree.root, 'stuck')
      notices.entryDeleted(ROOT_NODE, stuck.id, 'stuck')
      await until(async () => !(await exists(join(folder, 'stuck'))))
      stall.end()
      t.equal((await reader.ended).stdout, '5000000\n')
    },
  },
  {
    name: 'a deletion waits for a stuck write to the file, and its folder can be used all the while',
    needs: ['invalidate'],
    run: async (t, { folder, fileSystem: { tree, stalls }, notices }) => {
      const node = tree.add(tree.root, 'f', 'file', 0o644)
      const stall = stalls.add({ operation: 'write' })
      const writer = startPython(t, folder, "f = os.open('f', os.O_WRONLY); say(os.write(f, b'abc'))")
      await stall.arrived()
      tree.remove(tree.root, 'f')
      notices.entryDeleted(ROOT_NODE, node.id, 'f')
      for (let index = 0; index < 20; index += 1) t.notOk(await exists(join(folder, `new ${index}`)))
      t.ok(await exists(join(folder, 'f')), 'held back')
      stall.end()
      t.equal((await writer.ended).stdout, '3\n')
      await until(async () => !(await exists(join(folder, 'f'))))
    },
  },
  {
    name: 'a notice for a name waits for lookups in its folder, and lookups there never wait for it',
    needs: ['invalidate'],
    run: async (t, { folder, fileSystem, notices }) => {
      const { tree, stalls } = fileSystem
      const d = tree.add(tree.root, 'd', 'directory', 0o755)
      tree.add(d, 'known', 'file', 0o644)
      t.ok(await exists(join(folder, 'd/known')))
      const stall = stalls.add({ operation: 'lookup', node: d.id, name: 'slow' })
      const child = startPython(t, folder, "say(errno_of(lambda: os.stat('d/slow')))")
      await stall.arrived()
      tree.remove(d, 'known')
      notices.invalidateEntry(d.id, 'known')
      for (let index = 0; index < 20; index += 1) t.notOk(await exists(join(folder, `d/new ${index}`)))
      t.ok(await exists(join(folder, 'd/known')), 'held back')
      stall.end()
      t.equal((await child.ended).stdout, 'ENOENT\n')
      await until(async () => !(await exists(join(folder, 'd/known'))))
    },
  },
  {
    name: 'a name whose file is closed but still being read ahead can be announced without stopping its folder',
    needs: ['invalidate'],
    run: async (t, { folder, fileSystem, notices }) => {
      const { tree, stalls } = fileSystem
      const node = tree.add(tree.root, 'stuck', 'file', 0o644)
      node.resize(5_000_000)
      const stall = stalls.add({ operation: 'read', node: node.id })
      const reader = startPython(t, folder, "open('stuck', 'rb').read()")
      await stall.arrived()
      reader.kill('SIGKILL')
      await reader.ended
      notices.invalidateEntry(ROOT_NODE, 'stuck')
      notices.entryDeleted(ROOT_NODE, node.id, 'stuck')
      for (let index = 0; index < 20; index += 1) t.notOk(await exists(join(folder, `new ${index}`)))
      await writeFile(join(folder, 'made meanwhile'), 'x')
      t.equal(stall.held.size > 0, true, 'the read is still stuck')
    },
  },
  {
    name: 'a storm of notices with reads and lookups stuck hangs nothing',
    needs: ['invalidate'],
    run: async (t, { folder, fileSystem, notices }) => {
      const { tree, stalls } = fileSystem
      const files = Array.from({ length: 200 }, (_, index) => tree.add(tree.root, `f${index}`, 'file', 0o644))
      for (const file of files) file.resize(300_000)
      const d = tree.add(tree.root, 'd', 'directory', 0o755)
      const reads = stalls.add({ operation: 'read' })
      const lookups = stalls.add({ operation: 'lookup', node: d.id })
      const reader = startPython(
        t,
        folder,
        `
def read(index): open('f%d' % index, 'rb').read()
def look(index): os.path.exists('d/%d' % index)
threads = [threading.Thread(target=target, args=(index,)) for index in range(50) for target in (read, look)]
for thread in threads: thread.start()
for thread in threads: thread.join()
say('all')
`,
      )
      await Promise.all([reads.arrived(50), lookups.arrived(50)])
      for (let round = 0; round < 20; round += 1) {
        for (const [index, file] of files.entries()) {
          notices.invalidateNode(file.id, 0, 0)
          notices.invalidateEntry(ROOT_NODE, `f${index}`)
          notices.invalidateEntry(d.id, String(index))
        }
        t.ok(await exists(join(folder, `f${100 + round}`)))
        await writeFile(join(folder, `new ${round}`), 'x')
      }
      stalls.endAll()
      t.match((await reader.ended).stdout, /all/)
      const lines = await python(t, folder, "say(len(os.listdir('.')), open('f60', 'rb').read().count(b'\\0'))")
      t.strictSame(lines, ['221 300000'])
    },
  },
]
