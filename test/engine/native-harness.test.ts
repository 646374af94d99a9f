/**
 * The native answers without Node and without a kernel (programs in native/): hostile bytes and random changes under the
 * address and undefined-behaviour sanitizers, and threads under the thread sanitizer. Each run has another seed, which
 * it prints; ELASTIC_DRIVE_FUZZ_SEED runs one again, ELASTIC_DRIVE_FUZZ_SECONDS longer.
 */
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { temporaryFolder } from './mounted.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const ANSWERS = ['answer-table.cc', 'metadata-answers.cc', 'file-answers.cc', 'usage-log.cc'].map((name) => join(ROOT, 'native', name))
const OWN = join(ROOT, 'test/engine/native')
const SECONDS = process.env.ELASTIC_DRIVE_FUZZ_SECONDS ?? '9'
const SEED = process.env.ELASTIC_DRIVE_FUZZ_SEED ?? String(randomInt(2 ** 32))
const WITHOUT_RANDOM_ADDRESSES = 'setarch' // older thread sanitizers do not know the address layout of newer kernels
const COMPILER = process.env.CXX ?? 'g++'

t.setTimeout(280_000 + 2000 * Number(SECONDS))

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

/** Undefined where the compiler has no such sanitizer: the test is then skipped, and says so. */
async function compile(t: Test, sanitizer: string, sources: readonly string[]): Promise<string | undefined> {
  const folder = await temporaryFolder(t)
  const flags = ['-std=c++20', '-O1', '-g', '-pthread', `-fsanitize=${sanitizer}`, '-fno-sanitize-recover=all', '-I', join(ROOT, 'native')]
  const empty = join(folder, 'empty.cc')
  await writeFile(empty, 'int main() {}')
  const probe = await run(COMPILER, [...flags, empty, '-o', join(folder, 'empty')])
  if (probe.failure !== undefined) {
    t.comment(probe.stderr)
    return undefined
  }
  const program = join(folder, 'program')
  const { failure, stderr } = await run(COMPILER, [...flags, ...sources.map((name) => join(OWN, name)), ...ANSWERS, '-o', program])
  if (failure !== undefined) throw new Error(`the program does not compile: ${stderr}`)
  return program
}

const skip = (t: Test, reason: string): void => void t.pass(reason, { skip: reason })

/** How often each kind of thing was done, as the program prints it. */
const countsOf = (stdout: string): readonly number[] => stdout.trim().split('\n').map((line) => Number(line.split(' ').at(-1)))

async function emptyFolder(t: Test): Promise<string> {
  const folder = join(await temporaryFolder(t), 'cache')
  await mkdir(folder)
  return folder
}

void t.test('hostile requests, rows and changes never crash the native answers, and each request gets one reply or none', async (t) => {
  const program = await compile(t, 'address,undefined', ['fuzz.cc', 'model-table.cc', 'fuzz-requests.cc'])
  if (program === undefined) {
    skip(t, `${COMPILER} has no address sanitizer here: install its runtime (Debian: libgcc-*-dev)`)
    return
  }
  t.comment(`seed ${SEED}`)
  const { failure, stdout, stderr } = await run(program, [SEED, SECONDS, await emptyFolder(t)])
  t.equal(failure, undefined, `seed ${SEED}: ${stderr}`)
  t.comment(stdout)
  for (const count of countsOf(stdout)) t.ok(count > 500, 'it did something')
})

void t.test('readers answer while the owner changes everything, without a race', async (t) => {
  const program = await compile(t, 'thread', ['race.cc'])
  if (program === undefined) {
    skip(t, `${COMPILER} has no thread sanitizer here: install its runtime (Debian: libgcc-*-dev)`)
    return
  }
  t.comment(`seed ${SEED}`)
  const args = [SEED, SECONDS, await emptyFolder(t)]
  // Where the layout cannot be changed (some containers), the program may still run as it is.
  const isFixed = (await run(WITHOUT_RANDOM_ADDRESSES, ['-R', 'true'])).failure === undefined
  const { failure, stdout, stderr } = isFixed ? await run(WITHOUT_RANDOM_ADDRESSES, ['-R', program, ...args]) : await run(program, args)
  if (stderr.includes('unexpected memory mapping')) {
    skip(t, 'the thread sanitizer does not run on this kernel with random addresses, and they cannot be switched off here')
    return
  }
  t.equal(failure, undefined, `seed ${SEED}: ${stderr}`)
  t.comment(stdout)
  for (const count of countsOf(stdout)) t.ok(count > 50, 'it did something')
})
