/**
 * What a client's process did to its files, in order, as recorder.cc wrote it down. Compiles the recorder, runs a program under
 * it and reads the log; knows nothing of what a crash leaves.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../mount/playground.js'

const SOURCE = fileURLToPath(new URL('../../../test/power/recorder.cc', import.meta.url))
const HEAD_BYTES = 57
const KINDS = ['create', 'write', 'truncate', 'sync', 'data-sync', 'sync-all', 'rename', 'unlink', 'make-folder', 'remove-folder', 'times', 'allocate'] as const

export interface FileTimes {
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/** One call that succeeded. Paths are relative to the recorded directory. */
export interface Recorded {
  readonly kind: (typeof KINDS)[number]
  readonly inode: bigint
  readonly offset: number
  /** Of `write`; the new size of `truncate`; what is zeroed by `allocate`. */
  readonly length: number
  /** Of the file afterwards. */
  readonly sizeBytes: number
  readonly times: FileTimes
  readonly path: string
  /** Of `rename`. */
  readonly target: string
  /** Of `write`. */
  readonly data: Buffer
}

/** Answers the library to load into a program. */
export async function compileRecorder(directory: string): Promise<string> {
  const library = join(directory, 'recorder.so')
  const { code, stderr } = await run('g++', ['-std=c++20', '-O1', '-Wall', '-Wextra', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl'])
  if (code !== 0) throw new Error(`recorder.cc does not compile: ${stderr}`)
  return library
}

/** Runs a script of this checkout and answers what it did below `under`. */
export async function recordProgram(options: { library: string; under: string; log: string; program: string; args: readonly string[] }): Promise<readonly Recorded[]> {
  const child = spawn(process.execPath, ['--enable-source-maps', options.program, ...options.args], {
    env: { ...process.env, LD_PRELOAD: options.library, ELASTIC_DRIVE_RECORD_UNDER: options.under, ELASTIC_DRIVE_RECORD_LOG: options.log },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`the recorded program ended with ${String(code)}`)
  return parseLog(await readFile(options.log))
}

function parseLog(log: Buffer): readonly Recorded[] {
  const events: Recorded[] = []
  for (let at = 0; at < log.length; ) {
    const kind = KINDS[log.readUInt8(at) - 1]
    if (kind === undefined) throw new Error(`the recording is damaged at byte ${at}`)
    const [pathLength, targetLength, dataLength] = [log.readUInt16LE(at + 49), log.readUInt16LE(at + 51), log.readUInt32LE(at + 53)]
    const pathAt = at + HEAD_BYTES
    const targetAt = pathAt + pathLength
    const dataAt = targetAt + targetLength
    events.push({
      kind,
      inode: log.readBigUInt64LE(at + 1),
      offset: Number(log.readBigInt64LE(at + 9)),
      length: Number(log.readBigInt64LE(at + 17)),
      sizeBytes: Number(log.readBigInt64LE(at + 25)),
      times: { mtimeNs: log.readBigInt64LE(at + 33), ctimeNs: log.readBigInt64LE(at + 41) },
      path: log.toString('utf8', pathAt, targetAt),
      target: log.toString('utf8', targetAt, dataAt),
      data: log.subarray(dataAt, dataAt + dataLength),
    })
    at = dataAt + dataLength
  }
  return events
}
