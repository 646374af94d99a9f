/**
 * How fast requests go through JavaScript: `node build/test/engine/measure.js`. The filesystem is in memory and in this
 * process, the programs that use it are others; so the figures are the engine's own cost. No test: a machine's noise is
 * no failure.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MemoryFileSystem } from './memory-file-system.js'
import { mountMemory, owner } from './mounted.js'

const run = promisify(execFile)
const MIB = 1 << 20

const folder = await mkdtemp(join(tmpdir(), 'elastic-drive-measure-'))
const fileSystem = new MemoryFileSystem(owner)
const { tree } = fileSystem
const engine = await mountMemory(folder, fileSystem)

async function measure(title: string, count: number, unit: string, program: string, ...args: readonly string[]): Promise<void> {
  const start = performance.now()
  const { stdout } = await run(program, args, { cwd: '/', maxBuffer: 64 * MIB })
  const ownSeconds = /^seconds (\S+)/m.exec(stdout)?.[1]
  const seconds = ownSeconds === undefined ? (performance.now() - start) / 1000 : Number(ownSeconds)
  process.stdout.write(`${title.padEnd(52)} ${Math.round(count / seconds).toLocaleString('en')} ${unit}\n`)
}

const timed = (setup: string, work: string): readonly string[] => [
  '-I',
  '-c',
  `import os, sys, time, threading\nos.chdir(sys.argv[1])\n${setup}\nstart = time.monotonic()\n${work}\nprint('seconds', time.monotonic() - start)`,
  folder,
]

try {
  tree.add(tree.root, 'big', 'file', 0o644).write(0, Buffer.alloc(512 * MIB, 'x'))
  for (let index = 0; index < 100; index += 1) {
    const directory = tree.add(tree.root, `d${index}`, 'directory', 0o755)
    for (let file = 0; file < 1000; file += 1) tree.add(directory, `file ${file}`, 'file', 0o644)
  }
  fileSystem.validityMs = 0
  await measure('getattr, one thread', 50_000, 'a second', 'python3', ...timed("f = os.open('big', os.O_RDONLY)", 'for index in range(50000): os.fstat(f)'))
  const four = "threads = [threading.Thread(target=lambda: [os.fstat(f) for index in range(20000)]) for thread in range(4)]\nfor thread in threads: thread.start()\nfor thread in threads: thread.join()"
  await measure('getattr, four threads', 80_000, 'a second', 'python3', ...timed("f = os.open('big', os.O_RDONLY)", four))
  fileSystem.validityMs = 3_600_000
  await measure('find -printf %s, 100 folders of 1,000, cold', 100_100, 'files a second', 'find', folder, '-printf', '%s\n')
  await measure('the same, warm', 100_100, 'files a second', 'find', folder, '-printf', '%s\n')
  await measure('sequential read of 512 MiB, page cache cold', 512, 'MiB/s', 'dd', `if=${folder}/big`, 'of=/dev/null', 'bs=1M')
  await measure('sequential write of 256 MiB', 256, 'MiB/s', 'dd', 'if=/dev/zero', `of=${folder}/new`, 'bs=1M', 'count=256')
  const small = "for index in range(2000):\n  f = os.open('d0/file %d' % (index % 1000), os.O_RDONLY); os.read(f, 4096); os.close(f)"
  await measure('open, read, close of small files', 2000, 'a second', 'python3', ...timed('', small))
  const create = "for index in range(2000):\n  f = os.open('n%d' % index, os.O_CREAT | os.O_WRONLY); os.write(f, b'x' * 4096); os.close(f)"
  await measure('create, write 4 KiB, close', 2000, 'a second', 'python3', ...timed('', create))
} finally {
  await engine.unmount({ force: true })
  await rmdir(folder)
}
