// A command line starts a process each time: what only the daemon needs (database, log, HTTP) costs as long as Node itself.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'

const program = new URL('../../src/cli/program.js', import.meta.url).href

await t.test('a command line loads no package but the one that reads its words', async (t) => {
  const script = `
    import { createRequire } from 'node:module'
    await import('${program}')
    console.log(JSON.stringify(Object.keys(createRequire(import.meta.url).cache)))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  const packages = new Set((JSON.parse(stdout) as readonly string[]).flatMap((path) => /node_modules\/([^/]+)/.exec(path)?.[1] ?? []))
  t.same([...packages], ['commander'])
})
