/** Rows about writing until close(2): nothing is sent meanwhile, here as little as with rclone. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { tell, timed, work, writeBack, type Bench, type RowGroup } from './bench.js'
import { absolute, againstExt4, interleave, type Places, type Work } from './interleave.js'
import { peerFor } from './peer.js'
import { LATENCY_MS } from './sizes.js'
import { ratios } from './spread.js'
import { unlimitedDrive } from './unlimited-drive.js'

const MIB = 2 ** 20

export const writingRows: RowGroup = {
  rows: ['sequential-write', 'create-files'],
  onlyFirstUser: false,
  measure: async (bench) => {
    // Sent an hour later, which no run lasts: what is measured is the write, and rclone's waits as well.
    const { drive } = await unlimitedDrive(bench, { name: 'writing', seed: 'empty', settings: { uploadDelay: '3600' }, latencyMs: LATENCY_MS })
    const disk = await mkdtemp(join(bench.directory, 'writing-'))
    await chmod(disk, 0o777)
    const served = await mkdtemp(join(bench.directory, 'served-'))
    const peer = await peerFor(bench, served)
    if (peer !== undefined) peer.latencyMs = LATENCY_MS
    const folders = { ext4: disk, drive: drive.folder, rclone: peer?.folder }
    if (bench.wants('sequential-write')) await sequential(bench, folders)
    if (bench.wants('create-files')) await create(bench, folders)
    await rm(disk, { recursive: true })
  },
}

interface Folders {
  readonly ext4: string
  readonly drive: string
  readonly rclone: string | undefined
}

function places(folders: Folders, at: (by: 'person' | 'root', folder: string, count: 'all' | 'rclone') => Work): Places {
  const { ext4, drive, rclone } = folders
  return { ext4: at('person', ext4, 'all'), drive: at('person', drive, 'all'), rclone: rclone === undefined ? undefined : at('root', rclone, 'rclone') }
}

async function sequential(bench: Bench, folders: Folders): Promise<void> {
  const { bigBytes, runs } = bench.sizes
  const rounds = await interleave(
    runs,
    places(folders, (by, folder) => async (round) => {
      const path = join(folder, `large-${round}`)
      await writeBack(bench) // what earlier rounds left dirty would throttle this one
      const seconds = await work(bench, by, ['write', path, String(bigBytes)])
      await timed(bench, by, 'rm', [path])
      return seconds
    }),
  )
  tell(bench, {
    row: 'sequential-write',
    work: `sequential write of ${(bigBytes / MIB).toLocaleString('en')} MiB until close`,
    ...againstExt4(rounds),
    unit: '× ext4',
    goal: { atLeast: bench.person.name === 'ordinary' ? 0.15 : 0.9 },
    notes: [absolute(rounds)],
  })
}

async function create(bench: Bench, folders: Folders): Promise<void> {
  const { createdFiles, rclone, runs } = bench.sizes
  const rounds = await interleave(
    runs,
    places(folders, (by, folder, which) => async (round) => {
      const count = which === 'all' ? createdFiles : rclone.createdFiles
      const path = join(folder, `created-${round}`)
      await writeBack(bench)
      await timed(bench, by, 'mkdir', [path])
      return (await work(bench, by, ['create', path, String(count)])) / count
    }),
  )
  const work4k = `create, write 4 KiB and close ${createdFiles.toLocaleString('en')} files`
  const notes = [absolute(rounds, 'µs each', 1e6)]
  if (rounds.rclone.length === 0) {
    tell(bench, { row: 'create-files', work: work4k, ...againstExt4(rounds), unit: '× ext4', goal: { none: true }, notes: [...notes, 'the goal is about rclone, which is measured once, beside the first user'] })
    return
  }
  const against = ratios(rounds.rclone, rounds.drive.slice(0, rounds.rclone.length))
  notes.push(`rclone: ${rclone.createdFiles.toLocaleString('en')} files`)
  tell(bench, { row: 'create-files', work: work4k, measured: against, unit: '× rclone', goal: { atLeast: 5 }, notes })
}
