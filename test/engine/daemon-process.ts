/**
 * A program of the tests: mounts a memory filesystem at the folder it is given and serves it until it is killed. Tests
 * kill, stop and wedge it, and look at what it leaves behind. Lines on standard input steer it:
 * `stall OPERATION` holds such requests, `wedge` blocks the notice thread in the kernel while a write to `f` is held,
 * `unmount` ends it.
 */
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { createLog } from '../../src/base/log.js'
import { errorCode, errorText } from '../../src/base/errors.js'
import { ROOT_NODE, type FileSystem, type NodeId } from '../../src/fs/operations.js'
import { MemoryFileSystem } from './memory-file-system.js'
import { mountMemory, owner } from './mounted.js'

const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

async function main(folder: string): Promise<void> {
  const fileSystem = new MemoryFileSystem(owner)
  const { tree, stalls } = fileSystem
  tree.add(tree.root, 'f', 'file', 0o644).resize(3_000_000)
  const engine = await mountMemory(folder, fileSystem, { log: createLog('error', pino.destination(2)) })
  say(`mounted ${engine.connection}`)
  for await (const line of createInterface(process.stdin)) {
    const [command, argument] = line.split(' ')
    if (command === 'stall') {
      const stall = stalls.add({ operation: argument as keyof FileSystem })
      void stall.arrived().then(() => {
        say('stalled')
      })
    } else if (command === 'wedge') {
      // Names the wrong child, so that it is not held back for the one that the kernel has locked.
      engine.notices.entryDeleted(ROOT_NODE, 999_999 as NodeId, 'f')
    } else if (command === 'release') {
      stalls.endAll()
    } else if (command === 'unmount') {
      await engine.unmount({ force: argument === 'force' })
      say('unmounted')
      process.stdin.destroy()
      return
    }
  }
}

main(process.argv[2] ?? '').catch((error: unknown) => {
  say(`failed ${errorCode(error)}`)
  process.stderr.write(`${errorText(error)}\n`)
  process.exitCode = 1
})
