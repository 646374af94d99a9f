/** Records a program once and judges crash images of it: each a moment of the recording and a seed. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../src/base/random.js'
import { faultsAfter } from './after-power-loss.js'
import { Disk } from './disk.js'
import { expectations, MarkReader, type Mark } from './marks.js'
import { pretendTimes } from './pretended-times.js'
import type { Story } from './named-stories.js'
import { recordProgram, type Recorded } from './recording.js'

const programAt = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** What a workload of this seed did. */
export function recordWorkload(library: string, seed: number): Promise<readonly Recorded[]> {
  return record(library, 'workload.js', String(seed))
}

export function recordNamed(library: string, story: Story): Promise<readonly Recorded[]> {
  return record(library, 'named-workload.js', story)
}

async function record(library: string, program: string, argument: string): Promise<readonly Recorded[]> {
  const directory = await mkdtemp(join(tmpdir(), 'elastic-recorded-'))
  const under = join(directory, 'disk')
  try {
    await mkdir(under)
    return await recordProgram({ library, under, log: join(directory, 'log'), program: programAt(program), args: [under, argument] })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The moments after everything was there and durable. */
export function firstMoment(recording: readonly Recorded[]): number {
  const reader = new MarkReader()
  return recording.findIndex((event) => reader.read(event)?.kind === 'begin') + 1
}

/** Loses power after `moment` events, of what is not synced as `random` says; answers what is wrong after the next start. */
export async function judgeImage(recording: readonly Recorded[], moment: number, random: Random): Promise<readonly string[]> {
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
    pretendTimes(disk.crash(directory, random))
    return await faultsAfter(directory, expectations(marks))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
