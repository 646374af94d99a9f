/**
 * What the command line says, and where: answers on standard output (as one JSON value with --json), everything else on
 * standard error. One sentence for a failure, no stack, no secret.
 */
import type { Readable, Writable } from 'node:stream'
import { errorCode, errorText, type ErrorCode } from '../base/errors.js'
import { redact } from '../base/redact.js'

/** The process as the command line sees it. */
export interface Terminal {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly env: NodeJS.ProcessEnv
  readonly workingDirectory: string
}

export class Output {
  readonly #terminal: Pick<Terminal, 'stdout' | 'stderr'>
  readonly isJson: boolean

  constructor(terminal: Pick<Terminal, 'stdout' | 'stderr'>, isJson: boolean) {
    this.#terminal = terminal
    this.isJson = isJson
  }

  /** The answer of the command: `value` with --json, else the lines that `words` makes of it. */
  answer(value: object, words: () => string | readonly string[]): void {
    const text = this.isJson ? JSON.stringify(value) : linesOf(words()).join('\n')
    if (text !== '') this.line(text)
  }

  /** A line of standard output as it is. */
  line(text: string): void {
    this.#terminal.stdout.write(`${text}\n`)
  }

  /** Something for the person beside the answer: progress, advice. */
  note(text: string): void {
    this.#terminal.stderr.write(`${redact(text)}\n`)
  }

  fail(error: unknown): void {
    this.failWith(errorCode(error), errorText(error))
  }

  failWith(code: ErrorCode, message: string): void {
    const sentence = redact(message)
    this.note(`elastic-drive: ${sentence}`)
    if (this.isJson) this.line(JSON.stringify({ error: { code, message: sentence } }))
  }
}

function linesOf(words: string | readonly string[]): readonly string[] {
  return typeof words === 'string' ? [words] : words
}
