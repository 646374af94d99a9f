// Indexers and thumbnailers are refused by the name of their process, whatever the thread that reads is called.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Playground, run } from '../mount/playground.js'
import { skipWithout } from '../support/skip.js'

t.setTimeout(120_000)

/** Reads the file in a thread of its pool and prints the error's code; its main thread is called like the program, the pool's as in GLib. */
const READER = `
import { readdirSync, writeFileSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
const [program, file] = process.argv.slice(2)
process.title = program
await Promise.all(Array.from({ length: 8 }, () => stat('/'))) // the pool begins with its first work
for (const thread of readdirSync('/proc/self/task')) if (Number(thread) !== process.pid) writeFileSync('/proc/self/task/' + thread + '/comm', 'pool-' + thread)
process.stdout.write(await readFile(file).then((bytes) => String(bytes.length), (error) => error.code))
`

// [S-23]
await t.test('an indexer that reads in a thread of another name moves nothing, and reads what is here', skipWithout('fuse'), async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:1x2x100000' })
  const [missing = '', here = ''] = (await ground.shell('find "$PWD" -type f | sort')).trim().split('\n')
  await ground.shell(`cat '${here}' > /dev/null`)
  await ground.clearRequests()
  await writeFile(join(ground.directory, 'reader.mjs'), READER)
  const read = async (program: string, file: string): Promise<string> => (await run(process.execPath, [join(ground.directory, 'reader.mjs'), program, file])).stdout
  for (const program of ['tracker-extract-3', 'localsearch-extractor-3', 'tumblerd']) {
    t.equal(await read(program, missing), 'EACCES', program)
    t.equal(await read(program, here), '100000', program)
  }
  t.equal((await ground.requests()).bytesDown, 0)
  t.equal(await read('a-viewer', missing), '100000', 'a person gets it')
})
