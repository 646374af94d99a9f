/**
 * What a command is to the grammar: its name, its options, and what it does with one run of the program. Commander's own
 * types end here.
 */
import { Command, InvalidArgumentError } from 'commander'
import { DriveError } from '../base/errors.js'
import type { ExitCode } from './exit-code.js'
import type { Terminal } from './output.js'
import { openSession, type GlobalOptions, type Session } from './session.js'

export interface CommandSpec<Options> {
  readonly name: string
  readonly summary: string
  /** Declares arguments and options. */
  readonly shape?: (command: Command) => unknown
  /** `words` are the arguments in order, a list flattened. The answer is the exit code; nothing is 0. */
  readonly run: (session: Session, options: Options, words: readonly string[]) => Promise<ExitCode | undefined>
}

/** Where the command line came from, and where its exit code goes. */
export interface Invocation {
  readonly terminal: Terminal
  readonly done: (code: ExitCode) => void
}

export type CommandMaker = (invocation: Invocation) => Command

/** `Options` must be what `shape` declares: commander hands them over untyped. */
export function defineCommand<Options>({ name, summary, shape, run }: CommandSpec<Options>): CommandMaker {
  return ({ terminal, done }) => {
    const command = new Command(name).description(summary)
    shape?.(command)
    return command.action(async (...received: readonly unknown[]) => {
      // Commander hands over the arguments, then the options, then the command.
      const words = received.slice(0, -2).flat().filter((word) => typeof word === 'string')
      const session = openSession(terminal, command.optsWithGlobals<GlobalOptions>())
      done((await run(session, command.opts() as Options, words)) ?? 0)
    })
  }
}

/** For options that take seconds or milliseconds; commander turns the refusal into wrong usage. */
export function parseNumber(text: string): number {
  if (!/^\d{1,9}(\.\d{1,3})?$/.test(text)) throw new InvalidArgumentError('It must be a number.')
  return Number(text)
}

export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Infinity
  if (port > 65_535) throw new InvalidArgumentError('It must be a port number.')
  return port
}

/** What the contract names and no code does yet: said plainly, never faked. */
export function notBuilt(what: string): DriveError {
  return new DriveError('unsupported', `${what} is not built yet`)
}
