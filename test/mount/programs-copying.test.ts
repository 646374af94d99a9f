// tar and rsync in the mount (acceptance: real programs pass), on this checkout's own sources.
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { endsEqual } from './both-trees.js'
import { Playground } from './playground.js'

const SOURCES = fileURLToPath(new URL('../../../src', import.meta.url))
const STEPS = ['base', 'cache', 'daemon', 'fs', 'upload'].join(' ')

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

// [S-41]
await t.test('tar unpacks into the mount what tar then finds equal, with modes and times, and packs the same again', fuse, async (t) => {
  const ground = await Playground.start(t, { portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '3600' } })
  await ground.shell(`
    archive='${ground.directory}/sources.tar'
    tar -C '${SOURCES}' --owner="$(id -u)" --group="$(id -g)" -cf "$archive" ${STEPS}
    mkdir out
    tar -C out -xpf "$archive"
    tar -C out --compare -f "$archive"
    tar -C out -cf again.tar ${STEPS}
    mkdir '${ground.directory}/again'
    tar -C '${ground.directory}/again' -xf again.tar
    for step in ${STEPS}; do diff -r '${SOURCES}'/$step '${ground.directory}'/again/$step; done`)
  await endsEqual(t, ground)
  await ground.shell(`tar -C out --compare -f '${ground.directory}/sources.tar'`)
})

await t.test('rsync copies into the mount once; the second run moves nothing, the third what changed', fuse, async (t) => {
  const ground = await Playground.start(t, { portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '3600' } })
  await ground.shell(`mkdir '${ground.directory}/from'; for step in ${STEPS}; do cp -r --preserve=mode,timestamps '${SOURCES}'/$step '${ground.directory}/from'; done`)
  // At the end of a second: a time that is rounded up is another second to rsync.
  await ground.shell(`cd '${ground.directory}/from'; touch -d '2026-01-02 03:04:05.9997' fs/*; touch -d '2026-01-02 03:04:05.999999999' base/*`)
  const files = Number(await ground.shell(`find '${ground.directory}/from' -type f | wc -l`))
  const rsync = async (...options: readonly string[]): Promise<{ transferred: number; changes: readonly string[] }> => {
    const said = await ground.shell(`rsync -a --itemize-changes --stats ${options.join(' ')} '${ground.directory}/from/' to/`)
    const transferred = Number((/files transferred: ([\d,]+)/.exec(said)?.[1] ?? 'none').replaceAll(',', ''))
    return { transferred, changes: said.split('\n').filter((line) => /^([<>ch.][fdLDS]|\*deleting)/.test(line)) }
  }
  t.equal((await rsync()).transferred, files)
  t.same(await rsync(), { transferred: 0, changes: [] })
  await endsEqual(t, ground)
  // A folder's time grows with the portal's, which moves when the folder takes in what is sent.
  t.same(await rsync('--omit-dir-times'), { transferred: 0, changes: [] }, 'also after everything was sent')
  t.same(await rsync('--omit-dir-times', '--checksum'), { transferred: 0, changes: [] }, 'and byte by byte')

  await ground.shell(`cd '${ground.directory}/from'; echo more >> fs/errno.ts; rm fs/serial.ts; echo new > fs/new.ts`)
  const third = await rsync('--delete')
  t.equal(third.transferred, 2)
  t.same(third.changes.filter((line) => line.startsWith('*')), ['*deleting   fs/serial.ts'])
  await ground.shell(`diff -r '${ground.directory}/from' to`)
  await endsEqual(t, ground)
})
