/**
 * Asks the person at the terminal for one line after the other, or takes the lines of what is piped in. What is typed or
 * pasted is not shown, because a terminal keeps it.
 */
import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Terminal } from './output.js'

export class Prompter {
  readonly #terminal: Pick<Terminal, 'stdin' | 'stderr'>
  /** Lines that came before they were asked for. */
  readonly #lines: string[] = []
  #reader: Interface | undefined
  #hasEnded = false
  #wake: (() => void) | undefined

  constructor(terminal: Pick<Terminal, 'stdin' | 'stderr'>) {
    this.#terminal = terminal
  }

  /** The next line, without blanks around it; empty at the end of the input. */
  async ask(question: string): Promise<string> {
    this.#open()
    this.#terminal.stderr.write(question)
    while (this.#lines.length === 0 && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#terminal.stderr.write('\n')
    return (this.#lines.shift() ?? '').trim()
  }

  close(): void {
    this.#reader?.close()
  }

  #open(): void {
    if (this.#reader !== undefined) return
    const nowhere = new Writable({
      write: (_chunk, _encoding, done) => {
        done()
      },
    })
    const { stdin } = this.#terminal
    this.#reader = createInterface({ input: stdin, output: nowhere, terminal: 'isTTY' in stdin && stdin.isTTY === true })
    this.#reader.on('line', (line) => {
      this.#lines.push(line)
      this.#wake?.()
    })
    this.#reader.on('close', () => {
      this.#hasEnded = true
      this.#wake?.()
    })
  }
}
