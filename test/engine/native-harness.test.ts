/**
 * Native code without Node (programs in native/): hostile bytes and random changes under the address and
 * undefined-behaviour sanitizers, and threads under the thread sanitizer. First what answers requests, without a kernel;
 * then whole sessions, hostile ones and mounted ones. Each run has another seed, which it prints; ELASTIC_DRIVE_FUZZ_SEED
 * runs one again, ELASTIC_DRIVE_FUZZ_SECONDS longer.
 */
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Limiter } from '../../src/base/limiter.js'
import { skipWithout } from '../support/skip.js'
import { temporaryFolder } from './mounted.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const OWN = join(ROOT, 'test/engine/native')
const NATIVE = join(ROOT, 'native')
const ANSWERS = ['answer-table.cc', 'metadata-answers.cc', 'file-answers.cc', 'io-modes.cc', 'usage-log.cc'].map((name) => join(NATIVE, name))
const SESSION = ['session.cc', 'session-threads.cc', 'request-table.cc', 'notice-queue.cc', 'slot-pool.cc'].map((name) => join(NATIVE, name))
const PROGRAMS = {
  fuzz: [...['fuzz.cc', 'model-table.cc', 'fuzz-requests.cc'].map((name) => join(OWN, name)), ...ANSWERS],
  race: [join(OWN, 'race.cc'), ...ANSWERS],
  session: [...['session-run.cc', 'session-hostile.cc', 'session-clients.cc', 'session-mounted.cc', 'session-memory.cc'].map((name) => join(OWN, name)), ...SESSION, ...ANSWERS],
}
const SECONDS = process.env.ELASTIC_DRIVE_FUZZ_SECONDS ?? '6'
const SEED = process.env.ELASTIC_DRIVE_FUZZ_SEED ?? String(randomInt(2 ** 32))
const FIXED_ADDRESSES = ['setarch', '-R'] // older thread sanitizers do not know the address layout of newer kernels
const OWN_MOUNTS = process.geteuid?.() === 0 ? ['unshare', '--mount'] : ['unshare', '--user', '--map-root-user', '--mount']
const COMPILER = process.env.CXX ?? 'g++'

t.setTimeout(280_000 + 4000 * Number(SECONDS))

interface Outcome {
  readonly failure: string | undefined
  readonly stdout: string
  readonly stderr: string
}

function run(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, args, { maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      resolve({ failure: error?.message, stdout, stderr })
    })
  })
}

const skip = (t: Test, reason: string): void => void t.pass(reason, { skip: reason })

/** Objects are compiled once for each sanitizer, as many at a time as there are processors. */
class Compiled {
  readonly #sanitizer: string
  readonly #folder: string
  readonly #limiter: Limiter
  readonly #objects = new Map<string, Promise<string>>()
  #missing: Promise<string | undefined> | undefined

  constructor(sanitizer: string, folder: string, limiter: Limiter) {
    this.#sanitizer = sanitizer
    this.#folder = folder
    this.#limiter = limiter
  }

