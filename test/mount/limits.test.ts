// Acceptance 5 of issue 4 on real daemons: whatever is asked, the portal's bucket (basic: 50, two a second) is never overrun
// in any second or minute; two profiles share it; a person's open goes past a saturated background.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, run, until, type Outcome, type Requests } from './playground.js'

const BURST = 50
const PER_SECOND = 2
const OBSERVED_MS = 66_000 // a whole minute of it in any case
const FILES = 1_000
const SAVED = 200
const READ = 6 // by each profile; then what is saved has its turn
const OPENS = 10
const OPEN_EVERY_MS = 2_000 // an open costs two requests, a second gives two
const PATIENT_MS = 1_000

// Opens every file, saves some, reads some, and waits to be ended; tells what it has done.
const WORK = `
import os, signal, sys, threading
files = sorted(os.path.join(d, f) for d, _, names in os.walk('.') for f in names)
handles = [os.open(f, os.O_RDONLY) for f in files]
print('opened', len(handles), flush=True)
for f in files[:int(sys.argv[1])]:
    with open(f, 'wb') as saved: saved.write(b'saved by ' + sys.argv[2].encode())
print('saved', sys.argv[1], flush=True)
todo = iter(handles[int(sys.argv[1]):][:int(sys.argv[3])])
lock = threading.Lock()
def read():
    while True:
        with lock: handle = next(todo, None)
        if handle is None: return
        if len(os.pread(handle, 5000, 0)) != 1000: os._exit(3)
        print('read', flush=True)
readers = [threading.Thread(target=read, daemon=True) for _ in range(8)]
for reader in readers: reader.start()
for reader in readers: reader.join()
signal.pause()
`

const fuse = skipWithout('fuse')

t.setTimeout(240_000)

/** From any request to any later one no more came than the bucket lets through. */
function overruns({ log }: Requests): readonly string[] {
  const times = log.map(({ at }) => Date.parse(String(at)))
  const found: string[] = []
  times.forEach((from, first) => {
    times.slice(first).forEach((to, further) => {
      const allowed = BURST + ((to - from + 1) / 1000) * PER_SECOND // a stamp is cut to its millisecond
      if (further + 1 > allowed) found.push(`${further + 1} requests in ${to - from} ms from the ${first}th on`)
    })
  })
  return found
}

function work(folder: string, saved: number, name: string, timeoutMs: number): Promise<Outcome> {
  return run('python3', ['-c', WORK, String(saved), name, String(READ)], { cwd: folder, timeoutMs })
}

/** Another profile of the same user for the same portal, in a folder of its own. */
async function secondProfile(t: Test, ground: Playground): Promise<string> {
  const folder = join(ground.directory, 'Second')
  await mkdir(folder)
  t.teardown(() => ground.cli('--profile', 'second', 'unmount', '--force'))
  await ground.ok('--profile', 'second', 'connect', ground.portal.webhook, '--folder', folder)
  await ground.ok('--profile', 'second', 'settings', 'stallDeadline', '600')
  await ground.ok('--profile', 'second', 'mount')
  return folder
}

await t.test(`two profiles that open ${FILES} files and save ${SAVED} share the plan's rate: no second and no minute has more`, fuse, async (t) => {
  const ground = await Playground.start(t, { seed: `tree:10x${FILES / 10}x1000`, settings: { stallDeadline: '600', uploadDelay: '0' } })
  const second = await secondProfile(t, ground)
  const startMs = performance.now()
  const [one, two] = await Promise.all([work(ground.folder, SAVED, 'one', OBSERVED_MS), work(second, 0, 'two', OBSERVED_MS)])
  const seconds = (performance.now() - startMs) / 1000
  const requests = await ground.requests()
  for (const [name, { stdout, stderr }] of [['one', one], ['two', two]] as const) {
    t.match(stdout, `opened ${FILES}`, `profile ${name} opened all`)
    t.equal(stderr, '')
    t.ok(stdout.split('\n').filter((line) => line === 'read').length === READ, `profile ${name} read ${stdout.split('\n').filter((line) => line === 'read').length} files`)
  }
  t.ok((requests.methods['disk.file.uploadversion'] ?? 0) >= 10, `${requests.methods['disk.file.uploadversion'] ?? 0} versions went up`)
  t.equal(requests.limited, 0, 'the portal never had to refuse')
  t.same(overruns(requests), [])
  t.ok(requests.peakPerSecond <= BURST + PER_SECOND, `at most ${requests.peakPerSecond} in a second`)
  t.ok(requests.total === requests.log.length && requests.total >= 0.8 * (seconds * PER_SECOND), `${requests.total} requests in ${Math.round(seconds)} s: what the plan gives is used`)
})

await t.test(`an open waits less than ${PATIENT_MS} ms behind a saturated background`, fuse, async (t) => {
  const ground = await Playground.start(t, { seed: 'tree:4x150x1000', settings: { uploadDelay: '0' } })
  await ground.shell(`find . > /dev/null; for i in $(seq -w 001 100); do echo saved > folder-2/file-$i.dat; done`)
  await ground.ok('pin', ground.path('folder-3'))
  const level = async (): Promise<number> => (await ground.json<{ budget: { used: number } }>('status')).budget.used
  await until('the background has taken what it may', async () => (await level()) >= 36, 30_000)
  const waits: number[] = []
  for (let open = 1; open <= OPENS; open += 1) {
    const beganMs = performance.now()
    await ground.shell(`head -c 1000 folder-4/file-0${String(open * 7).padStart(2, '0')}.dat > /dev/null`)
    waits.push(Math.round(performance.now() - beganMs))
    await sleep(OPEN_EVERY_MS)
  }
  t.ok(waits.every((wait) => wait < PATIENT_MS), `waited ${waits.join(', ')} ms`)
  t.ok((await ground.json<{ pendingUploads: number }>('status')).pendingUploads > 10, 'the queue was long all the time')
  const requests = await ground.requests()
  t.equal(requests.limited, 0)
  t.same(overruns(requests), [])
})
