/** The row about many small files that are in the cache. */
import { join } from 'node:path'
import { tell, work, type RowGroup } from './bench.js'
import { filesBelow, makeTree } from './disk-files.js'
import { absolute, againstExt4, interleave } from './interleave.js'
import { peerFor } from './peer.js'
import { LATENCY_MS } from './sizes.js'
import { filesOfDrive, unlimitedDrive } from './unlimited-drive.js'

const FILE_BYTES = 16_384
const FOLDERS = 100
const READERS = '8'

export const smallFileRows: RowGroup = {
  rows: ['small-files'],
  onlyFirstUser: false,
  measure: async (bench) => {
    const { smallFiles, runs, rclone } = bench.sizes
    const shape = { folders: FOLDERS, filesEach: smallFiles / FOLDERS }
    const { drive } = await unlimitedDrive(bench, { name: 'small', seed: `tree:${shape.folders}x${shape.filesEach}x${FILE_BYTES}` })
    const files = await filesOfDrive(bench, drive.folder)
    await work(bench, 'person', ['many', READERS], files) // from here on they are in the cache

    const compared = join(bench.directory, 'small')
    makeTree(compared, shape, 'random', FILE_BYTES)
    const same = filesBelow(compared)
    const peer = await peerFor(bench, compared)
    const peerFiles = peer === undefined ? [] : same.slice(0, rclone.smallFiles).map((path) => path.replace(compared, peer.folder))
    if (peer !== undefined) {
      await work(bench, 'root', ['many', READERS], peerFiles)
      peer.latencyMs = LATENCY_MS
    }

    const place = (by: 'person' | 'root', paths: readonly string[]) => async () => (await work(bench, by, ['each'], paths)) / paths.length
    const places = { ext4: place('person', same), drive: place('person', files) }
    await interleave(1, places) // names and pages are known to the kernel from here on
    const rounds = await interleave(runs, { ...places, rclone: peer === undefined ? undefined : place('root', peerFiles) })
    tell(bench, {
      row: 'small-files',
      work: `open, read and close ${smallFiles.toLocaleString('en')} cached files of 16 KiB`,
      ...againstExt4(rounds),
      unit: '× ext4',
      goal: { atLeast: 0.15 },
      notes: [absolute(rounds, 'µs each', 1e6), ...(peer === undefined ? [] : [`rclone: ${rclone.smallFiles.toLocaleString('en')} files`])],
    })
  },
}