  #flags(sanitizer = this.#sanitizer): readonly string[] {
    return ['-std=c++20', '-O1', '-g1', '-pthread', `-fsanitize=${sanitizer}`, '-fno-sanitize-recover=all', '-I', NATIVE]
  }

  /** What the compiler says against this sanitizer, where it has none. */
  missing(): Promise<string | undefined> {
    this.#missing ??= this.#probe()
    return this.#missing
  }

  async #probe(): Promise<string | undefined> {
    const empty = join(this.#folder, 'empty.cc')
    await writeFile(empty, 'int main() {}')
    const { failure, stderr } = await run(COMPILER, [...this.#flags(), empty, '-o', join(this.#folder, 'empty')])
    return failure === undefined ? undefined : stderr
  }

  async program(name: keyof typeof PROGRAMS): Promise<string> {
    const objects = await Promise.all(PROGRAMS[name].map((source) => this.#object(source)))
    const program = join(this.#folder, `${name}-program`)
    await this.#compile([...this.#flags(), ...objects, '-o', program])
    return program
  }

  #object(source: string): Promise<string> {
    const known = this.#objects.get(source)
    if (known !== undefined) return known
    const object = join(this.#folder, basename(source, '.cc') + '.o')
    // Undefined behaviour is looked for in what is shipped: in the harness it would cost as much again to compile.
    const flags = this.#flags(source.startsWith(OWN) ? this.#sanitizer.split(',')[0] : undefined)
    const compiled = this.#limiter.run(() => this.#compile([...flags, '-Wall', '-Wextra', '-Werror', '-c', source, '-o', object])).then(() => object)
    this.#objects.set(source, compiled)
    return compiled
  }

  async #compile(args: readonly string[]): Promise<void> {
    const { failure, stderr } = await run(COMPILER, args)
    if (failure !== undefined) throw new Error(`the program does not compile: ${stderr}`)
  }
}

// All is compiled from the start, while the first programs run already.
const processors = new Limiter(Math.min(availableParallelism(), 4))
const sanitizers = {
  address: new Compiled('address,undefined', await temporaryFolder(t), processors),
  thread: new Compiled('thread', await temporaryFolder(t), processors),
}
type Sanitizer = keyof typeof sanitizers

interface Compilation {
  readonly missing: string | undefined
  readonly program: string
}

async function compile(sanitizer: Sanitizer, name: keyof typeof PROGRAMS): Promise<Compilation> {
  const missing = await sanitizers[sanitizer].missing()
  return { missing, program: missing === undefined ? await sanitizers[sanitizer].program(name) : '' }
}

const compilations = { fuzz: compile('address', 'fuzz'), race: compile('thread', 'race'), thread: compile('thread', 'session'), address: compile('address', 'session') }
// Each is awaited by its own test.
for (const compilation of Object.values(compilations)) compilation.catch(() => undefined)

/** Undefined where the compiler has no such sanitizer: the test is then skipped, and says so. */
async function programOf(t: Test, compilation: Promise<Compilation>): Promise<string | undefined> {
  const { missing, program } = await compilation
  if (missing === undefined) return program
  skip(t, `${COMPILER} lacks a sanitizer here: install its runtime (Debian: libgcc-*-dev)`)
  t.comment(missing)
  return undefined
}

const isPossible = async ([program = '', ...args]: readonly string[]): Promise<boolean> => (await run(program, [...args, 'true'])).failure === undefined

async function runSanitized(t: Test, least: number, command: readonly string[]): Promise<void> {
  t.comment(`seed ${SEED}`)
  // Where the layout cannot be changed (some containers), the program may still run as it is.
  const [program = '', ...args] = (await isPossible(FIXED_ADDRESSES)) ? [...FIXED_ADDRESSES, ...command] : command
  const { failure, stdout, stderr } = await run(program, args)
  if (stderr.includes('unexpected memory mapping')) {
    skip(t, 'the thread sanitizer does not run on this kernel with random addresses, and they cannot be switched off here')
    return
  }
  t.equal(failure, undefined, `seed ${SEED}: ${stderr}`)
  t.comment(stdout)
  // How often each kind of thing was done.
  for (const line of stdout.trim().split('\n')) t.ok(Number(line.split(' ').at(-1)) > least, `it did something: ${line}`)
}

async function emptyFolder(t: Test): Promise<string> {
  const folder = join(await temporaryFolder(t), 'cache')
  await mkdir(folder)
  return folder
}

void t.test('hostile requests, rows and changes never crash the native answers, and each request gets one reply or none', async (t) => {
  const program = await programOf(t, compilations.fuzz)
  if (program !== undefined) await runSanitized(t, 500, [program, SEED, SECONDS, await emptyFolder(t)])
})

void t.test('readers answer while the owner changes everything, without a race', async (t) => {
  const program = await programOf(t, compilations.race)
  if (program !== undefined) await runSanitized(t, 50, [program, SEED, SECONDS, await emptyFolder(t)])
})

for (const sanitizer of ['thread', 'address'] as const) {
  void t.test(`sessions answer each request once, lose no notice and end whole, however they end (sanitizer: ${sanitizer})`, async (t) => {
    const program = await programOf(t, compilations[sanitizer])
    if (program === undefined) return
    const skipped = skipWithout('fuse').skip
    const mounts = skipped === false && (await isPossible(OWN_MOUNTS))
    if (!mounts) skip(t, skipped === false ? 'no mount namespace can be made here, so no session is mounted' : skipped)
    await runSanitized(t, 0, [...(mounts ? OWN_MOUNTS : []), program, SEED, SECONDS, await emptyFolder(t), mounts ? await temporaryFolder(t) : '-'])
  })
}
