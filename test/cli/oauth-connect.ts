/** A run of `connect --oauth` that a person watches: what it prints, the address it wants opened, and how it ends. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { ask, type Browser, type Exchange } from '../portal/oauth-browser.js'
import type { Home, Run } from './run-program.js'

export type Starter = Pick<Home, 'start' | 'path'>

export class OAuthConnect {
  readonly child: ChildProcess
  readonly #end: Promise<Run>
  #stderr = ''
  #news: (() => void) | undefined

  constructor(home: Starter, browser: Browser, words: readonly string[]) {
    this.child = home.start(['connect', '--oauth', browser.url, '--oauth-server', browser.url, '--no-browser', ...words])
    const { stdout, stderr } = this.child
    if (stdout === null || stderr === null) throw new Error('no pipes')
    stderr.setEncoding('utf8').on('data', (piece: string) => {
      this.#stderr += piece
      this.#news?.()
    })
    this.#end = Promise.all([text(stdout), once(this.child, 'close')]).then(([out, [code]]) => {
      this.#news?.()
      const json = out.startsWith('{') ? (JSON.parse(out) as Readonly<Record<string, unknown>>) : {}
      return { code: code as number | null, stdout: out, stderr: this.#stderr, json }
    })
  }

  /** Waits until something like this stands on standard error. */
  async sees(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#stderr)
      if (found !== null) return found[1] ?? found[0]
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.#stderr}`)
      await new Promise<void>((resolve) => {
        this.#news = resolve
      })
    }
  }

  /** The authorization page that is to be opened. */
  address(): Promise<string> {
    return this.sees(/^ {2}(http\S+\/oauth\/authorize\/\S+)$/mu)
  }

  type(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }

  finish(): Promise<Run> {
    this.child.stdin?.end()
    return this.#end
  }
}

/** A file with the card's keys, for --application. */
export async function keyFile(home: Starter, browser: Browser): Promise<string> {
  const { clientId, clientSecret } = await browser.card()
  const path = home.path('application')
  await writeFile(path, `client_id=${clientId}\nclient_secret=${clientSecret}\n`, { mode: 0o600 })
  return path
}

/** The whole of it by redirect, as a person does it: the card gets the address that the program prints, the browser follows. */
export async function connectByRedirect(home: Starter, browser: Browser, words: readonly string[]): Promise<Run> {
  const run = new OAuthConnect(home, browser, ['--application', await keyFile(home, browser), '--port', '0', ...words])
  await followRedirect(run, browser)
  return run.finish()
}

export async function followRedirect(run: OAuthConnect, browser: Browser): Promise<Exchange> {
  const address = await run.address()
  await browser.card({ redirectUri: await run.sees(/sends you to (http:\S+)/u) })
  const { location } = await ask(address)
  if (location === undefined) throw new Error('no redirect')
  return ask(location)
}
