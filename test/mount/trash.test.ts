/** "Move to Trash" of a file manager and its undo, by the real gio: it knows the trash of a mount as any file manager does. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { skipWithout } from '../support/skip.js'
import { Playground, run, type Outcome } from './playground.js'

const fuse = skipWithout('fuse', 'desktop') // gio asks gvfs, which the file manager brings, for the list and the undo

t.setTimeout(180_000) // a loaded machine is slow, not wrong

/** A home without a trash of its own, and a bus for what gio asks of others; both end with the command. */
async function desk(ground: Playground): Promise<(script: string) => Promise<Outcome>> {
  const runtime = join(ground.directory, 'run')
  await mkdir(runtime, { mode: 0o700, recursive: true })
  const env = { ...process.env, HOME: ground.directory, XDG_RUNTIME_DIR: runtime, XDG_DATA_HOME: join(ground.directory, 'data'), GVFS_DISABLE_FUSE: '1', GIO_USE_VOLUME_MONITOR: 'unix' }
  return (script) => run('dbus-run-session', ['--', 'bash', '-ec', `restore() { gio trash --restore "$(gio trash --list | grep "/$1\$" | cut -f1)"; }; ${script}`], { cwd: ground.folder, env })
}

async function ids(ground: Playground): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await ground.tree()).filter(({ path }) => path !== '').map(({ path, id }) => [path, id]))
}

async function hearsNoTrash(t: Test, ground: Playground): Promise<void> {
  t.notMatch(JSON.stringify((await ground.requests()).log), /\.Trash|trashinfo/, 'the portal hears no name of the trash')
}

// [S-42]
await t.test('gio trash puts into the portal\'s trash, gio lists it, and undo brings the same ids back with their bytes, over kill -9', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
  const gio = await desk(ground)
  await ground.shell('mkdir -p d/deep; echo one > a.txt; echo two > d/b.txt; echo three > d/deep/c.txt; echo four > undone.txt')
  await ground.ok('sync', '--wait', '60')
  const before = await ids(ground)
  await ground.clearRequests()
  t.equal((await gio('gio trash undone.txt; restore undone.txt')).code, 0)
  t.match((await gio('gio trash a.txt d')).code, 0)
  t.same((await ground.requests()).total, 0, 'nothing is sent within the upload delay')
  await ground.killDaemon()
  await ground.mount()
  await ground.ok('sync', '--wait', '60')
  t.same(Object.keys(await ids(ground)), ['undone.txt'])
  const { methods } = await ground.requests()
  t.same([methods['disk.file.markdeleted'], methods['disk.folder.markdeleted'], methods['disk.folder.deletetree']], [1, 1, undefined])
  const { stdout } = await gio('gio trash --list')
  t.same(stdout.trim().split('\n').map((line) => line.split('\t')[1]).sort(), [ground.path('a.txt'), ground.path('d')])
  await hearsNoTrash(t, ground)

  t.equal((await gio('restore a.txt; restore d')).code, 0)
  t.equal(await ground.shell('cat a.txt d/b.txt d/deep/c.txt; ls -A .Trash-*/files .Trash-*/info | grep -v :'), 'one\ntwo\nthree\n\n')
  await ground.killDaemon()
  await ground.mount()
  await ground.ok('sync', '--wait', '60')
  t.same(await ids(ground), before)
  t.equal(await ground.stateOf('d', 'b.txt'), 'cached')
  t.equal((await ground.requests()).bytesDown, 0, 'nothing was downloaded')
  t.same(await ground.shell('find . -path "./.Trash-*" -prune -o -type f -print | sort'), './a.txt\n./d/b.txt\n./d/deep/c.txt\n./undone.txt\n')
  await hearsNoTrash(t, ground)
})

