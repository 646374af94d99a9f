// What several processes do to one file, and what a file may look like inside (acceptance: real programs pass).
import t from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground } from './playground.js'

const PROCESSES = 4
const TURNS = 40
const LINES = 400

/** `body` in as many processes as there are, `$who` being each one's number; all must succeed. */
function together(body: string): string {
  return `
    pids=
    for who in $(seq ${PROCESSES}); do ( set -e; ${body} ) & pids="$pids $!"; done
    for pid in $pids; do wait $pid; done`
}

const fuse = skipWithout('fuse')

t.setTimeout(300_000) // a loaded machine is slow, not wrong

await t.test('processes share files as on any disk', fuse, async (t) => {
  const ground = await Playground.start(t, { portalArguments: ['--plan', 'self-hosted'], settings: { uploadDelay: '3600' } })

  // [S-47]
  await t.test('flock keeps processes apart: none of their increments is lost', async (t) => {
    await ground.shell(`echo 0 > counter; : > lock
      ${together(`for turn in $(seq ${TURNS}); do flock lock bash -c 'echo $(($(cat counter) + 1)) > counter'; done`)}`)
    t.equal((await ground.shell('cat counter')).trim(), String(PROCESSES * TURNS))
    t.equal((await ground.attempt(`exec 3< lock; flock 3; flock --nonblock lock true`)).code, 1, 'a held lock is refused to others')
  })

  // [S-22]
  await t.test('four writers with O_APPEND overwrite no line of each other', async (t) => {
    await ground.shell(together(`for n in $(seq ${LINES}); do echo "writer $who line $n $(printf '%*s' $((n % 90)) x)" >> log; done`))
    const lines = (await ground.shell('cat log')).trimEnd().split('\n')
    t.equal(lines.length, PROCESSES * LINES)
    for (let who = 1; who <= PROCESSES; who += 1) {
      const own = lines.filter((line) => line.startsWith(`writer ${who} `)).map((line) => Number(line.split(' ')[3]))
      t.same(own, Array.from({ length: LINES }, (_, index) => index + 1), `writer ${who}: all lines, in order`)
    }
  })

  // [S-38]
  await t.test('a file that is unlinked while open goes on for who has it open, and leaves no trace', async (t) => {
    const read = await ground.shell(`
      echo first > open.txt
      exec 3<> open.txt 4< open.txt
      rm open.txt
      test ! -e open.txt
      test "$(stat -L -c %h /dev/fd/3)" = 0
      echo second >&3          # at the start: it overwrites
      echo third >&3
      echo another > open.txt  # the name is free
      cat <&4
      python3 -c 'import os; os.ftruncate(3, 6); print(os.fstat(4).st_size, os.pread(4, 100, 0))'`)
    t.equal(read, `second\nthird\n6 b'second'\n`)
    t.equal(await ground.shell('cat open.txt'), 'another\n')
  })

  // [S-31]
  await t.test('a sparse file with punched holes reads as on a local disk', async (t) => {
    const steps = `
      truncate -s 40M sparse
      printf 'at the start' | dd of=sparse conv=notrunc status=none
      head -c 3000000 /dev/zero | tr '\\0' 'z' | dd of=sparse bs=1000000 seek=10 conv=notrunc status=none
      fallocate --punch-hole --offset 11111111 --length 1500000 sparse
      fallocate --punch-hole --offset 0 --length 3 sparse
      fallocate --keep-size --offset 41943000 --length 100000 sparse
      fallocate --zero-range --offset 10000000 --length 5000 sparse
      fallocate --offset 41943040 --length 4096 sparse
      printf 'behind the end' | dd of=sparse bs=1 seek=42000000 conv=notrunc status=none
      truncate -s 42000010 sparse
      cp --sparse=always sparse copy`
    await ground.shell(`${steps}; mkdir '${ground.directory}/local'; cd '${ground.directory}/local'; ${steps}`)
    await ground.shell(`for file in sparse copy; do cmp $file '${ground.directory}'/local/sparse; done`)
    const onDisk = Number((await ground.shell(`du -sB1 '${ground.home}/cache'`)).split('\t')[0])
    t.ok(onDisk < 20 * 10 ** 6, `84 MB of files take ${onDisk} bytes: what was never written takes no room`)
  })
})
