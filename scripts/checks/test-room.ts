/**
 * The room a test file runs in: folders of its own for everything a program would write outside the checkout, and a mark
 * in the environment that every process it starts inherits. What is still there when the file has ended was left behind:
 * it is named, then ended, unmounted and removed. Nothing outside the room is looked at, so other people's mounts and
 * processes are safe.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { removeTree } from './remove-tree.js'

const MARK = 'ELASTIC_DRIVE_TEST_RUN'
const ENDING_GRACE_MS = 3_000 // a daemon told to stop may still be unmounting when its test file has ended
const KILL_GRACE_MS = 2_000
const LOOK_AGAIN_MS = 50 // /proc raises no event for the end of somebody else's child

export class TestRoom {
  /** Also the mark: a room opened inside this one is below it, and what it leaves is found here as well. */
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** `path` is short, because socket paths are limited to 107 bytes and are made below it. */
  static async open(path: string): Promise<TestRoom> {
    const room = new TestRoom(path)
    // Tests that become an ordinary user must get through to what they made.
    await mkdir(path, { mode: 0o755 })
    await mkdir(room.#temp)
    await chmod(room.#temp, 0o1777)
    await mkdir(join(path, 'home'))
    await mkdir(join(path, 'run'), { mode: 0o700 })
    return room
  }

  get #temp(): string {
    return join(this.#path, 't')
  }

  /** What the processes of the file see: nothing of the person who runs the tests. */
  environment(base: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const kept = Object.entries(base).filter(([name]) => !/^(XDG_|DBUS_|npm_|ELASTIC_DRIVE_(?!(SKIP|SEED|OPERATIONS|TRAIT|PORTAL_TRAITS)$))/.test(name))
    return {
      ...Object.fromEntries(kept),
      TMPDIR: this.#temp,
      HOME: join(this.#path, 'home'),
      XDG_RUNTIME_DIR: join(this.#path, 'run'),
      [MARK]: this.#path,
    }
  }

  /** Ends, unmounts and removes what is left, and says what it was. */
  async close(): Promise<readonly string[]> {
    const processes = await this.#endProcesses()
    const mounts = await this.#unmountAll()
    const files = (await readdir(this.#temp)).map((name) => `a temporary file or folder: ${name}`)
    const stuck = await this.#mounts()
    // Removing through a mount would delete what is on the drive behind it.
    if (stuck.length === 0) await removeTree(this.#path)
    return [...processes, ...mounts, ...files, ...stuck.map(({ path }) => `a mount that cannot be removed: ${path}`)]
  }

  async #endProcesses(): Promise<readonly string[]> {
    const left = await this.#waitForNone(ENDING_GRACE_MS)
    const named = await Promise.all(left.map(async (pid) => `a process: ${pid} ${await commandLine(pid)}`))
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (const pid of await this.#processes()) sendSignal(pid, signal)
      if ((await this.#waitForNone(KILL_GRACE_MS)).length === 0) break
    }
    return named
  }

  async #waitForNone(graceMs: number): Promise<readonly number[]> {
    const untilMs = performance.now() + graceMs
    for (;;) {
      const left = await this.#processes()
      if (left.length === 0 || performance.now() > untilMs) return left
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
  }

  /** Processes that carry the mark; one that has ended and waits for its parent has no environment any more. */
  async #processes(): Promise<readonly number[]> {
    const marks = [`\0${MARK}=${this.#path}\0`, `\0${MARK}=${this.#path}/`]
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const environments = await Promise.all(pids.map((pid) => readProc(`/proc/${pid}/environ`)))
    return pids.filter((_, index) => marks.some((mark) => `\0${environments[index] ?? ''}`.includes(mark))).map(Number)
  }

  async #mounts(): Promise<readonly { path: string; connection: string }[]> {
    const lines = (await readFile('/proc/self/mountinfo', 'utf8')).trim().split('\n')
    return lines.flatMap((line) => {
      const [, , device = '', , escaped = ''] = line.split(' ')
      const path = escaped.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
      return path.startsWith(`${this.#path}/`) ? [{ path, connection: device.split(':')[1] ?? '' }] : []
    })
  }

  async #unmountAll(): Promise<readonly string[]> {
    const left = await this.#mounts()
    // The innermost first. Aborting frees whoever waits for a server that is gone.
    for (const { path, connection } of left.toReversed()) {
      await writeFile(`/sys/fs/fuse/connections/${connection}/abort`, '1').catch(() => undefined) // absent where fusectl is not mounted
      const [program, ...args] = process.getuid?.() === 0 ? ['umount', '-l', path] : ['fusermount3', '-u', '-z', path]
      await promisify(execFile)(program, args).catch(() => undefined) // looked for again by close()
    }
    return left.map(({ path }) => `a mount: ${path}`)
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended in between, or belongs to another user: the next look tells.
  }
}

async function commandLine(pid: number): Promise<string> {
  return (await readProc(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ').trim()
}

/** Empty for a process that has gone or is another user's. */
async function readProc(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1')
  } catch {
    return ''
  }
}
