/** Contract: what waits keeps nothing else waiting, and whoever waits can be killed (DESIGN.md section 6, Never hang). */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { DriveError } from '../../src/base/errors.js'
import type { Child } from './children.js'
import { python, startPython } from './children.js'
import type { ContractCase } from './contract-case.js'

const AT_ONCE_MS = 2000

async function endsAtOnce(t: Test, child: Child, message: string): Promise<void> {
  const start = performance.now()
  await child.ended
  const tookMs = performance.now() - start
  t.ok(tookMs < AT_ONCE_MS, `${message} (${Math.round(tookMs)} ms)`)
}

export const waitingCases: readonly ContractCase[] = [
  {
    name: 'a process stuck in a read of the page cache dies of SIGKILL at once',
    needs: [],
    run: async (t, { folder, fileSystem: { tree, stalls } }) => {
      tree.add(tree.root, 'stuck', 'file', 0o644).resize(1_000_000)
      const stall = stalls.add({ operation: 'read' })
      const child = startPython(t, folder, "open('stuck', 'rb').read()")
      await stall.arrived()
      child.kill('SIGKILL')
      await endsAtOnce(t, child, 'it is gone')
    },
  },
  {
    name: 'a process stuck in a direct read dies of SIGKILL and SIGINT, and the filesystem learns that nobody waits',
    needs: ['interrupt'],
    run: async (t, { folder, fileSystem }) => {
      fileSystem.directIo = true
      fileSystem.tree.add(fileSystem.tree.root, 'stuck', 'file', 0o644).resize(1_000_000)
      for (const signal of ['SIGKILL', 'SIGINT'] as const) {
        const stall = fileSystem.stalls.add({ operation: 'read', heedsSignal: true })
        const child = startPython(t, folder, "signal.signal(signal.SIGINT, signal.SIG_DFL)\nopen('stuck', 'rb').read()")
        await stall.arrived()
        child.kill(signal)
        await endsAtOnce(t, child, `${signal} ends it`)
        t.equal(stall.held.size, 0, 'the read was given up')
        stall.end()
      }
    },
  },
  {
    name: 'a process stuck in lookup, open, getattr or a listing dies of SIGKILL although the filesystem does not listen',
    needs: ['interrupt', 'readdirplus'],
    run: async (t, { folder, fileSystem }) => {
      const { tree, stalls } = fileSystem
      tree.add(tree.root, 'd', 'directory', 0o755)
      tree.add(tree.root, 'f', 'file', 0o644)
      fileSystem.validityMs = 0
      const stuck = [
        ['lookup', "os.stat('x')"],
        ['open', "os.open('f', os.O_RDONLY)"],
        ['opendir', "os.listdir('d')"],
        ['readdirplus', "os.listdir('d')"],
        ['getxattr', "os.getxattr('f', 'user.x')"],
        ['statfs', "os.statvfs('f')"],
      ] as const
      for (const [operation, script] of stuck) {
        const stall = stalls.add({ operation })
        const child = startPython(t, folder, script)
        await stall.arrived()
        child.kill('SIGKILL')
        await endsAtOnce(t, child, `killed in ${operation}`)
        t.equal(stall.held.size, 1, 'the filesystem is still busy with it')
        stall.end()
      }
      // What came of the late answers was taken back.
      await stat(join(folder, 'f'))
      t.equal(fileSystem.openHandles, 0)
    },
  },
  {
    name: 'a signal that does not kill cuts nothing short, and a later one that does still works',
    needs: ['interrupt'],
    run: async (t, { folder, fileSystem: { stalls } }) => {
      const stall = stalls.add({ operation: 'lookup', heedsSignal: true })
      const script = `
signal.signal(signal.SIGUSR1, lambda number, frame: None)
say('ready')
say(errno_of(lambda: os.stat('x')))
`
      const patient = startPython(t, folder, script)
      await stall.arrived(1)
      const doomed = startPython(t, folder, script.replace("'x'", "'y'"))
      await stall.arrived(1)
      // The second lookup waits in the kernel for the first only where lookups of one folder are not parallel.
      await Promise.all([patient.said('ready'), doomed.said('ready'), stall.arrived(2)])
      patient.kill('SIGUSR1')
      doomed.kill('SIGUSR1')
      const [, second] = [...stall.held]
      await python(t, '/', 'pass') // both signals are in by now
      t.equal(stall.held.size, 2, 'both still wait')
      doomed.kill('SIGTERM')
      await endsAtOnce(t, doomed, 'SIGTERM after SIGUSR1 ends it')
      t.ok(second?.caller.signal.aborted)
      stall.end()
      t.match((await patient.ended).stdout, /ENOENT/, 'no EINTR')
    },
  },
  {
    name: 'with 1,100 reads stuck another file still reads, and so does the same one elsewhere',
    needs: ['many-waiting'],
    run: async (t, { folder, fileSystem }) => {
      const { tree, stalls } = fileSystem
      const count = 1100
      const spacing = 1 << 20
      const stuck = tree.add(tree.root, 'stuck', 'file', 0o644)
      stuck.resize(spacing * count)
      tree.add(tree.root, 'ready', 'file', 0o644).write(0, Buffer.alloc(3_000_000, 'r'))
      const stall = stalls.add({ operation: 'read', node: stuck.id })
      const child = startPython(
        t,
        folder,
        `
threading.stack_size(65536)
f = os.open('stuck', os.O_RDONLY)
os.posix_fadvise(f, 0, 0, os.POSIX_FADV_RANDOM)
def read(index): os.pread(f, 10, index * ${spacing})
threads = [threading.Thread(target=read, args=(index,)) for index in range(${count})]
for thread in threads: thread.start()
for thread in threads: thread.join()
say('all')
`,
      )
      await stall.arrived(count)
      t.equal(stall.held.size, count)
      t.equal((await readFile(join(folder, 'ready'))).length, 3_000_000)
      await writeFile(join(folder, 'new'), Buffer.alloc(2_000_000))
      stall.end()
      t.match((await child.ended).stdout, /all/)
    },
  },
  {
    name: 'writes that wait keep their bytes, and other files can be written meanwhile',
    needs: [],
    run: async (t, { folder, fileSystem }) => {
      const { tree, stalls } = fileSystem
      const sizes = [1, 5000, 9000, 200_000, 1 << 20]
      const children = []
      for (const [index, size] of [...sizes, ...sizes, ...sizes].entries()) {
        const node = tree.add(tree.root, `w${index}`, 'file', 0o644)
        const stall = stalls.add({ operation: 'write', node: node.id })
        const script = `f = os.open(sys.argv[1], os.O_WRONLY)\nsay(os.write(f, sys.argv[2].encode() * ${size}))`
        children.push({ child: startPython(t, folder, script, `w${index}`, String.fromCharCode(65 + index)), node, size, stall })
      }
      await Promise.all(children.map(({ stall }) => stall.arrived()))
      await writeFile(join(folder, 'other'), Buffer.alloc(3_000_000, 'z'))
      for (const [index, { child, node, size, stall }] of children.entries()) {
        stall.end()
        t.equal((await child.ended).stdout, `${size}\n`)
        t.ok(node.read(0, size).equals(Buffer.alloc(size, String.fromCharCode(65 + index))), `${size} bytes of file ${index}`)
      }
    },
  },
  {
    name: 'a lookup that waits keeps neither its folder nor another waiting',
    needs: ['parallel-lookups'],
    run: async (t, { folder, fileSystem: { tree, stalls } }) => {
      const d = tree.add(tree.root, 'd', 'directory', 0o755)
      tree.add(d, 'ready', 'file', 0o644)
      const stall = stalls.add({ operation: 'lookup', node: d.id, name: 'slow' })
      const child = startPython(t, folder, "say(errno_of(lambda: os.stat('d/slow')))")
      await stall.arrived()
      t.ok((await stat(join(folder, 'd/ready'))).isFile())
      await t.rejects(stat(join(folder, 'elsewhere')), { code: 'ENOENT' })
      for (const request of stall.held) request.release(new DriveError('deadline', 'too slow'))
      t.equal((await child.ended).stdout, 'ETIMEDOUT\n')
    },
  },
  {
    name: 'a filesystem that fails with something unknown is EIO, and goes on',
    needs: [],
    run: async (t, { folder, fileSystem }) => {
      const { tree } = fileSystem
      await writeFile(join(folder, 'f'), 'x')
      const node = tree.child(tree.root, 'f')
      Object.defineProperty(node, 'read', {
        configurable: true,
        value: () => {
          throw new TypeError('a bug')
        },
      })
      await t.rejects(readFile(join(folder, 'f')), { code: 'EIO' })
      Reflect.deleteProperty(node, 'read')
      t.equal(await readFile(join(folder, 'f'), 'utf8'), 'x')
    },
  },
]
