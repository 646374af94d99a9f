/** Records a program once and judges crash images of it: each a moment of the recording and a seed. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '../../src/base/random.js'
import { faultsAfter } from './after-power-loss.js'
import { Disk } from './disk.js'
import { expectations, MarkReader, type Mark } from './marks.js'
import { pretendTimes } from './pretended-times.js'
import { recordProgram, type Recorded } from './recording.js'

const WORKLOAD = fileURLToPath(new URL('workload.js', import.meta.url))

/** What a workload of this seed did. */
export async function recordWorkload(library: string, seed: number): Promise<readonly Recorded[]> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-recorded-'))
  const under = join(directory, 'disk')
  try {
    await mkdir(under)
    return await recordProgram({ library, under, log: join(directory, 'log'), program: WORKLOAD, args: [under, String(seed)] })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The moments after everything was there and durable. */
export function firstMoment(recording: readonly Recorded[]): number {
  const reader = new MarkReader()
  return recording.findIndex((event) => reader.read(event)?.kind === 'begin') + 1
}

/** Loses power after `moment` events; answers what is wrong after the next start. */
export async function judgeImage(recording: readonly Recorded[], moment: number, seed: number): Promise<readonly string[]> {
  const disk = new Disk('portal')
  const reader = new MarkReader()
  const marks: Mark[] = []
  for (const event of recording.slice(0, moment)) {
    disk.play(event)
    const mark = reader.read(event)
    if (mark === undefined) continue
    if (mark.kind === 'begin') disk.syncAll()
    marks.push(mark)
  }
  const directory = await mkdtemp(join(tmpdir(), 'elastic-crashed-'))
  try {
    pretendTimes(disk.crash(directory, seededRandom(seed)))
    return await faultsAfter(directory, expectations(marks))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
