/**
 * A desktop for one test: an X server without a screen, a session bus, and folders of its own for settings and caches, so
 * that nothing of the person who runs the test is read or changed. Everything that was started in it, by whomever, ends
 * with it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Test } from 'tap'
import { run, until, type Outcome } from '../mount/playground.js'
import { readScreen, type Picture } from './screen.js'

const ENDING_GRACE_MS = 5_000 // the services of the session end when its bus does

export interface Size {
  readonly width: number
  readonly height: number
}

export class Desktop {
  readonly directory: string
  /** What a program of this desktop is started with. */
  readonly environment: NodeJS.ProcessEnv
  readonly #children: ChildProcess[] = []

  static async start(t: Test, screen: Size): Promise<Desktop> {
    const desktop = new Desktop(await mkdtemp(join(tmpdir(), 'elastic-desktop-')))
    t.teardown(() => desktop.#end())
    for (const name of ['home', 'config', 'cache', 'data', 'tmp', 'screen']) await mkdir(desktop.path(name))
    await mkdir(desktop.path('run'), { mode: 0o700 })
    await desktop.#startServers(screen)
    return desktop
  }

  private constructor(directory: string) {
    this.directory = directory
    const kept = Object.entries(process.env).filter(([name]) => !/^(XDG_|DBUS_|GTK_|LC_|DISPLAY$|WAYLAND_DISPLAY$|LANGUAGE$)/.test(name))
    this.environment = {
      ...Object.fromEntries(kept),
      HOME: this.path('home'),
      XDG_CONFIG_HOME: this.path('config'),
      XDG_CACHE_HOME: this.path('cache'),
      XDG_DATA_HOME: this.path('data'),
      XDG_RUNTIME_DIR: this.path('run'),
      TMPDIR: this.path('tmp'),
      LANG: 'C.UTF-8',
      GSETTINGS_BACKEND: 'keyfile',
      GVFS_DISABLE_FUSE: '1', // no mount beside ours
      GTK_A11Y: 'none', // no bus beside ours
      GDK_BACKEND: 'x11',
      GSK_RENDERER: 'cairo', // what draws does not depend on the machine
    }
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names)
  }

  /** As `gsettings set` does, for programs that start later; the keys by their schema's path. */
  async configure(settings: Readonly<Record<string, Readonly<Record<string, string>>>>): Promise<void> {
    const groups = Object.entries(settings).map(([group, keys]) => [`[${group}]`, ...Object.entries(keys).map(([key, value]) => `${key}=${value}`), ''].join('\n'))
    await mkdir(this.path('config', 'glib-2.0', 'settings'), { recursive: true })
    await writeFile(this.path('config', 'glib-2.0', 'settings', 'keyfile'), groups.join('\n'))
  }

  /** A program that stays until the desktop ends. */
  open(program: string, args: readonly string[]): void {
    this.#children.push(spawn(program, args, { env: this.environment, cwd: '/', stdio: 'ignore' }))
  }

  run(program: string, args: readonly string[]): Promise<Outcome> {
    return run(program, args, { env: this.environment, cwd: '/' })
  }

  /** The window with exactly this title, when it is shown. */
  window(title: string): Promise<string> {
    return until(`a window called ${title}`, async () => {
      const { stdout } = await this.run('xdotool', ['search', '--onlyvisible', '--name', `^${title}$`])
      const id = stdout.trim().split('\n').at(-1)
      return id === '' ? undefined : id
    }, 30_000)
  }

  screen(part: Size): Promise<Picture> {
    return readScreen(this.path('screen', 'Xvfb_screen0'), part)
  }

  async #startServers({ width, height }: Size): Promise<void> {
    const display = await this.#serve('Xvfb', ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp', '-fbdir', this.path('screen')])
    this.environment.DISPLAY = `:${display}`
    const bus = ['--session', '--nofork', '--nopidfile', `--address=unix:path=${this.path('run', 'bus')}`, '--print-address=3']
    this.environment.DBUS_SESSION_BUS_ADDRESS = await this.#serve('dbus-daemon', bus)
  }

  /** Answers the line that the server writes to descriptor 3 when it is ready. */
  async #serve(program: string, args: readonly string[]): Promise<string> {
    const child = spawn(program, args, { env: this.environment, cwd: '/', stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
    this.#children.push(child)
    const failed = new Promise<never>((_resolve, reject) => child.once('error', reject))
    const lines = createInterface({ input: child.stdio[3] as Readable })
    const first = async (): Promise<string> => {
      for await (const line of lines) return line
      throw new Error(`${program} ended before it was ready`)
    }
    return Promise.race([first(), failed])
  }

  async #end(): Promise<void> {
    for (const child of this.#children.toReversed()) await end(child)
    await until('the programs of the desktop end', async () => (await this.#processes()).length === 0, ENDING_GRACE_MS).catch(async () => {
      for (const pid of await this.#processes()) process.kill(pid, 'SIGKILL')
    })
    await rm(this.directory, { recursive: true, force: true })
  }

  /** Whatever has this desktop's folder in its environment. */
  async #processes(): Promise<readonly number[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const environments = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')))
    return pids.filter((_, index) => environments[index]?.includes(`\0XDG_RUNTIME_DIR=${this.path('run')}\0`)).map(Number)
  }
}

/** By SIGTERM, at which Xvfb takes its lock away; by SIGKILL when that is not heard. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise<void>((resolve) => child.once('exit', () => { resolve() }))
  child.kill('SIGTERM')
  const tooLate = setTimeout(() => child.kill('SIGKILL'), ENDING_GRACE_MS)
  await exit
  clearTimeout(tooLate)
}
