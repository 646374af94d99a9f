/**
 * The grammar of the command line as a whole: every command of the contract, the options they share, and what wrong usage
 * is. What a command does stands in `commands/`.
 */
import { Command, CommanderError } from 'commander'
import { errorCode } from '../base/errors.js'
import type { CommandMaker, Invocation } from './command.js'
import { brakeCommand } from './commands/brake.js'
import { conflictsCommand } from './commands/conflicts.js'
import { connectCommand } from './commands/connect.js'
import { demoCommand } from './commands/demo.js'
import { disconnectCommand } from './commands/disconnect.js'
import { doctorCommand } from './commands/doctor.js'
import { foldersCommand } from './commands/folders.js'
import { mountCommand } from './commands/mount.js'
import { UNBUILT_COMMANDS } from './commands/not-built.js'
import { pauseCommand, resumeCommand } from './commands/pause.js'
import { freeCommand, pinCommand, unpinCommand } from './commands/pin.js'
import { portalCommand } from './commands/portal.js'
import { rescueCommand } from './commands/rescue.js'
import { settingsCommand } from './commands/settings.js'
import { statusCommand } from './commands/status.js'
import { storagesCommand } from './commands/storages.js'
import { syncCommand } from './commands/sync.js'
import { unmountCommand } from './commands/unmount.js'
import { EXIT_CODES, type ExitCode } from './exit-code.js'
import { Output, type Terminal } from './output.js'

/** In the order of the help. */
const COMMANDS: readonly CommandMaker[] = [
  connectCommand,
  mountCommand,
  unmountCommand,
  disconnectCommand,
  statusCommand,
  syncCommand,
  brakeCommand,
  pauseCommand,
  resumeCommand,
  pinCommand,
  unpinCommand,
  freeCommand,
  storagesCommand,
  conflictsCommand,
  foldersCommand,
  settingsCommand,
  rescueCommand,
  doctorCommand,
  demoCommand,
  portalCommand,
  ...UNBUILT_COMMANDS,
]

/** Runs one command line (without node and script) and answers its exit code. Never throws for what a person did. */
export async function runCommandLine(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  // Wrong usage may be met before the options are read.
  const output = new Output(terminal, words.includes('--json'))
  let exitCode: ExitCode = 0
  const program = buildProgram({
    terminal,
    done: (code) => {
      exitCode = code
    },
  })
  try {
    await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return usageFailure(error, output)
    output.fail(error)
    return EXIT_CODES[errorCode(error)]
  }
}

function buildProgram(invocation: Invocation): Command {
  const program = new Command('elastic-drive')
    .description('Makes a Bitrix24.Drive a folder on this computer: every file is listed, none takes space until it is worked with.')
    .option('--profile <name>', 'which account, where several are connected')
    .option('--json', 'answer in JSON')
    .helpCommand('help [command]', 'what a command does')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => invocation.terminal.stdout.write(text),
      writeErr: () => undefined, // wrong usage is told once, by usageFailure
    })
  for (const makeCommand of COMMANDS) program.addCommand(makeCommand(invocation).copyInheritedSettings(program))
  return program
}

function usageFailure(error: CommanderError, output: Output): ExitCode {
  if (error.exitCode === 0) return 0 // help was asked for
  const said = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
  const message = error.code === 'commander.help' ? 'say what to do' : said
  output.failWith('usage', `${message.replace(/\.$/, '')}: see "elastic-drive help"`)
  return EXIT_CODES.usage
}