await t.test('emptied, purged, restored by a colleague, or a link: each ends as a person expects', fuse, async (t) => {
  const ground = await Playground.start(t, { settings: { uploadDelay: '600' } })
  const gio = await desk(ground)
  await ground.act({ as: 'owner', op: 'write', path: 'placeholder.txt', content: 'nobody read this' })
  const common = (await allStorages(ground)).find((storage) => storage !== ground.portal.storage)
  await ground.act({ op: 'mkdir', storage: common, path: 'Shared' })
  await ground.act({ op: 'write', storage: common, path: 'Shared/theirs.txt', content: 'theirs' })
  await ground.act({ op: 'connect', storage: common, path: 'Shared' })
  await ground.shell('mkdir d; for name in emptied purged colleague; do echo $name > $name.txt; done; echo inner > d/inner.txt')
  await ground.ok('sync', '--wait', '60')
  const before = await ids(ground)

  t.not((await gio('gio trash Shared')).code, 0, 'a link cannot come back, so it is not trashed')
  t.match((await ground.attempt('mkdir -p ".Trash-$UID/files"; mv Shared ".Trash-$UID/files/"')).stderr, /Operation not permitted/)
  t.equal((await ground.attempt('cat Shared/theirs.txt')).stdout, 'theirs')

  await ground.shell('cat Shared/theirs.txt')
  t.equal((await gio('gio trash emptied.txt d purged.txt placeholder.txt colleague.txt Shared/theirs.txt')).code, 0)
  await ground.ok('sync', '--wait', '60')
  t.same(Object.keys(await ids(ground)), ['Shared'], 'all of them are in the portal\'s trash')

  await ground.act({ op: 'restore', id: before['colleague.txt'] })
  await ground.ok('sync', '--wait', '60')
  t.equal(await ground.shell('cat colleague.txt'), 'colleague\n', 'restored by a colleague, it is back at its place')
  t.notMatch((await gio('gio trash --list')).stdout, /colleague/, 'and not in the trash')

  for (const name of ['purged.txt', 'placeholder.txt']) await ground.act({ op: 'purge', id: before[name] })
  t.match(await gio('restore placeholder.txt'), { code: 1, stderr: /Stale file handle/ }, 'its bytes are nowhere: undo fails')
  t.match((await gio('gio trash --list')).stdout, /placeholder\.txt/, 'and the entry stays')
  t.equal((await gio('restore purged.txt; restore theirs.txt')).code, 0)
  await ground.ok('sync', '--wait', '60')
  t.match(await ground.item('purged.txt'), { size: 7 }, 'sent again from the bytes here')
  t.not((await ground.item('purged.txt'))?.id, before['purged.txt'])
  t.equal(await ground.shell('cat Shared/theirs.txt'), 'theirs', 'what belongs to another storage comes back as well')

  await ground.clearRequests()
  // The service goes on after gio, and ends with the session.
  const emptied = await gio('gio trash --empty; for try in $(seq 100); do [ -z "$(find .Trash-*/ -type f)" ] && exit; sleep 0.1; done; find .Trash-*; exit 1')
  t.match(emptied, { code: 0 }, emptied.stdout)
  await ground.ok('sync', '--wait', '60')
  t.same(Object.keys((await ground.requests()).methods).filter((name) => /delete|restore|move|rename|upload/.test(name)), [], 'the portal\'s trash is nobody\'s to empty')
  await ground.act({ as: 'owner', op: 'restore', id: before.d })
  await ground.ok('sync', '--wait', '60')
  t.equal(await ground.shell('cat d/inner.txt'), 'inner\n')
  await hearsNoTrash(t, ground)
})

async function allStorages(ground: Playground): Promise<readonly string[]> {
  const { result } = (await (await fetch(`${ground.portal.webhook}disk.storage.getlist`)).json()) as { result: readonly { ID: unknown; ENTITY_TYPE: string }[] }
  return result.filter(({ ENTITY_TYPE }) => ENTITY_TYPE !== 'user').map(({ ID }) => String(ID))
}
