/** The program `elastic-drive`: one command line, its answer, its exit code. */
import { systemCode } from '../base/errors.js'
import { runCommandLine } from './program.js'

process.umask(0o077) // what is written here is the person's alone; the folder gets its own mode

// A reader that has seen enough (`status | head`), or that died, is no failure, and what was begun is still put in order.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (systemCode(error) !== 'EPIPE') throw error
  })
}

const exitCode = await runCommandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  workingDirectory: workingDirectory(),
})
// Output is written by now (pipes, files and terminals are synchronous here). A daemon in the foreground that could not
// stop in order must not keep the process, and with it the profile's lock.
process.exit(exitCode)

/** A shell may stand in a folder that is gone, or in a mount that lost its daemon. */
function workingDirectory(): string {
  try {
    return process.cwd()
  } catch {
    return process.env.PWD ?? '/'
  }
}
